#!/usr/bin/env bash
# Holds the samples to the vectors, and what they sign now to another language. Called by scripts/test.sh, or by hand.
#
# A language that this machine lacks is skipped and named; with CI=true only Go may be. Given a server, it is tried for real:
#
#     REELGATE_URL, REELGATE_SECRET_ID, REELGATE_SECRET_KEY   starts an upload with what the samples sign
#     REELGATE_URL, REELGATE_TOKEN                            runs examples/backend, of which else only the syntax is read
#
# scripts/examples.sh starts such a server. The last line says how it went.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

samples=(curl-openssl node python go)
# Any id and key do: nothing here is sent anywhere.
id=AKIDexample0001vodvector
key=QXbLmVyT3wRkZp8sNdHf2gJc5uAe7x9B

passed=0
failed=0
skipped=0
work=$(mktemp -d)
backend=
# shellcheck disable=SC2154 # assigned in the trap itself
trap 'code=$?; [ -z "$backend" ] || kill "$backend" 2>/dev/null; rm -rf -- "$work"; exit "$code"' EXIT

have() { command -v "$1" >/dev/null 2>&1; }
pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); printf 'FAILED   %s\n' "$*"; }
skip() { skipped=$((skipped + 1)); printf 'skipped  %s\n' "$*"; }

# same WHAT EXPECTED GOT
same() {
    if [ "$2" = "$3" ]; then pass; else fail "$1"$'\n'"  expected $2"$'\n'"  got      $3"; fi
}

# program LANGUAGE: what must be on the machine for its samples.
program() {
    case $1 in
    curl-openssl) echo openssl ;;
    python) echo python3 ;;
    *) echo "$1" ;;
    esac
}

# missing LANGUAGE WHAT: true, and counted, if the language is not here.
missing() {
    ! have "$(program "$1")" || return 1
    if [ "${CI:-}" = true ] && [ "$1" != go ]; then
        fail "$2: $(program "$1") is missing, and with CI=true it must not be"
    else
        skip "$2: $(program "$1") is not on this machine"
    fi
}

# sample LANGUAGE ARGUMENT…: runs it.
sample() {
    local language=$1
    shift
    case $language in
    curl-openssl) sh curl-openssl/sign.sh "$@" ;;
    node) node node/sign.mjs "$@" ;;
    python) python3 python/sign.py "$@" ;;
    go) "$work/sign" "$@" ;;
    esac
}

# All vectors, one a line: name, SecretKey, original, MAC, signature, and what a sample gets on standard input.
vectors() {
    node -e '
        for (const v of JSON.parse(require("fs").readFileSync("vectors.json", "utf8"))) {
            const { secretKey, parameters } = v;
            const line = [v.name, secretKey, v.original, v.mac, v.signature, JSON.stringify({ secretKey, parameters })];
            console.log(line.join("\t"));
        }'
}

# split SIGNATURE: the MAC in hex into $mac, what was signed into $original.
split() {
    printf %s "$1" | base64 -d >"$work/bytes" 2>/dev/null || { mac='' original=''; return; }
    mac=$(head -c 20 "$work/bytes" | od -An -v -tx1 | tr -d ' \n')
    original=$(tail -c +21 "$work/bytes")
}

# A slip in the file itself would otherwise look like a slip of every sample.
check_vector_file() {
    local expected_original expected_mac
    while IFS=$'\t' read -r name _ expected_original expected_mac signature _; do
        split "$signature"
        same "vectors.json, $name: its signature is its MAC and its original" \
            "$expected_mac $expected_original" "$mac $original"
    done <"$work/vectors"
}

check_vectors() {
    local language=$1 got
    while IFS=$'\t' read -r name vector_key original _ signature request; do
        if [ "$language" = curl-openssl ]; then
            got=$(printf %s "$original" | SECRET_KEY=$vector_key sample "$language" --original) || got="exit code $?"
        else
            got=$(printf %s "$request" | sample "$language" --vector) || got="exit code $?"
        fi
        same "$language, vector $name" "$signature" "$got"
    done <"$work/vectors"
}

