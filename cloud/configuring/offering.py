"""Which gateway is to be sent which configuration, and when again.

Used by `cloud.configuring.service`. At a gateway's contact its newest offer goes with the
receipts, over whatever brought the batch, and again with growing pauses until a STATE event
answers it. Safe from several threads.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from device_registry.configuring.publishing import (
    AT_ONCE,
    KIND,
    configuration_id,
    document_of,
    first_document,
)
from device_registry.errors import RegistryError
from device_registry.store.row import Row
from device_registry.store.store import RegistryStore
from evidence.configuration import sign_configuration
from evidence.cose import Signer
from evidence.errors import WireError

FIRST_WAIT_S: Final = 10.0
"""An answer takes a trial's beginning and a batch; the offer itself is seldom lost."""
LONGEST_WAIT_S: Final = 600.0
PAGE: Final = 1000
AT_HAND: Final = 5000
"""So many offers are kept ready to send, a few KiB each; others are read when they are due."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Offer:
    version: int
    message: bytes = b""
    due_s: float = 0.0
    wait_s: float = FIRST_WAIT_S


class Offers:
    """See the module."""

    def __init__(
        self,
        store: RegistryStore,
        signer: Signer,
        site_of: Callable[[str], str],
        mono_s: Callable[[], float],
    ) -> None:
        self._store = store
        self._signer = signer
        self._site_of = site_of
        self._mono_s = mono_s
        self._lock = threading.Lock()
        self._seq = store.revision()
        self._offers: dict[str, _Offer] = {}
        self.sent = 0
        for row in store.each(KIND, where={"state": "offered"}):
            self._note(row)

    def __len__(self) -> int:
        return len(self._offers)

    def refresh(self) -> None:
        """Take over what changed in the registry since the last time.

        Raises:
            RegistryError: the registry cannot be asked now.
        """
        while entries := self._store.audit(after_seq=self._seq, limit=PAGE, kind=KIND):
            ids = sorted({entry.id for entry in entries})
            for start in range(0, len(ids), AT_ONCE):
                some = ids[start : start + AT_ONCE]
                for row in self._store.find(KIND, where={"id": some}, limit=len(some)):
                    self._note(row)
            self._seq = entries[-1].seq

    def at_contact(self, gateway: str) -> Sequence[bytes]:
        """Return what to send to a gateway that is in contact now: an offer, or nothing."""
        offer = self._offers.get(gateway)  # without the lock: nearly always there is none
        if offer is None:
            return ()
        with self._lock:
            now_s = self._mono_s()
            if now_s < offer.due_s:
                return ()
            offer.due_s = now_s + offer.wait_s
            offer.wait_s = min(2 * offer.wait_s, LONGEST_WAIT_S)
            message = offer.message = offer.message or self._signed(gateway, offer.version)
        if not message:
            return ()
        self.sent += 1
        return (message,)

    def heard(self, gateway: str, version: int | None) -> None:
        """Note by which version a gateway says it runs, or tries to; None for none.

        One that began anew without having taken its offer gets it at its next contact.
        """
        offer = self._offers.get(gateway)
        if offer is not None and offer.version != version:
            with self._lock:
                offer.due_s, offer.wait_s = 0.0, FIRST_WAIT_S

    def first_configuration(self, gateway: str) -> bytes:
        """Return the signed configuration for a gateway that enrols, b"" when there is none."""
        document = first_document(self._store, gateway)
        site = self._site_of(gateway)
        if document is None or not site:
            return b""
        return sign_configuration(document, self._signer, site)

    def _note(self, row: Row) -> None:
        gateway, version = row.text("gateway"), row.number("version")
        with self._lock:
            known = self._offers.get(gateway)
            if row.text("state") == "offered":
                if known is None or known.version <= version:
                    at_hand = len(self._offers) < AT_HAND
                    message = self._message(row) if at_hand else b""
                    self._offers[gateway] = _Offer(version, message)
            elif known is not None and known.version == version:
                del self._offers[gateway]

    def _signed(self, gateway: str, version: int) -> bytes:
        """Return the message of an offer; a registry that is away is asked at the next one."""
        try:
            row = self._store.get(KIND, configuration_id(gateway, version))
        except RegistryError as error:
            _log.warning("configuration %d of %s is sent later: %s", version, gateway, error)
            return b""
        return self._message(row) if row is not None else b""

    def _message(self, row: Row) -> bytes:
        """Return a configuration, signed; nothing when it fits no envelope.

        Nothing either while nobody can say at which site the gateway is; it is tried again.
        """
        site = self._site_of(row.text("gateway"))
        if not site:
            return b""
        try:
            return sign_configuration(document_of(row), self._signer, site)
        except WireError as error:
            _log.warning("configuration %s cannot be sent: %s", row.id, error)
            return b""
