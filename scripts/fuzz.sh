#!/usr/bin/env bash
# Gives the formats of the wire crate bytes that nobody would send. Each target runs for SECONDS_EACH (20), or until it fails.
#
#     scripts/fuzz.sh                                  every target
#     SECONDS_EACH=600 scripts/fuzz.sh xml sigv4       two of them, for longer
#
# What fails is kept under crates/wire/fuzz/artifacts; it deserves a unit test. What was learnt is kept under
# crates/wire/fuzz/corpus for the next run, and is not committed; what the targets begin with, crates/wire/fuzz/seeds, is.
#
# Exit code: 0 nothing was found, 1 something was, 2 it cannot run on this machine.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../crates/wire/fuzz"

seconds=${SECONDS_EACH:-20}

missing=()
command -v cargo >/dev/null || missing+=("cargo: install Rust with https://rustup.rs")
cargo fuzz --version >/dev/null 2>&1 || missing+=("cargo-fuzz: cargo install cargo-fuzz --locked")
command -v c++ >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null ||
    missing+=("a C++ compiler, which builds libFuzzer: apt-get install g++")
if [ "${#missing[@]}" -gt 0 ]; then
    echo "fuzz: cannot run, this is missing:" >&2
    printf 'fuzz:   %s\n' "${missing[@]}" >&2
    exit 2
fi

# Sanitizers are unstable. Without a nightly toolchain the pinned one is told to be unstable, too.
if rustup run nightly rustc --version >/dev/null 2>&1; then
    export RUSTUP_TOOLCHAIN=nightly
else
    echo "fuzz: no nightly toolchain (rustup toolchain install nightly --profile minimal); using the pinned one" >&2
    export RUSTC_BOOTSTRAP=1
fi

targets=("$@")
if [ "${#targets[@]}" -eq 0 ]; then
    for seeds in seeds/*/; do targets+=("$(basename "$seeds")"); done
fi

cargo fuzz build --fuzz-dir . || { echo "fuzz: the targets cannot be built; see the messages above" >&2; exit 2; }

failed=()
for target in "${targets[@]}"; do
    if [ ! -f "fuzz_targets/$target.rs" ] || [ ! -d "seeds/$target" ]; then
        echo "fuzz: there is no target $target; these are: $(cd seeds && echo *)" >&2
        exit 2
    fi
    mkdir -p "corpus/$target"
    log=target/$target.log
    # libFuzzer writes to the first directory only. What it says is of interest when it has found something.
    if cargo fuzz run --fuzz-dir . "$target" "corpus/$target" "seeds/$target" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 >"$log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        echo "fuzz: $target: ok, $runs runs in $seconds s"
    else
        failed+=("$target")
        tail -n 60 "$log"
        echo "fuzz: $target: FAILED, see above and crates/wire/fuzz/$log"
    fi
done

if [ "${#failed[@]}" -gt 0 ]; then
    echo "fuzz: FAILED: ${failed[*]}" >&2
    exit 1
fi
echo "fuzz: nothing found in ${targets[*]}"
