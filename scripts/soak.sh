#!/usr/bin/env bash
# The long tests. Called by `make soak`; REELGATE_KILL_ROUNDS says how many times the server is killed (200), and
# REELGATE_PART_KILL_ROUNDS how many times while parts are sent again and again (50, on each engine).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

REELGATE_KILL_ROUNDS=${REELGATE_KILL_ROUNDS:-200} REELGATE_PART_KILL_ROUNDS=${REELGATE_PART_KILL_ROUNDS:-50} CI=${CI:-true} \
    cargo test --locked -p reelgate-server --test it kill -- --nocapture
