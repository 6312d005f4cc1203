"""Compares two upload signatures for the same request, with nothing but Python (3.8 or newer): one of the backend that
signs today, one of Reelgate in front of the real cloud. Neither signatures nor keys are printed.

    python3 compare.py OLD NEW          files with a signature, or with the JSON answer that holds one
    SECRET_KEY=… python3 compare.py …   also checks that both were made with that SecretKey
    python3 compare.py --check          tries the comparison itself

Exit code: 0 when they permit the same, 1 when they do not, 2 when one cannot be read.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import re
import sys
from urllib.parse import parse_qsl, quote

# What the cloud takes for each field that is not there.
DEFAULTS = {
    "procedure": "", "classId": "0", "oneTimeValid": "0", "vodSubAppId": "0", "sessionContext": "", "storageRegion": "",
    "taskPriority": "0", "taskNotifyMode": "Finish",
}
REQUIRED = ("secretId", "currentTimeStamp", "expireTime", "random")
# What Reelgate writes behind the app's own source context.
SUFFIX = re.compile(r"\|rg1\.[A-Za-z0-9_-]{28,85}\Z")
# Both are asked within seconds; a larger distance is a clock that is wrong.
MOST_APART = 60


class Unreadable(Exception):
    """The text holds no signature."""


class Signature:
    """One signature, taken apart."""

    def __init__(self, text):
        try:
            raw = base64.b64decode(signature_in(text), validate=True)
            self.mac, self.original = raw[:20], raw[20:]
            self.fields = dict(parse_qsl(self.original.decode(), keep_blank_values=True))
        except (binascii.Error, UnicodeDecodeError) as error:
            raise Unreadable(f"it is not base64 of a signed string ({error})") from error
        for name in REQUIRED:
            if name not in self.fields:
                raise Unreadable(f"{name} is missing")
            if name != "secretId" and not re.fullmatch(r"[0-9]+", self.fields[name]):
                raise Unreadable(f"{name} {self.fields[name]!r} is not a whole number")
        self.start = int(self.fields["currentTimeStamp"])
        self.validity = int(self.fields["expireTime"]) - self.start
        self.context = self.fields.get("sourceContext", "")

    def value(self, name):
        return self.fields.get(name) or DEFAULTS[name]

    def made_with(self, secret_key):
        return hmac.compare_digest(hmac.new(secret_key.encode(), self.original, hashlib.sha1).digest(), self.mac)


def signature_in(text):
    """The signature itself: alone, or in an answer of the sample, of a demo backend, or of /v1/upload-signatures."""
    text = text.strip()
    if not text.startswith("{"):
        return text
    try:
        answer = json.loads(text)
    except ValueError as error:
        raise Unreadable(f"it looks like JSON but is not ({error})") from error
    data = answer.get("data") or answer.get("Data") or answer
    found = (data.get("signature") or data.get("UploadSign")) if isinstance(data, dict) else None
    if not isinstance(found, str):
        said = answer.get("message") or answer.get("Message") or answer.get("detail") or "no reason"
        raise Unreadable(f"the answer holds no signature; it says: {said}")
    return found


def compare(old, new, secret_key=None):
    """Rows of name, verdict (True, False), what was seen."""
    rows = [(name, old.value(name) == new.value(name), f"{old.value(name)!r} / {new.value(name)!r}") for name in DEFAULTS]
    rows.append(("secretId", old.fields["secretId"] == new.fields["secretId"], "must be the same key"))
    rows.append(("validity", old.validity == new.validity, f"{old.validity} s / {new.validity} s"))
    apart = new.start - old.start
    rows.append(("currentTimeStamp", abs(apart) <= MOST_APART, f"{apart} s apart"))
    context = SUFFIX.sub("", new.context)
    rows.append(("sourceContext", context == old.context, f"{old.context!r} / {context!r} and the suffix"))
    rows.append(("suffix", context != new.context and not SUFFIX.search(old.context), "in the new one only"))
    rows.append(("random", old.fields["random"] != new.fields["random"], "must differ"))
    rows.append(("MAC", old.mac != new.mac, "must differ"))
    unknown = sorted(set(new.fields) - set(DEFAULTS) - set(REQUIRED) - {"sourceContext"})
    rows.append(("other fields", not unknown, ", ".join(unknown) or "none in the new one"))
    if secret_key:
        good = old.made_with(secret_key), new.made_with(secret_key)
        rows.append(("SecretKey", all(good), "old %s, new %s" % tuple("fits" if one else "does not fit" for one in good)))
    return rows


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return Signature(file.read())
    except (OSError, Unreadable) as error:
        print(f"compare.py: {path}: {error}", file=sys.stderr)
        sys.exit(2)


def main(arguments):
    if arguments == ["--check"]:
        return check()
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    rows = compare(read(arguments[0]), read(arguments[1]), os.environ.get("SECRET_KEY"))
    for name, good, seen in rows:
        print(f"{'ok   ' if good else 'WRONG'}  {name:<16} {seen}")
    return 0 if all(good for _, good, _ in rows) else 1


def check():
    """Every difference that matters is found, and no other."""
    key = "only-for-the-check"
    base = {
        "secretId": "AKIDofTheCheck", "currentTimeStamp": 1700000000, "expireTime": 1700086400, "random": 1,
        "procedure": "LongVideoPreset", "classId": 0, "oneTimeValid": 0, "sourceContext": "a=1|b",
    }
    suffix = "|rg1.s1vlc62lsnBb6OauWCim2repHpkANDI"

    def made(**changed):
        fields = {name: value for name, value in {**base, **changed}.items() if value is not None}
        original = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in fields.items()).encode()
        mac = hmac.new(key.encode(), original, hashlib.sha1).digest()
        return Signature(base64.b64encode(mac + original).decode())

    def wrong(new, secret_key=key):
        return [name for name, good, _ in compare(made(), new, secret_key) if not good]

    new = {"random": 2, "sourceContext": base["sourceContext"] + suffix}
    cases = [
        ({}, []),
        ({"classId": None, "oneTimeValid": None, "vodSubAppId": ""}, []),
        ({"currentTimeStamp": 1700000009, "expireTime": 1700086409}, []),
        ({"procedure": ""}, ["procedure"]),
        ({"classId": 7}, ["classId"]),
        ({"oneTimeValid": 1}, ["oneTimeValid"]),
        ({"vodSubAppId": 1500000001}, ["vodSubAppId"]),
        ({"secretId": "AKIDofSomebodyElse"}, ["secretId"]),
        ({"expireTime": 1700003600}, ["validity"]),
        ({"currentTimeStamp": 1700000300, "expireTime": 1700086700}, ["currentTimeStamp"]),
        ({"sourceContext": "a=2|b" + suffix}, ["sourceContext"]),
        ({"sourceContext": base["sourceContext"]}, ["suffix"]),
        ({"random": 1}, ["random"]),
        ({"reelgate": "1.e30"}, ["other fields"]),
    ]
    failed = [(changed, wrong(made(**{**new, **changed}))) for changed, expected in cases
              if wrong(made(**{**new, **changed})) != expected]
    if wrong(made(**new), "another key") != ["SecretKey"]:
        failed.append("another SecretKey")
    text = base64.b64encode(made().mac + made().original).decode()
    shapes = [{"code": 0, "data": {"signature": text}}, {"Code": 0, "Data": {"UploadSign": text}}, {"signature": text}]
    failed += [shape for shape in shapes if signature_in(json.dumps(shape)) != text]
    for bad in ["", "!", "e30=", '{"code":401,"message":"sign in"}']:
        try:
            Signature(bad)
            failed.append(bad)
        except Unreadable:
            pass
    for one in failed:
        print(f"not as expected: {one}", file=sys.stderr)
    print(f"{len(cases)} comparisons, {len(failed)} not as expected")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
