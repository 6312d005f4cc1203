"""The app's side of the signature service, with nothing but Python (3.8 or newer): the browser asks here whether its user
may upload, and only this process knows the API key.

    REELGATE_URL=http://127.0.0.1:8300 REELGATE_TOKEN=rgk_… PORT=3000 python3 server.py
"""

import json
import os
import sys
from http.client import HTTPException
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

try:
    REELGATE_URL, REELGATE_TOKEN = os.environ["REELGATE_URL"], os.environ["REELGATE_TOKEN"]
except KeyError:
    sys.exit("server.py: set REELGATE_URL and REELGATE_TOKEN (an API key with the scope `sign`)")
PROCEDURE = os.environ.get("PROCEDURE")  # left out, the server's default procedure starts

# >>> YOUR APP'S LOGIN GOES HERE. This one knows a single made-up session and must not go live.
SESSIONS = {"fake-session": "user-42"}


def user_of(headers):
    try:
        session = SimpleCookie(headers.get("Cookie", "")).get("session")
    except CookieError:
        return None
    return session and SESSIONS.get(session.value)
# <<<


class NoRedirects(HTTPRedirectHandler):
    """The key goes to the address above and nowhere else."""

    def redirect_request(self, *_):
        return None


reelgate = build_opener(NoRedirects)


def permit(user):
    """What the browser gets to hear: status, body, more headers."""
    order = {"user": user} if PROCEDURE is None else {"user": user, "procedure": PROCEDURE}
    headers = {"Authorization": f"Bearer {REELGATE_TOKEN}", "Content-Type": "application/json"}
    request = Request(f"{REELGATE_URL.rstrip('/')}/v1/upload-signatures", json.dumps(order).encode(), headers)
    try:
        with reelgate.open(request, timeout=5) as answer:
            return 200, {"signature": json.load(answer)["signature"]}, {}
    except HTTPError as refusal:
        return refused(user, refusal)
    except (OSError, HTTPException, ValueError, LookupError, TypeError) as error:
        print(f"no signature for {user}: Reelgate was not reached: {type(error).__name__}", file=sys.stderr)
        return 502, {"code": "upload_unavailable"}, {}


def refused(user, refusal):
    try:
        code = json.load(refusal)["code"]
    except (OSError, HTTPException, ValueError, LookupError, TypeError):  # a proxy in between answers in HTML
        code = "refused"
    # The user and the reason; never the key, and never a signature: whoever reads it may upload.
    print(f"no signature for {user}: Reelgate answered {refusal.code} {code}", file=sys.stderr)
    if refusal.code in (403, 422):  # the API key may not sign; what was asked for is not possible
        return refusal.code, {"code": code}, {}
    if refusal.code == 429:
        return 429, {"code": "too_many_requests"}, {"Retry-After": refusal.headers.get("Retry-After", "1")}
    # Also 401: that this backend's key is wrong is nothing the user can help.
    return 502, {"code": "upload_unavailable"}, {}


class Backend(BaseHTTPRequestHandler):
    def do_GET(self):
        user = user_of(self.headers)
        if self.path != "/my-app/signature":
            self.answer(404, {"code": "not_found"}, {})
        elif user is None:
            self.answer(401, {"code": "sign_in_first"}, {})
        else:
            self.answer(*permit(user))

    def answer(self, status, body, headers):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        # A cached signature would be somebody's twice, and a one-time one works once.
        self.send_header("Cache-Control", "no-store")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "3000"))), Backend)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
