"""An RFC 3161 timestamp authority on this machine: `openssl ts` behind a real HTTP server."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from auditseal_local.ports import LOOPBACK

_CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = {name}
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[tsa]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
authorityKeyIdentifier = keyid
[ts]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
crypto_device = builtin
"""


def openssl(folder: Path, *words: str, data: bytes = b"") -> bytes:
    done = subprocess.run(["openssl", *words], cwd=folder, input=data, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@dataclass(frozen=True)
class TimestampAuthority:
    """A running authority: its address, its root certificate in PEM, and the folder of its files."""

    url: str
    root: Path
    folder: Path


def make_authority(folder: Path) -> None:
    """Make a root and a certificate for timestamps."""
    folder.mkdir()
    config = folder / "openssl.cnf"
    config.write_text(_CONFIG.format(name="Timestamps for tests", folder=folder))
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", str(config)]
    openssl(folder, "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-extensions", "ca")
    config.write_text(_CONFIG.format(name="A timestamp unit", folder=folder))
    openssl(folder, "req", "-new", *key, "-keyout", "tsa.key", "-out", "tsa.csr")
    signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "7", "-days", "30"]
    extensions = ["-extfile", str(config), "-extensions", "tsa"]
    openssl(folder, "x509", "-req", "-in", "tsa.csr", *signed, *extensions, "-out", "tsa.pem")
    (folder / "serial").write_text("01\n")


@contextmanager
def timestamp_authority(folder: Path) -> Iterator[TimestampAuthority]:
    """Serve timestamps while the context lasts."""
    make_authority(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/timestamp-query"
            query = folder / "query.tsq"
            query.write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            reply = ["-reply", "-config", "openssl.cnf", "-section", "ts", "-queryfile", str(query)]
            answer = openssl(folder, "ts", *reply)
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name of the base class)
            """Print nothing."""

    with HTTPServer((LOOPBACK, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield TimestampAuthority(f"http://{LOOPBACK}:{server.server_port}", folder / "ca.pem", folder)
        finally:
            server.shutdown()
            thread.join()
