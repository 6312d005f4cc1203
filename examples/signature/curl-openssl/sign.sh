#!/bin/sh
# Makes an upload signature with what every Unix machine has: sh, openssl, base64, od.
#
#     SECRET_KEY=… sh sign.sh SECRET_ID [name=value]…     such as oneTimeValid=1 procedure=LongVideoPreset
#     printf %s "$original" | SECRET_KEY=… sh sign.sh --original     signs a ready query string as it is
set -eu
# Text is bytes here: lengths are counted, and characters encoded, byte by byte.
LC_ALL=C
export LC_ALL

optional="procedure taskPriority taskNotifyMode classId vodSubAppId oneTimeValid sourceContext sessionContext storageRegion"

fail() { printf '%s\n' "sign.sh: $*" >&2; exit 2; }

# sign SECRET_ID [name=value]…: prints the signature. The SecretKey is $SECRET_KEY.
sign() {
    secret_id=$1
    shift
    valid_seconds=$(option validSeconds "$@")
    now=$(date +%s)
    random=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
    original="secretId=$(encode "$secret_id")&currentTimeStamp=$now"
    original="$original&expireTime=$((now + ${valid_seconds:-3600}))&random=$random"
    for name in $optional; do
        value=$(option "$name" "$@")
        [ -z "$value" ] || original="$original&$name=$(encode "$value")"
    done
    sign_original "$original"
}

# The MAC's bytes, then the string that was signed. They stay in a pipe: a shell variable cannot hold NUL bytes.
# GNU base64 breaks lines at 76 characters, and a signature must not have any.
sign_original() {
    { printf %s "$1" | hmac_sha1; printf %s "$1"; } | base64 | tr -d '\n'
}

# HMAC-SHA1 (RFC 2104) of standard input, 20 bytes. Spelled out as two digests because `openssl dgst -hmac` takes the key
# only as an argument, where every user of the machine can read it in the process list.
hmac_sha1() {
    { pad 54; cat; } | openssl dgst -sha1 -binary | { pad 92; cat; } | openssl dgst -sha1 -binary
}

# pad BYTE: the SecretKey, filled up with zeros to a block of 64 bytes, XOR BYTE.
pad() {
    missing=$((64 - ${#SECRET_KEY}))
    for byte in $(printf %s "$SECRET_KEY" | od -An -v -tu1); do
        printf %b "\\0$(printf %03o $((byte ^ $1)))"
    done
    while [ "$missing" -gt 0 ]; do
        printf %b "\\0$(printf %03o "$1")"
        missing=$((missing - 1))
    done
}

# encode TEXT: all but RFC 3986's unreserved characters as %XX, so that a space is %20 and never +.
encode() {
    for byte in $(printf %s "$1" | od -An -v -tx1 | tr a-f A-F); do
        case $byte in
        2D | 2E | 5F | 7E | 3[0-9] | 4[1-9A-F] | 5[0-9A] | 6[1-9A-F] | 7[0-9A]) printf %b "\\0$(printf %03o "0x$byte")" ;;
        *) printf %%%s "$byte" ;;
        esac
    done
}

# option NAME [name=value]…: the value given for NAME, or nothing.
option() {
    wanted=$1
    shift
    for pair in "$@"; do
        [ "${pair%%=*}" != "$wanted" ] || printf %s "${pair#*=}"
    done
}

# A misspelt name would be a limit that is not there: oneTimevalid=1 leaves the signature good for many uploads.
check_options() {
    for pair in "$@"; do
        case $pair in
        validSeconds=*[!0-9]* | validSeconds= | validSeconds=0*) fail "validSeconds is a whole number of seconds above 0" ;;
        *=*) ;;
        *) fail "\"$pair\" is not name=value" ;;
        esac
        case " validSeconds $optional " in
        *" ${pair%%=*} "*) ;;
        *) fail "\"${pair%%=*}\" is none of: validSeconds $optional" ;;
        esac
    done
}

[ -n "${SECRET_KEY:-}" ] || fail "put the SecretKey into the environment variable SECRET_KEY"
[ "${#SECRET_KEY}" -le 64 ] || fail "a SecretKey above 64 bytes would have to be hashed first; this script does not do that"
case ${1:-} in
--original) sign_original "$(cat)" ;;
"" | -*) fail "usage: SECRET_KEY=… sh sign.sh SECRET_ID [name=value]…" ;;
*)
    secret_id=$1
    shift
    check_options "$@"
    sign "$secret_id" "$@"
    ;;
esac
echo

# What a client does with it first (the SDKs do this, the upload of the parts and the CommitUploadUGC that follow):
#
#     curl -s 'http://127.0.0.1:8300/v3/index.php?Action=ApplyUploadUGC' -H 'Content-Type: application/json' \
#          -d "{\"signature\":\"$(sh sign.sh "$SECRET_ID")\",\"videoName\":\"holiday\",\"videoType\":\"mp4\"}"
#
# The answer has HTTP status 200 also for a refusal: "code" is 0, or 10004 for a signature that is not right, and "message"
# says why.
