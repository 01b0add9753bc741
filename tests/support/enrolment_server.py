"""The cloud's enrolment on a real TLS port, and the `curl` of a technician's laptop.

with enrolment_server(tmp_path) as server:
    status, body = server.curl("/.well-known/est/cacerts")
"""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from cryptography.hazmat.primitives.serialization import Encoding
from fastapi import FastAPI

from cloud.enrolment.desk import Desk, Offer, Surroundings
from cloud.enrolment.http_app import App, EnrolmentApp, Message, Receive, Scope, Send
from device_registry.authority import key_file
from evidence.enrolment.anchors import Anchors
from evidence.enrolment.claim import Claim, to_base64url
from evidence.keys import SoftwareKey
from tests.support.engines import engine
from tests.support.enrolling import World, open_world
from tests.support.openssl import openssl
from tests.support.ports import free_port
from tests.support.wait import until_sync

CONTROL = SoftwareKey(-19, b"control-key-of-a-test-cloud-----")
LOG = SoftwareKey(-19, b"log-key-of-a-test-cloud---------")
OFFER = Offer(https_url="https://localhost:8443", mqtt_host="localhost", mqtt_port=8883)
STARTED_MS = time.time_ns() // 1_000_000
"""One moment for all: `curl` and TLS libraries look at the real clock."""


@dataclass(slots=True)
class Trap:
    """Stands between the server and the desk, and loses what it is told to lose."""

    inner: App
    lose_request: bool = False
    lose_reply: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, drop unread, or serve and end the connection without an answer."""
        if self.lose_request:
            raise ConnectionError("the request is lost")

        async def silent(_: Message) -> None:
            raise ConnectionError("the reply is lost")

        await self.inner(scope, receive, silent if self.lose_reply else send)


@dataclass(slots=True)
class EnrolmentServer:
    """A running server; `url` is https with the host the certificate names."""

    world: World
    desk: Desk
    anchors: Anchors
    trap: Trap
    root: Path
    url: str = ""

    def curl(
        self, path: str, *options: str | Path, ca: Path | None = None
    ) -> tuple[int, bytes]:
        """Ask with the real curl; status 0 and its words when no answer came."""
        trust = ("--cacert", str(ca or self.root))
        command = [engine("curl"), "-sS", "-m", "30", *trust, "-w", "\n%{http_code}"]
        command += [*map(str, options), self.url + path]
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)
        body, _, status = done.stdout.rpartition(b"\n")
        return (int(status), body) if done.returncode == 0 else (0, done.stderr)

    def enroll(self, claim: Claim, body: Path) -> tuple[int, bytes]:
        """Send a certificate request with a claim, as the README says."""
        user = f"{claim.id.hex()}:{to_base64url(claim.secret)}"
        return self.curl(
            "/.well-known/est/simpleenroll",
            *("-u", user, "--data-binary", f"@{body}"),
            *("-H", "Content-Type: application/pkcs10"),
        )

    def post(self, path: str, data: bytes) -> tuple[int, bytes]:
        """Send a message."""
        file = self.world.folder / "message.cbor"
        file.write_bytes(data)
        return self.curl(
            path, "--data-binary", f"@{file}", "-H", "Content-Type: application/cbor"
        )


@contextmanager
def enrolment_server(
    folder: Path, names: Sequence[str] = ("localhost",), server_at_ms: int = STARTED_MS
) -> Iterator[EnrolmentServer]:
    """Run a server whose certificate is for `names` and was made at `server_at_ms`."""
    world = open_world(folder, now_ms=STARTED_MS)
    key = key_file.new_key()
    leaf = world.authority.server(names, key.public_key(), server_at_ms)
    key_file.save_key(folder / "server.key", key)
    key_file.save_certificates(folder / "server.crt", leaf, world.authority.certificate)
    server = make_server(world)
    with _tls(server.trap, folder) as url:
        server.url = url
        yield server
    world.store.close()


def make_server(world: World, changed: Callable[[], None] = lambda: None) -> EnrolmentServer:
    """Return a server that has no port yet."""
    anchors = Anchors(
        root=world.authority.root.public_bytes(Encoding.DER),
        log_origin="example.org/log",
        log_key=LOG.public,
        control_key=CONTROL.public,
    )
    around = Surroundings(
        control=CONTROL,
        anchors=anchors,
        offer=OFFER,
        first_configuration=lambda gateway: f"configuration of {gateway}".encode(),
        changed=changed,
        wall_ms=lambda: world.now_ms,
        mono_s=time.monotonic,
    )
    desk = Desk(world.store, world.authority, around)
    app = EnrolmentApp(FastAPI(openapi_url=None), desk)
    root = world.folder / "root" / "root.crt"
    return EnrolmentServer(world=world, desk=desk, anchors=anchors, trap=Trap(app), root=root)


def certificates_in(body: bytes) -> list[bytes]:
    """Return the certificates of an EST answer in PEM, as openssl prints them, the leaf first.

    They come in the order of their bytes: PKCS#7 holds a set.
    """
    der = openssl("base64", "-d", data=body)
    printed = openssl("pkcs7", "-inform", "DER", "-print_certs", data=der)
    end = b"-----END CERTIFICATE-----\n"
    found = [
        b"-----BEGIN" + part.partition(b"-----BEGIN")[2] + end for part in printed.split(end)
    ]
    return sorted(found[:-1], key=lambda pem: b"CA:TRUE" in openssl("x509", "-text", data=pem))


@contextmanager
def _tls(app: Trap, folder: Path) -> Iterator[str]:
    port = free_port()
    config = uvicorn.Config(
        app,
        "127.0.0.1",
        port,
        log_level="critical",
        lifespan="off",
        ssl_certfile=folder / "server.crt",
        ssl_keyfile=folder / "server.key",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name=f"tls:{port}", daemon=True)
    thread.start()
    try:
        until_sync(lambda: server.started, what=f"server on port {port}")
        yield f"https://localhost:{port}"
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(10)
        assert not thread.is_alive(), "the server did not stop"
