"""Batches that come from a gateway's memory card, not from the gateway: the same checks.

Used by `ingest-outbox`. A card has no topic and no URL; a batch's own header says whose it is,
and the signature proves it, so nothing that is unsigned can enter this way.
"""

import threading
from collections import Counter
from collections.abc import Sequence

from cloud.ingest.delivery import VIA_CARD, Delivery
from cloud.ingest.intake import Intake
from cloud.ingest.keyring import Keyring
from evidence import cose
from evidence.errors import WireError
from evidence.keys import PublicKey
from evidence.outcome import Archived, Refusal, Slow, decode_down, is_receipt

WAIT_S = 30.0
_OUTCOMES = {Archived: "archived", Slow: "slow"}


class CardRoute:
    """Counts the answers to one gateway's batches."""

    def __init__(self, gateway: str, pending: int, control_key: PublicKey) -> None:
        self.gateway = gateway
        self.counts: Counter[str] = Counter()
        self._control_key = control_key
        self._pending = pending
        self._done = threading.Event()

    def answer(self, message: bytes, settled: int) -> None:
        """Count one answer; see `Route`."""
        self.counts[self._word(message)] += settled
        self._pending -= settled
        if self._pending <= 0:
            self._done.set()

    def wait(self, timeout_s: float) -> int:
        """Return how many batches have no answer after that time."""
        self._done.wait(timeout_s)
        return max(self._pending, 0)

    def _word(self, message: bytes) -> str:
        if is_receipt(message):
            return "receipted"
        down = decode_down(message, self._control_key, self.gateway)
        if isinstance(down, Refusal):
            return f"refused {down.code}"
        return _OUTCOMES.get(type(down), "other")


def submit(
    batches: Sequence[bytes],
    intake: Intake,
    keyring: Keyring,
    control_key: PublicKey,
    wait_s: float = WAIT_S,
) -> Counter[str]:
    """Send batches through every check; return how many had which outcome."""
    counts: Counter[str] = Counter()
    by_gateway: dict[str, list[bytes]] = {}
    for data in batches:
        by_gateway.setdefault(_signer_of(data), []).append(data)
    for gateway, mine in by_gateway.items():
        route = CardRoute(gateway, len(mine), control_key)
        if not intake.offer([Delivery(data, VIA_CARD, route) for data in mine]):
            counts["slow"] += len(mine)
        elif not keyring.knows_gateway(gateway):
            counts["refused unknown-gateway"] += len(mine)  # nobody to answer to
        else:
            counts["unanswered"] += route.wait(wait_s)
            counts.update(route.counts)
    return +counts


def _signer_of(data: bytes) -> str:
    """Return the gateway that a batch names, empty when it names none."""
    try:
        return cose.read_header(cose.parse1(data).protected).iss
    except WireError:
        return ""