# mac_by_another LANGUAGE: the MAC in hex of standard input, made by a program other than the one that LANGUAGE signs with.
mac_by_another() {
    if [ "$1" = node ]; then
        openssl dgst -sha1 -hmac "$key" -r | cut -d ' ' -f 1
    else
        KEY=$key node -e '
            const { createHmac } = require("crypto");
            console.log(createHmac("sha1", process.env.KEY).update(require("fs").readFileSync(0)).digest("hex"));'
    fi
}

# check_fresh LANGUAGE SECONDS REST [name=value]…: what it signs now must be right, be valid from now on for SECONDS, and say
# REST behind the required parameters.
check_fresh() {
    local language=$1 seconds=$2 rest=$3 began ended signature
    shift 3
    local what="$language, signed now with ${*:-no options}"
    began=$(date +%s)
    signature=$(SECRET_KEY=$key sample "$language" "$id" "$@") || signature=''
    ended=$(date +%s)
    split "$signature"
    same "$what: the MAC" "$(printf %s "$original" | mac_by_another "$language")" "$mac"
    if ! [[ $original =~ ^secretId=$id\&currentTimeStamp=([0-9]{10})\&expireTime=([0-9]{10})\&random=([0-9]{1,10})(.*)$ ]]; then
        fail "$what: the required parameters are not as they should be: $original"
        return
    fi
    local start=${BASH_REMATCH[1]} end=${BASH_REMATCH[2]} random=${BASH_REMATCH[3]}
    same "$what: the optional parameters" "$rest" "${BASH_REMATCH[4]}"
    same "$what: the validity" "$seconds" $((end - start))
    if [ "$start" -ge "$began" ] && [ "$start" -le "$ended" ]; then pass; else fail "$what: $start is not now ($began)"; fi
    if [ "$random" -le 4294967295 ]; then pass; else fail "$what: random $random is above 2^32 - 1"; fi
    # Two equal values in a row happen by chance once in four thousand million runs.
    if [ "$random" != "${last_random:-}" ]; then pass; else fail "$what: random $random for the second time"; fi
    last_random=$random
}

# refuses LANGUAGE SECRET_KEY ARGUMENT…
refuses() {
    local language=$1 secret_key=$2
    shift 2
    if SECRET_KEY=$secret_key sample "$language" "$@" >"$work/out" 2>/dev/null || [ -s "$work/out" ]; then
        fail "$language signs, and should refuse, with the arguments: $*"
    else
        pass
    fi
}

check_signing() {
    local language=$1
    check_fresh "$language" 3600 ""
    local rest="&procedure=ReelgateShortVideo&taskPriority=-3&taskNotifyMode=Change&classId=7&vodSubAppId=1500012345&oneTimeValid=1"
    check_fresh "$language" 600 \
        "$rest&sourceContext=a%20b%2B100%25%26%27%28%2A%29%21%2F~&sessionContext=%E4%BC%9A%E8%AF%9D%3D%5Cn&storageRegion=ap-guangzhou" \
        storageRegion=ap-guangzhou 'sessionContext=会话=\n' "sourceContext=a b+100%&'(*)!/~" oneTimeValid=1 \
        vodSubAppId=1500012345 classId=7 taskNotifyMode=Change taskPriority=-3 procedure=ReelgateShortVideo validSeconds=600
    check_fresh "$language" 3600 "&classId=1" procedure= classId=1 sourceContext=
    refuses "$language" "" "$id"
    refuses "$language" "$key"
    refuses "$language" "$key" "$id" oneTimevalid=1
    refuses "$language" "$key" "$id" validSeconds=0.5
    refuses "$language" "$key" "$id" validSeconds=-1
    refuses "$language" "$key" "$id" procedure
}

# apply SIGNATURE: what the server answers to a client that starts an upload with it.
apply() {
    curl -s "$REELGATE_URL/v3/index.php?Action=ApplyUploadUGC" -H 'Content-Type: application/json' \
        -d "{\"signature\":\"$1\",\"videoName\":\"sample\",\"videoType\":\"mp4\",\"videoSize\":1000}" || true
}

check_server() {
    local language=$1 answer
    answer=$(apply "$(SECRET_KEY=$REELGATE_SECRET_KEY sample "$language" "$REELGATE_SECRET_ID" \
        oneTimeValid=1 'sourceContext=a+b 会')")
    same "$language, at the server" '{"code":0,' "${answer:0:10}"
    answer=$(apply "$(SECRET_KEY=another-key sample "$language" "$REELGATE_SECRET_ID")")
    same "$language, at the server with another key" '{"code":10004,' "${answer:0:14}"
}

