#!/usr/bin/env bash
# Builds the measuring program and runs it against the optimised server that `make build` has made.
#
#     make bench                                           everything
#     MEASURE=signatures make bench                        one measurement: memory or signatures
#     MEASURE=axum,api-key ROUNDS=7 SECONDS_EACH=10 make bench
#     MEASURE=memory ROUNDS=5 SCRATCH=/big/disk make bench
#
# What is given to this script itself goes on to the program, whose --help lists the rest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=${CARGO_TARGET_DIR:-target}
express=crates/bench/peers/express

# The Express peer needs its packages; without them the measurement leaves it out and says so.
install_express() {
    case ,${MEASURE:-signatures}, in
    *,signatures,* | *,express,*) ;;
    *) return 0 ;;
    esac
    command -v node >/dev/null && command -v npm >/dev/null || return 0
    # `npm ci` deletes before it downloads: what is in place already stays usable offline.
    if [ "$express/node_modules/.package-lock.json" -nt "$express/package-lock.json" ]; then return 0; fi
    (cd "$express" && npm ci --omit=dev --no-audit --no-fund) ||
        echo "bench: the packages of the Express peer could not be installed; see npm's message above" >&2
}

cargo build --locked --release -p reelgate-bench
install_express
exec "$target/release/reelgate-bench" --server "$target/release/reelgate" --express "$express" \
    ${MEASURE:+--only "$MEASURE"} ${ROUNDS:+--rounds "$ROUNDS"} ${SECONDS_EACH:+--seconds "$SECONDS_EACH"} \
    ${SCRATCH:+--scratch "$SCRATCH"} "$@"
