#!/usr/bin/env bash
# Builds the measuring program and runs it against the optimised server that `make build` has made.
#
#     ROUNDS=5 SCRATCH=/big/disk make bench
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=${CARGO_TARGET_DIR:-target}
cargo build --locked --release -p reelgate-bench
exec "$target/release/reelgate-bench" --server "$target/release/reelgate" \
    ${ROUNDS:+--rounds "$ROUNDS"} ${SCRATCH:+--scratch "$SCRATCH"}
