"""One request at a time to the cloud's enrolment routes, with the standard library.

TLS 1.2 or newer, and only by the pinned root: no authority of the system is asked. The one
request for the anchors is made before any root is known; what it brings is worth nothing
until the claim's pin vouches for it. Plain HTTP is for loopback alone.
"""

import http.client
import json
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from time import sleep
from typing import Final
from urllib.parse import urlsplit

from gateway_firmware_py.errors import CloudUnreachedError, EnrolmentError

TIMEOUT_S: Final = 10.0
MAX_ANSWER_BYTES: Final = 256 << 10
PAUSES_S: Final = (0.5, 2.0)
"""Between three tries: a lost request or reply is asked again, as every route allows."""
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
MAX_SAID_CHARS: Final = 300
_RETRY_FROM: Final = 500
_NOT_YET_VALID: Final = 9  # X509_V_ERR_CERT_NOT_YET_VALID of OpenSSL
_AGAIN: Final = frozenset({408, 425, 429})
_REMEDIES: Final[Mapping[int, str]] = {
    401: "make a new claim on the page",
    403: "make a new claim on the page",
    404: "make a new claim on the page, and check that it is for this server",
    409: "make a new claim on the page",
    410: "make a new claim on the page: one is good for 24 hours",
}
_REMEDY: Final = "compare the versions of gateway and cloud, then make a new claim"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where the cloud is; `root` is its authority in PEM, empty before one is pinned.

    `proxy` is "http://host:port", through which https is tunnelled, or empty.
    """

    url: str
    root: str = ""
    proxy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request; `what` names it in errors."""

    what: str
    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class CloudClient:
    """Asks one server; `pause` waits between tries."""

    def __init__(self, server: Server, pause: Callable[[float], None] = sleep) -> None:
        self._server = server
        self._pause = pause
        self._target = urlsplit(server.url)
        if self._target.scheme != "https" and not self._is_loopback:
            raise EnrolmentError(
                f"{server.url} is without TLS, which only loopback may be; use https://"
            )

    def ask(self, request: Request) -> bytes:
        """Return the body of the answer.

        Raises:
            CloudUnreachedError: no answer, or one that says "later", three times.
            EnrolmentError: the server says no, or is not the one that is pinned.
        """
        for pause_s in PAUSES_S:
            try:
                return self._ask_once(request)
            except CloudUnreachedError:
                self._pause(pause_s)
        return self._ask_once(request)

    @property
    def _is_loopback(self) -> bool:
        return self._target.hostname in LOOPBACK

    def _ask_once(self, request: Request) -> bytes:
        try:
            status, media_type, body = self._exchange(request)
        except ssl.SSLCertVerificationError as error:
            raise self._distrust(error) from error
        except (OSError, http.client.HTTPException) as error:
            remedy = "check the network, the address and the proxy, then give the command again"
            raise CloudUnreachedError(
                f"no answer to {request.what} from {self._server.url} ({error}); {remedy}"
            ) from error
        if status in {http.client.OK, http.client.CREATED}:
            return body
        raise _refusal(request.what, status, _said(media_type, body))

    def _distrust(
        self, error: ssl.SSLCertVerificationError
    ) -> CloudUnreachedError | EnrolmentError:
        said = f"{self._server.url} does not show a certificate of the claim's authority"
        if error.verify_code == _NOT_YET_VALID:
            # A board without a clock of its own, just started: the time comes over the network.
            return CloudUnreachedError(
                f"{said} that is valid yet; wait until this device's clock is set"
            )
        remedy = "check the address, this device's clock, and what opens the connection"
        return EnrolmentError(f"{said} ({error.verify_message}); {remedy}")

    def _exchange(self, request: Request) -> tuple[int, str, bytes]:
        connection = self._connection()
        try:
            path = self._target.path.rstrip("/") + request.path
            connection.request(request.method, path, request.body, dict(request.headers))
            with connection.getresponse() as answer:
                body = answer.read(MAX_ANSWER_BYTES + 1)
                if len(body) > MAX_ANSWER_BYTES:
                    raise http.client.HTTPException("the answer is too long")
                return answer.status, answer.getheader("Content-Type", ""), body
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._target.hostname or "", self._target.port
        if self._target.scheme != "https":
            return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        context = tls_context(self._server.root)
        proxy = urlsplit(self._server.proxy)
        if not proxy.hostname:
            return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)
        tunnel = http.client.HTTPSConnection(
            proxy.hostname,
            proxy.port or http.client.HTTP_PORT,
            timeout=TIMEOUT_S,
            context=context,
        )
        tunnel.set_tunnel(host, port or http.client.HTTPS_PORT)
        return tunnel


def tls_context(root: str) -> ssl.SSLContext:
    """Return a context that believes `root` (PEM) alone, and anybody when it is empty."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if root:
        context.load_verify_locations(cadata=root)
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # see the module: the pin decides
    return context


def _refusal(
    what: str, status: int, said: tuple[str, str]
) -> CloudUnreachedError | EnrolmentError:
    error, theirs = said
    if status >= _RETRY_FROM or status in _AGAIN:
        remedy = "wait a little, then give the command again"
        return CloudUnreachedError(f"the cloud puts off {what} ({status}: {error}); {remedy}")
    remedy = theirs or _REMEDIES.get(status, _REMEDY)
    return EnrolmentError(f"the cloud refuses {what} ({status}: {error}); {remedy}")


def _said(media_type: str, body: bytes) -> tuple[str, str]:
    """Return what a refusal says is wrong, and its remedy if it names one."""
    text = body.decode(errors="replace")
    fields = None
    if "json" in media_type:
        with suppress(ValueError):
            fields = json.loads(text)
    if isinstance(fields, dict):
        return _line(str(fields.get("error", text))), _line(str(fields.get("remedy", "")))
    return _line(text) or "no reason given", ""


def _line(text: str) -> str:
    line = " ".join(text.split())[:MAX_SAID_CHARS]
    return "".join(c for c in line if c.isprintable())
