#!/usr/bin/env bash
# Runs the official upload clients for Python and Node, unmodified, against a built server.
#
#     bash scripts/clients.sh target/debug/reelgate
#
# Their packages are installed below target/ and tests/clients/node, at the versions that the two lists there pin.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

REELGATE_BINARY=$(realpath "${1:?say where the server is: bash scripts/clients.sh target/debug/reelgate}")
export REELGATE_BINARY

# The name tells what is inside, so that another list makes another environment.
list=tests/clients/python/requirements.txt
venv=$PWD/target/clients/$(git hash-object "$list" | cut -c1-12)
if [ ! -e "$venv/complete" ]; then
    rm -rf -- "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$list"
    touch "$venv/complete"
fi
(cd tests/clients/python && "$venv/bin/python" -W ignore::SyntaxWarning -m unittest -v)

(cd tests/clients/node && npm ci --no-audit --no-fund --loglevel=error && npm test)
