"""A small OpenID Connect provider over loopback HTTP: code flow, PKCE, signed ID tokens.

It refuses what a provider must refuse: an unknown client or redirection, a wrong secret, a
code used twice or without its verifier. `spoil` lets its tokens lie.
"""

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

Claims = dict[str, Any]


class OidcProvider:
    """Knows one client and whoever `person` says is logged in."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.client_id = "coldwarden"
        self.client_secret = "a secret of 32 bytes, no more: ok"
        self.now_ms = now_ms
        self.key = ECKey.generate_key("P-256", {"kid": "k1", "use": "sig", "alg": "ES256"})
        self.person: Claims = {"sub": "u-1"}
        self.spoil: Callable[[Claims], Claims] = dict
        self.sign: Callable[[Claims], str] = self.signed
        self.said_issuer = ""
        self.answers_as = ""
        self.redirections: list[str] = []
        self.asked: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}
        self.issuer = ""

    def metadata(self) -> Claims:
        return {
            "issuer": self.said_issuer or self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "id_token_signing_alg_values_supported": ["ES256", "none", "HS256"],
        }

    def authorize(self, query: dict[str, str]) -> str:
        """Return where the browser goes: the person is logged in here already."""
        self.asked.append(query)
        if query["client_id"] != self.client_id:
            raise PermissionError("unknown client")
        if query["redirect_uri"] not in self.redirections:
            raise PermissionError("unknown redirection")
        if query.get("code_challenge_method") != "S256" or not query.get("nonce"):
            raise PermissionError("no PKCE, or no nonce")
        code = secrets.token_urlsafe(16)
        self._codes[code] = query
        issuer = self.answers_as or self.issuer
        answer = {"code": code, "state": query["state"], "iss": issuer}
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def token(self, form: dict[str, str], authorization: str) -> Claims:
        kind, _, given = authorization.partition(" ")
        client = base64.b64decode(given).decode() if kind == "Basic" else ""
        if client != f"{self.client_id}:{self.client_secret}":
            raise PermissionError("not the client")
        asked = self._codes.pop(form["code"], None)
        if asked is None or form["redirect_uri"] != asked["redirect_uri"]:
            raise PermissionError("no such code")
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if challenge != asked["code_challenge"]:
            raise PermissionError("not who asked for this code")
        now_s = self.now_ms() // 1000
        claims = {
            "iss": self.issuer,
            "aud": self.client_id,
            "iat": now_s,
            "exp": now_s + 300,
            "auth_time": now_s,
            "nonce": asked["nonce"],
            **self.person,
        }
        id_token = self.sign(self.spoil(claims))
        return {"access_token": "at", "token_type": "Bearer", "id_token": id_token}

    def signed(self, claims: Claims) -> str:
        return str(jwt.encode({"alg": "ES256", "kid": "k1"}, claims, self.key))

    def signed_by_another(self, claims: Claims) -> str:
        other = ECKey.generate_key("P-256", {"kid": "k1"})
        return str(jwt.encode({"alg": "ES256", "kid": "k1"}, claims, other))

    def signed_with_the_secret(self, claims: Claims) -> str:
        key = OctKey.import_key(self.client_secret)
        return str(jwt.encode({"alg": "HS256", "kid": "k1"}, claims, key, ["HS256"]))

    def unsigned(self, claims: Claims) -> str:
        parts = ({"alg": "none", "kid": "k1"}, claims)
        coded = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in parts]
        return b".".join([*coded, b""]).decode()


class _Server(ThreadingHTTPServer):
    def __init__(self, provider: OidcProvider) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.provider = provider


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        match parts.path:
            case "/.well-known/openid-configuration":
                self._json(200, self.server.provider.metadata())
            case "/keys":
                key = self.server.provider.key.as_dict(private=False)
                self._json(200, {"keys": [key]})
            case "/authorize":
                self._redirect(query)
            case _:
                self._json(404, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        try:
            said = self.server.provider.token(form, self.headers.get("Authorization", ""))
        except PermissionError as error:
            self._json(400, {"error": "invalid_grant", "error_description": str(error)})
        else:
            self._json(200, said)

    def _redirect(self, query: dict[str, str]) -> None:
        try:
            target = self.server.provider.authorize(query)
        except PermissionError as error:
            self._json(400, {"error": str(error)})
            return
        self.send_response(302)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _json(self, status: int, body: Claims) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def oidc_provider(now_ms: Callable[[], int]) -> Iterator[OidcProvider]:
    """Serve a provider on a free loopback port."""
    provider = OidcProvider(now_ms)
    server = _Server(provider)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="oidc provider")
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
