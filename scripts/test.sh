#!/usr/bin/env bash
# Everything the build machine runs, in stages. Called by `make test`, which has installed what the stages need.
#
# A failed stage does not stop the ones after it: one run shows all there is to repair. The last line says how it went.
# With CI=true a test that cannot run on this machine fails instead of being skipped.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Absolute, since some stages work in a directory of their own.
target=${CARGO_TARGET_DIR:-target}
case $target in /*) ;; *) target=$PWD/$target ;; esac
# Snapshots are compared, never rewritten.
export INSTA_UPDATE=no
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}

passed=()
failed=()
began=$SECONDS

# stage TITLE COMMAND…: runs it under a heading and notes how it ended and how long it took.
stage() {
    local title=$1 since=$SECONDS code=0
    shift
    printf '\n=== %s\n' "$title"
    "$@" || code=$?
    local took=$((SECONDS - since))
    if [ "$code" -eq 0 ]; then
        passed+=("$title")
        printf -- '--- %s: ok in %s s\n' "$title" "$took"
    else
        failed+=("$title")
        printf -- '--- %s: FAILED (exit code %s) after %s s\n' "$title" "$code" "$took"
    fi
}

formatting() { cargo fmt --all --check; }

lints() { cargo clippy --locked --workspace --all-targets -- -D warnings; }

# Why advisories are not among them: see deny.toml.
dependencies() { cargo deny --locked check bans licenses sources; }

node_package() {
    (cd "$1" && npm ci --no-audit --no-fund && npm test && npm run build --if-present)
}

# The server embeds web/dist, so this stage comes before the Rust tests.
javascript() {
    local package
    for package in sdk/js web; do
        printf '\n%s\n' "--- $package"
        node_package "$package" || return
    done
}

rust_tests() { cargo test --locked --workspace --no-fail-fast; }

documentation() {
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --document-private-items
}

browser_tests() {
    cargo build --locked -p reelgate-server &&
        (cd tests/browser && npm ci --no-audit --no-fund && REELGATE_BINARY=$target/debug/reelgate npm test)
}

examples() {
    cargo build --locked -p reelgate-server && bash scripts/examples.sh "$target/debug/reelgate"
}

# A short run; what it finds is worth a long one.
fuzzing() { SECONDS_EACH=${SECONDS_EACH:-10} bash scripts/fuzz.sh; }

clients() {
    cargo build --locked -p reelgate-server && bash scripts/clients.sh "$target/debug/reelgate"
}

# Whether the working tree is a git checkout; an unpacked archive has nothing to compare with.
is_checkout() { git rev-parse --is-inside-work-tree >/dev/null 2>&1; }

# What differs from the last commit, as one short text: the same before and after means nothing was written.
tree_state() {
    { git status --porcelain --untracked-files=all && git diff; } | git hash-object --stdin
}

# Whatever is generated and committed is written again; then the tree must be what it was before the tests.
generated_files() {
    if ! is_checkout; then
        echo "not a git checkout: nothing to compare with"
        return 0
    fi
    local openapi
    openapi=$("$target/debug/reelgate" openapi) || return
    printf '%s\n' "$openapi" >openapi.json
    [ "$(tree_state)" = "$state_before" ] && return 0
    echo "the tests or the generators changed the working tree; commit the result or repair them:"
    git status --short
    git --no-pager diff --stat
    return 1
}

summary() {
    printf '\n=== %s stages ok, %s failed, %s min %02d s\n' \
        "${#passed[@]}" "${#failed[@]}" $(((SECONDS - began) / 60)) $(((SECONDS - began) % 60))
    if [ "${#failed[@]}" -eq 0 ]; then
        echo "make test: all green"
    else
        echo "make test: FAILED in: $(printf '%s; ' "${failed[@]}" | sed 's/; $//')"
        exit 1
    fi
}

state_before=$(is_checkout && tree_state)
stage "format" formatting
stage "lints" lints
stage "dependencies" dependencies
stage "sdk/js and console" javascript
stage "rust tests" rust_tests
stage "documentation" documentation
stage "browser tests" browser_tests
stage "clients" clients
stage "fuzzing" fuzzing
stage "examples" examples
stage "generated files" generated_files
summary
