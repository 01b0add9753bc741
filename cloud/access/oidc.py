"""Log-in through an OpenID Connect provider: code flow with PKCE, state and nonce (Authlib).

The ID token is believed only when it is signed by a key of the provider's own set, with an
asymmetric algorithm, for us, for this very flow. `none` and shared-secret algorithms never
count, whatever the provider's metadata says.
"""

import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from domain.web_address import parts_of

with warnings.catch_warnings():
    # Authlib would rather have httpx2; what it uses of httpx is the same.
    warnings.simplefilter("ignore")
    from authlib.integrations.httpx_client import OAuth2Client

from cloud.access.errors import ProviderError
from cloud.access.providers import Flow, Vouched

ALGORITHMS: Final = ("ES256", "ES384", "RS256", "PS256", "EdDSA")
TIMEOUT_S: Final = 10.0
LEEWAY_S: Final = 60
METADATA_MS: Final = 3_600_000
"""How long what the provider says of itself is kept."""
STRONG: Final = frozenset({"mfa", "otp", "hwk", "swk", "fpt", "sc"})
"""Values of `amr` (RFC 8176) that mean a second factor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcConfig:
    """One provider, as the operator configures it."""

    id: str
    title: str
    issuer: str
    client_id: str
    client_secret: str
    scope: str = "openid profile"
    account_claim: str = ""
    """Claim that names the login here; "" to look for the account's `external_id`."""
    is_strong: bool = False
    """Whether its log-ins always have a second factor."""


class OidcProvider:
    """See the module."""

    kind = "oidc"

    def __init__(self, config: OidcConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._metadata: tuple[int, Mapping[str, Any]] | None = None

    @property
    def id(self) -> str:
        """Its id."""
        return self._config.id

    @property
    def title(self) -> str:
        """What people call it."""
        return self._config.title

    def begin(self, flow: Flow) -> str:
        """Return the address at which the browser goes on."""
        again = {"prompt": "login", "max_age": "0"} if flow.account else {}
        endpoint = self._metadata_at(flow.began_ms)["authorization_endpoint"]
        with self._client(flow) as client:
            address, _ = client.create_authorization_url(
                endpoint,
                state=flow.state,
                nonce=flow.nonce,
                code_verifier=flow.verifier,
                **again,
            )
        return str(address)

    def finish(self, flow: Flow, answered: str, at_ms: int) -> Vouched:
        """Return whom the provider vouches for."""
        metadata = self._metadata_at(at_ms)
        code = _code(flow, answered, str(metadata["issuer"]))
        try:
            with self._client(flow) as client:
                token = client.fetch_token(
                    metadata["token_endpoint"], code=code, code_verifier=flow.verifier
                )
            claims = self._claims(flow, token, at_ms)
        except (AuthlibBaseError, JoseError, httpx.HTTPError, KeyError, ValueError) as error:
            raise ProviderError(f"{self.id}: no identity: {error!r}") from error
        if flow.account and claims.get("auth_time", 0) < flow.began_ms // 1000 - LEEWAY_S:
            raise ProviderError(f"{self.id}: did not ask the person again")
        amr = claims.get("amr") or []
        wanted = self._config.account_claim
        return Vouched(
            subject=str(claims["sub"]),
            is_strong=self._config.is_strong or bool(STRONG.intersection(amr)),
            account=str(claims.get(wanted, "")) if wanted else "",
        )

    def _claims(self, flow: Flow, token: Mapping[str, Any], at_ms: int) -> CodeIDToken:
        with httpx.Client(timeout=TIMEOUT_S) as client:
            answer = client.get(self._metadata_at(at_ms)["jwks_uri"]).raise_for_status()
        decoded = jwt.decode(
            token["id_token"],
            KeySet.import_key_set(answer.json()),
            registry=JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False),
        )
        options = {
            "iss": {"essential": True, "value": self._config.issuer},
            "aud": {"essential": True, "value": self._config.client_id},
        }
        params = {
            "nonce": flow.nonce,
            "client_id": self._config.client_id,
            "access_token": token.get("access_token"),
        }
        claims = CodeIDToken(decoded.claims, decoded.header, options, params)
        claims.validate(now=at_ms // 1000, leeway=LEEWAY_S)
        return claims

    def _metadata_at(self, at_ms: int) -> Mapping[str, Any]:
        with self._lock:
            known = self._metadata
        if known is not None and 0 <= at_ms - known[0] < METADATA_MS:
            return known[1]
        address = f"{self._config.issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            with httpx.Client(timeout=TIMEOUT_S) as client:
                metadata: Mapping[str, Any] = client.get(address).raise_for_status().json()
            issuer = metadata["issuer"]
        except (httpx.HTTPError, KeyError, ValueError) as error:
            raise ProviderError(f"{self.id}: {address} cannot be read: {error}") from error
        if issuer != self._config.issuer:
            raise ProviderError(f"{self.id}: says it is {issuer}, not {self._config.issuer}")
        with self._lock:
            self._metadata = (at_ms, metadata)
        return metadata

    def _client(self, flow: Flow) -> OAuth2Client:
        return OAuth2Client(
            self._config.client_id,
            self._config.client_secret,
            scope=self._config.scope,
            redirect_uri=flow.redirect_uri,
            code_challenge_method="S256",
            timeout=TIMEOUT_S,
        )


def _code(flow: Flow, answered: str, issuer: str) -> str:
    query = {name: values[0] for name, values in parse_qs(parts_of(answered).query).items()}
    if query.get("state") != flow.state:
        raise ProviderError(f"{flow.provider}: an answer to another question")
    if query.get("iss", issuer) != issuer:  # RFC 9207: another provider's answer
        raise ProviderError(f"{flow.provider}: an answer of {query['iss']}")
    if "code" not in query:
        raise ProviderError(f"{flow.provider}: {query.get('error', 'no code')}")
    return query["code"]