check_sample() {
    local language=$1
    ! missing "$language" "sample $language" || return 0
    if [ "$language" = go ] && ! (cd go && go vet . && go build -o "$work/sign" .); then
        fail "go: sign.go does not compile"
        return
    fi
    check_vectors "$language"
    if have openssl || [ "$language" != node ]; then
        check_signing "$language"
    else
        skip "node, signed now: openssl, which would verify it, is not on this machine"
    fi
    if [ -n "${REELGATE_URL:-}" ] && [ -n "${REELGATE_SECRET_ID:-}" ] && [ -n "${REELGATE_SECRET_KEY:-}" ]; then
        check_server "$language"
    else
        skip "$language, at a server: REELGATE_URL, REELGATE_SECRET_ID and REELGATE_SECRET_KEY name none"
    fi
}

# start_backend LANGUAGE NAME=VALUE…: its address into $address; what it logs goes to $work/log.
start_backend() {
    local language=$1 command
    shift
    command=(python3 ../backend/python/server.py)
    [ "$language" = python ] || command=(node ../backend/node/server.mjs)
    rm -f "$work/address"
    mkfifo "$work/address"
    env PORT=0 "$@" "${command[@]}" >"$work/address" 2>>"$work/log" &
    backend=$!
    exec 3<"$work/address"
    read -r address <&3 || { address=''; cat "$work/log"; }
}

stop_backend() {
    kill "$backend" 2>/dev/null || true
    wait "$backend" 2>/dev/null || true
    exec 3<&-
    backend=
}

# ask [CURL OPTION]…: body and status of the backend's answer. Python writes a space behind a colon, Node does not.
ask() { curl -s -w ' %{http_code}' "$@" "$address/my-app/signature" | sed 's/": "/":"/g' || true; }

check_backend() {
    local language=$1 cookie="Cookie: other=1; session=fake-session" got signature
    : >"$work/log"
    start_backend "$language" PROCEDURE=LongVideoPreset
    same "backend $language, a stranger" '{"code":"sign_in_first"} 401' "$(ask)"
    got=$(ask -H "$cookie")
    signature=$(printf %s "$got" | sed -n 's/^{"signature":"\([^"]*\)"} 200$/\1/p')
    split "$signature"
    same "backend $language, a user: a signature for one upload with the procedure" yes \
        "$(case $original in secretId=*procedure=LongVideoPreset*oneTimeValid=1*) echo yes ;; *) echo "$got" ;; esac)"
    stop_backend
    start_backend "$language" PROCEDURE=no-such
    same "backend $language, a wrong order" '{"code":"procedure_unknown"} 422' "$(ask -H "$cookie")"
    stop_backend
    start_backend "$language" REELGATE_TOKEN=rgk_wrong
    same "backend $language, a wrong API key" '{"code":"upload_unavailable"} 502' "$(ask -H "$cookie")"
    stop_backend
    same "backend $language, its log: neither API key nor signature" 0 \
        "$(grep -c -F -e "$REELGATE_TOKEN" -e "${signature:-no signature came}" "$work/log" || true)"
}

check_syntax() {
    local language=$1 check=(node --check ../backend/node/server.mjs)
    # Not into the tree, where py_compile would leave its output beside the source.
    [ "$language" = node ] || check=(env PYTHONPYCACHEPREFIX="$work" python3 -m py_compile ../backend/python/server.py)
    if "${check[@]}"; then pass; else fail "backend $language: its syntax"; fi
}

check_backends() {
    local language
    for language in node python; do
        if missing "$language" "backend $language"; then
            continue
        elif [ -n "${REELGATE_URL:-}" ] && [ -n "${REELGATE_TOKEN:-}" ]; then
            check_backend "$language"
        else
            check_syntax "$language"
            skip "backend $language, beyond its syntax: REELGATE_URL and REELGATE_TOKEN name no server"
        fi
    done
}

# Node reads the vectors for all; it is what the repository's tests need anyway.
have node || { echo "check.sh: Node is missing; 18 or newer reads vectors.json for this script" >&2; exit 1; }
vectors >"$work/vectors"
check_vector_file
for language in "${samples[@]}"; do
    check_sample "$language"
done
check_backends
printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
