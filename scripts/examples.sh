#!/usr/bin/env bash
# Starts a built server with an empty data directory and runs the check of the examples against it.
#
#     bash scripts/examples.sh target/debug/reelgate
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

binary=${1:?say where the server is: bash scripts/examples.sh target/debug/reelgate}
work=$(mktemp -d)
server=
# shellcheck disable=SC2154 # assigned in the trap itself
trap 'code=$?; [ -z "$server" ] || kill "$server" 2>/dev/null || true; wait; rm -rf -- "$work"; exit "$code"' EXIT

# Good on this server only, which nobody else reaches and which is gone with this script.
export REELGATE_SECRET_ID=AKIDofTheExamples
export REELGATE_SECRET_KEY=only-for-the-check-of-examples-1
export REELGATE_TOKEN=rgk_only_for_the_check_of_examples

mkfifo "$work/said"
REELGATE_ROOT__SECRET_ID=$REELGATE_SECRET_ID \
    REELGATE_ROOT__SECRET_KEY=$REELGATE_SECRET_KEY \
    REELGATE_ROOT__API_KEY=$REELGATE_TOKEN \
    "$binary" serve --data-dir "$work/data" --listen 127.0.0.1:0 --roles dispatch,gateway,api >/dev/null 2>"$work/said" &
server=$!

# It says its address once it listens; what it says later is read too, or it would stop at a full pipe.
exec 3<"$work/said"
REELGATE_URL=
while [ -z "$REELGATE_URL" ] && read -r line <&3; do
    printf '%s\n' "$line" >>"$work/log"
    case $line in "Reelgate listens on "*) REELGATE_URL=${line#Reelgate listens on } ;; esac
done
cat <&3 >>"$work/log" &
if [ -z "$REELGATE_URL" ]; then
    echo "examples.sh: $binary did not start; it said:" >&2
    cat "$work/log" >&2
    exit 1
fi
export REELGATE_URL
bash examples/signature/check.sh
python3 examples/compare-signatures/compare.py --check
