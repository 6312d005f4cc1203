"""Makes an upload signature with nothing but Python (3.8 or newer).

    SECRET_KEY=… python3 sign.py SECRET_ID [name=value]…    such as oneTimeValid=1 procedure=LongVideoPreset
    python3 sign.py --vector < vector.json                   {"secretKey":…,"parameters":{…}}, signed as given
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import sys
import time
from urllib.parse import quote

OPTIONAL = (
    "procedure", "taskPriority", "taskNotifyMode", "classId", "vodSubAppId", "oneTimeValid", "sourceContext",
    "sessionContext", "storageRegion",
)


def sign(secret_id, secret_key, *, valid_seconds=3600, **options):
    """`options` are the optional parameters by their names on the wire."""
    # A misspelt name would be a limit that is not there: `oneTimevalid` leaves the signature good for many uploads.
    for name in options:
        if name not in OPTIONAL:
            raise ValueError(f'"{name}" is none of: validSeconds {" ".join(OPTIONAL)}')
    if not isinstance(valid_seconds, int) or valid_seconds < 1:
        raise ValueError("validSeconds is a whole number above 0")
    # time.time() has a fraction; the server refuses a timestamp with one.
    now = int(time.time())
    parameters = {
        "secretId": secret_id,
        "currentTimeStamp": now,
        "expireTime": now + valid_seconds,
        "random": secrets.randbits(32),
    }
    given = ((name, options.get(name)) for name in OPTIONAL)
    parameters.update((name, value) for name, value in given if value not in (None, ""))
    return sign_parameters(secret_key, parameters)


def sign_parameters(secret_key, parameters):
    """Signs parameters in the order they come: base64(HMAC-SHA1(key, original) followed by original)."""
    original = "&".join(f"{name}={encode(value)}" for name, value in parameters.items()).encode()
    mac = hmac.new(secret_key.encode(), original, hashlib.sha1).digest()
    return base64.b64encode(mac + original).decode()


def encode(value):
    """RFC 3986, where a space is %20 and `/` is encoded too. Switches are 0 and 1 on the wire."""
    return quote(str(int(value) if isinstance(value, bool) else value), safe="")


def main(arguments):
    if arguments[:1] == ["--vector"]:
        vector = json.load(sys.stdin.buffer)
        return sign_parameters(vector["secretKey"], vector["parameters"])
    if not arguments or arguments[0].startswith("-"):
        raise ValueError("usage: SECRET_KEY=… python3 sign.py SECRET_ID [name=value]…")
    if not os.environ.get("SECRET_KEY"):
        raise ValueError("put the SecretKey into the environment variable SECRET_KEY")
    secret_id, *pairs = arguments
    for pair in pairs:
        if "=" not in pair:
            raise ValueError(f'"{pair}" is not name=value')
    options = dict(pair.split("=", 1) for pair in pairs)
    valid_seconds = int(options.pop("validSeconds", 3600))
    return sign(secret_id, os.environ["SECRET_KEY"], valid_seconds=valid_seconds, **options)


if __name__ == "__main__":
    try:
        print(main(sys.argv[1:]))
    except ValueError as error:
        sys.exit(f"sign.py: {error}")
