#!/bin/sh
# Builds the console into web/dist, which the server embeds. Called by `make build` when a source changed, and by `make test`.
# The console uses our package in sdk/js from its directory, so that is built first.
set -eu
cd "$(dirname "$0")/.."

# npm keeps what it installed in node_modules/.package-lock.json; a newer lock file means: install again.
packages() {
    if [ ! "$1/node_modules/.package-lock.json" -nt "$1/package-lock.json" ]; then
        (cd "$1" && npm ci --no-audit --no-fund)
    fi
}

for package in sdk/js web; do
    echo "console: building $package"
    packages "$package"
    (cd "$package" && npm run --silent build)
done
# A build that finds nothing to write must still count as newer than its sources.
touch web/dist/index.html
