"""The keys that may sign batches, each with the exact header bytes it must send.

Built from the registry, used by `cloud.ingest.accept` for every batch: comparing the header
with the one known for the key proves algorithm, type, gateway and site in a single step.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from device_registry.errors import StoreUnavailableError
from device_registry.records import GatewayRecord
from evidence import cbor
from evidence.batch import BATCH_TYP
from evidence.cose import protected_header
from evidence.keys import PublicKey

KID_AT = slice(9, 17)
"""Where the key id stands in an envelope of this profile: d2 84 58 nn a4 01 alg 04 48 kid."""
PAUSE_S: Final = 30.0
"""The event loop asks here too: a source that hangs may hold it up only so often."""

T = TypeVar("T")
_log = logging.getLogger(__name__)


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


class KeySource(Protocol):
    """Where keys come from: a `device_registry.registry.Registry`, or a part of one.

    Superseded and revoked keys are in it too: the first still bring in what they signed, of the
    second a duplicate is still answered. What of them is taken, the sequencer decides.
    """

    def gateway(self, gateway: str) -> GatewayRecord | None:
        """Return the gateway with this id."""
        ...

    def gateway_by_kid(self, kid: bytes) -> tuple[GatewayRecord, PublicKey] | None:
        """Return the gateway for which the key with this id signs or signed, and the key."""
        ...


class Keyring:
    """The keys and sites as the source has them now, asked once and remembered.

    Whoever changes a key, or the site of a gateway, calls `forget`. A key that is not found is
    asked for every time, so that one that was just enrolled is met with its first batch.

    A source that cannot be asked stops nobody who was heard before, and for `PAUSE_S` nobody
    waits for it again. `is_away` says so to whoever finds nothing meanwhile: it is not the
    gateway's fault.
    """

    def __init__(self, source: KeySource, mono_s: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._mono_s = mono_s
        self._known: dict[bytes, KnownKey] = {}
        self._sites: dict[str, str] = {}
        self._kids: dict[str, list[bytes]] = {}
        self._changes = 0
        self._away_until_s = -math.inf
        self._lock = threading.Lock()

    @property
    def is_away(self) -> bool:
        """Return whether the source could not be asked just now."""
        return self._mono_s() < self._away_until_s

    def find(self, kid: bytes) -> KnownKey | None:
        """Return the key with this id, None when no gateway has it or nobody can be asked."""
        return self._known.get(kid) or self._load(kid)

    def knows_gateway(self, gateway: str) -> bool:
        """Return whether the registry has this gateway."""
        return bool(self.site_of(gateway))

    def site_of(self, gateway: str) -> str:
        """Return the site of a gateway, empty when it is not known."""
        return self._sites.get(gateway) or self._load_site(gateway)

    def forget(self, gateways: frozenset[str] | None = None) -> None:
        """Ask the source again for these gateways, None for all: they have changed."""
        with self._lock:
            self._changes += 1
            if gateways is None:
                self._known.clear()
                self._sites.clear()
                self._kids.clear()
                return
            for gateway in gateways:
                self._sites.pop(gateway, None)
                for kid in self._kids.pop(gateway, ()):
                    self._known.pop(kid, None)

    def _load(self, kid: bytes) -> KnownKey | None:
        changes = self._changes
        found = self._ask(lambda: self._source.gateway_by_kid(kid))
        if found is None:
            return None
        record, public = found
        known = known_key(record.id, record.site, public)
        with self._lock:
            # An answer from before a change must not outlive it.
            if changes == self._changes:
                self._known[kid] = known
                self._kids.setdefault(record.id, []).append(kid)
                self._sites[record.id] = record.site
        return known

    def _load_site(self, gateway: str) -> str:
        changes = self._changes
        record = self._ask(lambda: self._source.gateway(gateway))
        if record is None:
            return ""
        with self._lock:
            if changes == self._changes:
                self._sites[gateway] = record.site
        return record.site

    def _ask(self, question: Callable[[], T | None]) -> T | None:
        """Return the source's answer, None when it has none or cannot be asked."""
        if self.is_away:
            return None
        try:
            return question()
        except StoreUnavailableError as error:
            _log.warning("keys of gateways not heard yet cannot be looked up: %s", error)
            self._away_until_s = self._mono_s() + PAUSE_S
            return None


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
