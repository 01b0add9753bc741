"""The keys that may sign batches, each with the exact header bytes it must send.

Built from the registry, used by `cloud.ingest.accept` for every batch: comparing the header
with the one known for the key proves algorithm, type, gateway and site in a single step.
"""

from dataclasses import dataclass

from device_registry.registry import Registry
from evidence import cbor
from evidence.batch import BATCH_TYP
from evidence.cose import protected_header
from evidence.keys import PublicKey

KID_AT = slice(9, 17)
"""Where the key id stands in an envelope of this profile: d2 84 58 nn a4 01 alg 04 48 kid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKey:
    """One enrolled key.

    `start` is everything of its envelopes before the payload, `signed_start` everything of the
    Sig_structure before it.
    """

    gateway: str
    site: str
    kid: bytes
    public: PublicKey
    start: bytes
    signed_start: bytes


class Keyring:
    """Looks keys up by id; remembers each after its first use. Safe from several threads."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._known: dict[bytes, KnownKey] = {}

    def find(self, kid: bytes) -> KnownKey | None:
        """Return the key with this id, None when no gateway has it."""
        return self._known.get(kid) or self._load(kid)

    def knows_gateway(self, gateway: str) -> bool:
        """Return whether the registry has this gateway."""
        return self._registry.gateway(gateway) is not None

    def site_of(self, gateway: str) -> str:
        """Return the site of a gateway, empty when it is not known."""
        record = self._registry.gateway(gateway)
        return record.site if record else ""

    def _load(self, kid: bytes) -> KnownKey | None:
        found = self._registry.gateway_by_kid(kid)
        if found is None:
            return None
        record, public = found
        known = known_key(record.id, record.site, public)
        self._known[kid] = known
        return known


def known_key(gateway: str, site: str, public: PublicKey) -> KnownKey:
    """Return the key with the header its batches must carry."""
    kid = public.kid
    protected = protected_header(alg=public.alg, kid=kid, typ=BATCH_TYP, iss=gateway, sub=site)
    header = cbor.byte_string(protected)
    return KnownKey(
        gateway=gateway,
        site=site,
        kid=kid,
        public=public,
        start=b"\xd2\x84" + header + b"\xa0",
        signed_start=b"\x84\x6aSignature1" + header + b"\x40",
    )
