#!/usr/bin/env bash
# Builds the measuring program and runs it against the optimised server that `make build` has made.
#
#     make bench                                           everything
#     MEASURE=signatures make bench                        one measurement: memory, uploads, signatures or events
#     MEASURE=uploads SCALE=0.1 make bench                 a tenth of the bytes
#     MEASURE=cos-multipart,sink-digests ROUNDS=3 make bench
#     MEASURE=axum,api-key ROUNDS=7 SECONDS_EACH=10 make bench
#     MEASURE=event-appends,event-queue ROUNDS=3 make bench
#     MEASURE=memory ROUNDS=5 SCRATCH=/big/disk make bench
#
# What is given to this script itself goes on to the program, whose --help lists the rest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=${CARGO_TARGET_DIR:-target}
express=crates/bench/peers/express
tus=crates/bench/peers/tus
tools=target/tools # the same for every CARGO_TARGET_DIR: what is there is not ours

# wanted WORD...: whether MEASURE asks for one of them; without it everything is measured.
wanted() {
    [ -n "${MEASURE:-}" ] || return 0
    for word in "$@"; do
        case ,$MEASURE, in *,$word,*) return 0 ;; esac
    done
    return 1
}

# A peer on Node needs its packages; without them the measurement leaves it out and says so.
install_node_peer() {
    command -v node >/dev/null && command -v npm >/dev/null || return 0
    # `npm ci` deletes before it downloads: what is in place already stays usable offline.
    if [ "$1/node_modules/.package-lock.json" -nt "$1/package-lock.json" ]; then return 0; fi
    (cd "$1" && npm ci --omit=dev --no-audit --no-fund) ||
        echo "bench: the packages of $1 could not be installed; see npm's message above" >&2
}

cargo build --locked --release -p reelgate-bench
if wanted signatures express; then install_node_peer "$express"; fi
if wanted uploads tus-node; then install_node_peer "$tus"; fi
if wanted uploads nginx seaweedfs rustus events event-appends event-queue; then sh scripts/setup.sh bench; fi
exec "$target/release/reelgate-bench" --server "$target/release/reelgate" --express "$express" --tus-peer "$tus" \
    --tools "$tools" ${SCALE:+--scale "$SCALE"} \
    ${MEASURE:+--only "$MEASURE"} ${ROUNDS:+--rounds "$ROUNDS"} ${SECONDS_EACH:+--seconds "$SECONDS_EACH"} \
    ${SCRATCH:+--scratch "$SCRATCH"} "$@"
