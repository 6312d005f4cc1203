#!/bin/sh
# Asks the backend that signs today and Reelgate the same, and compares what they signed.
#
#     OLD=http://127.0.0.1:3000/getUploadSignature NEW=http://127.0.0.1:8300/getUploadSignature \
#         REELGATE_TOKEN=rgk_… sh compare.sh 'procedure=LongVideoPreset&classId=3'
#
# An argument that begins with { is posted as JSON, another one is a query. OLD_HEADER is one more header for the old
# backend, such as "Cookie: session=…". Headers go to curl in a file that only you can read: other users of the machine
# can see arguments.
set -eu
: "${OLD:?the address of the backend that signs today}" "${NEW:?the address of Reelgate}" "${REELGATE_TOKEN:?an API key}"

asked=${1:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# ask ADDRESS HEADER: what is answered there.
ask() {
    printf 'header = "%s"\n' "${2:-X-Compare: 1}" >"$work/headers"
    case $asked in
        '') curl -sS -m 10 -K "$work/headers" "$1" ;;
        '{'*) curl -sS -m 10 -K "$work/headers" -H 'Content-Type: application/json' --data-binary "$asked" "$1" ;;
        *) curl -sS -m 10 -K "$work/headers" "$1?$asked" ;;
    esac
}

ask "$OLD" "${OLD_HEADER:-}" >"$work/old"
ask "$NEW" "Authorization: Bearer $REELGATE_TOKEN" >"$work/new"
python3 "$(dirname "$0")/compare.py" "$work/old" "$work/new"
