"""The real server as a child process, and what an app's backend asks of it, for the tests of the Python clients."""

import hashlib
import json
import os
import random
import secrets
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

APP = 1300000001
REGION = "ap-guangzhou"
SAMPLES = Path(__file__).resolve().parents[3] / "samples"
MIB = 1 << 20

_resolve = socket.getaddrinfo


def video(size: int) -> bytes:
    """A file that begins as a real video does, with noise behind it up to `size` bytes."""
    head = (SAMPLES / "bigbuckbunny-5s-720p.mp4").read_bytes()
    return head[:size] + random.Random(size).randbytes(max(0, size - len(head)))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Upload:
    """An open upload session: where its bytes go, and with which credentials."""

    def __init__(self, server: "Reelgate", signature: str, answer: dict):
        certificate = answer["tempCertificate"]
        self.server, self.signature = server, signature
        self.bucket = f"{answer['storageBucket']}-{answer['storageAppId']}"
        self.key = answer["video"]["storagePath"].lstrip("/")
        self.access_key, self.secret_key = certificate["secretId"], certificate["secretKey"]
        self.token = certificate["token"]
        self.session_key = answer["vodSessionKey"]

    def resumed(self) -> "Upload":
        """The same upload with fresh credentials, as a client that was started again gets them."""
        asked = {"signature": self.signature, "vodSessionKey": self.session_key}
        return Upload(self.server, self.signature, self.server.ugc("ApplyUploadUGC", asked))

    def commit(self) -> dict:
        return self.server.ugc("CommitUploadUGC", {"signature": self.signature, "vodSessionKey": self.session_key})


class Reelgate:
    """A server with a data directory of its own. With `tls`, it has a certificate that clients are given as a CA."""

    def __init__(self, tls: bool = False, **settings: str):
        self.directory = Path(tempfile.mkdtemp(prefix="reelgate-clients-"))
        self.api_key = f"rgk_{secrets.token_hex(20)}"
        self.secret_id, self.secret_key = f"AKID{secrets.token_hex(16)}", secrets.token_hex(16)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.scheme = "https" if tls else "http"
        self.ca = str(self.directory / "cert.pem") if tls else None
        given = {
            "REELGATE_ROOT__APP_ID": str(APP),
            "REELGATE_ROOT__SECRET_ID": self.secret_id,
            "REELGATE_ROOT__SECRET_KEY": self.secret_key,
            "REELGATE_ROOT__API_KEY": self.api_key,
            **settings,
        }
        if tls:
            self._make_certificate()
            given["REELGATE_SERVER__TLS_CERT"] = self.ca
            given["REELGATE_SERVER__TLS_KEY"] = str(self.directory / "key.pem")
        self.log = open(self.directory / "log", "w+b")
        listen = f"127.0.0.1:{self.port}"
        command = [os.environ["REELGATE_BINARY"], "serve", "--data-dir", str(self.directory / "data"), "--listen", listen]
        self.child = subprocess.Popen(command, env={**os.environ, **given}, stdout=self.log, stderr=self.log)
        self._wait_until_ready()

    def _make_certificate(self) -> None:
        names = f"DNS:*.cos.{REGION}.myqcloud.com,DNS:cos.{REGION}.myqcloud.com,IP:127.0.0.1"
        made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        made += ["-days", "2", "-subj", "/CN=reelgate client tests", "-addext", f"subjectAltName={names}"]
        made += ["-keyout", str(self.directory / "key.pem"), "-out", self.ca]
        subprocess.run(made, check=True, capture_output=True)

    def _wait_until_ready(self) -> None:
        for _ in range(300):
            if self.child.poll() is not None:
                break
            try:
                self.request("GET", "/readyz")
                return
            except OSError:
                time.sleep(0.1)
        self.log.seek(0)
        raise AssertionError(f"the server did not become ready:\n{self.log.read().decode()}")

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def request(self, method: str, path: str, body: dict | None = None) -> dict | None:
        headers = {"authorization": f"Bearer {self.api_key}", "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        context = ssl.create_default_context(cafile=self.ca) if self.ca else None
        with urllib.request.urlopen(asked, context=context, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text.startswith(b"{") else None

    def signature(self, **asked) -> str:
        return self.request("POST", "/v1/upload-signatures", asked)["signature"]

    def ugc(self, action: str, body: dict) -> dict:
        answer = self.request("POST", f"/v3/index.php?Action={action}", body)
        assert answer["code"] == 0, answer
        return answer["data"]

    def open_upload(self, size: int | None = None, name: str = "假期 video", **asked) -> Upload:
        signature = self.signature(**asked)
        announced = {"signature": signature, "videoName": name, "videoType": "mp4"}
        if size is not None:
            announced["videoSize"] = size
        return Upload(self, signature, self.ugc("ApplyUploadUGC", announced))

    def close(self) -> None:
        self.child.terminate()
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.log.close()
        shutil.rmtree(self.directory)


class ClientTest(unittest.TestCase):
    """One server for all tests of a class. The vendor's names lead to it, as a test network's DNS would have it."""

    tls = False
    settings: dict = {}

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Reelgate(cls.tls, **cls.settings)
        cls.addClassCleanup(cls.server.close)

        def resolve(host, port, *rest, **more):
            name = host.decode() if isinstance(host, bytes) else host
            if name and name.endswith(".myqcloud.com"):
                return _resolve("127.0.0.1", cls.server.port, *rest, **more)
            return _resolve(host, port, *rest, **more)

        socket.getaddrinfo = resolve
        cls.addClassCleanup(setattr, socket, "getaddrinfo", _resolve)
