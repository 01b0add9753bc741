"""The down messages of the control key: refusal, provisional, slow, resend.

Used by the workers, the sequencer and the transports. A gateway that the registry does not
have gets no answer: it could not verify one, and nothing should be signed for strangers.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

from cloud.ingest.accept import named_chain
from cloud.ingest.keyring import Keyring
from cloud.ingest.reasons import REASONS
from evidence.cose import Signer
from evidence.outcome import Archived, Refusal, Resend, Slow, encode_down

Run = tuple[bytes, int, int]
"""Epoch, lowest and highest sequence number."""


def _nothing(_gateway: str) -> Sequence[bytes]:
    return ()


class Answers:
    """Signs outcomes for one gateway at a time; safe from several threads."""

    def __init__(self, signer: Signer, keyring: Keyring) -> None:
        self._signer = signer
        self._keyring = keyring
        self.also: Callable[[str], Sequence[bytes]] = _nothing
        """Returns what a gateway in contact is to be told besides; called from any thread."""

    def refusal(self, gateway: str, data: bytes, code: str, payload: bytes) -> bytes | None:
        """Return a signed refusal of the batch `data`, or None for a stranger."""
        if not self._keyring.knows_gateway(gateway):
            return None
        epoch, seq = named_chain(payload)
        refusal = Refusal(
            epoch=epoch,
            seq=seq,
            sha256=sha256(data).digest(),
            code=code,
            retry=REASONS[code].retry,
        )
        return self._encode(gateway, refusal)

    def archived(self, gateway: str, runs: list[Run]) -> bytes:
        """Return a provisional outcome: on disk, no receipt yet."""
        return self._encode(gateway, Archived(runs=tuple(runs)))

    def slow(self, gateway: str, window: int, not_before_s: int) -> bytes:
        """Return a request to send less: `window` batches in flight, none for a while."""
        return self._encode(gateway, Slow(window=window, not_before_s=not_before_s))

    def resend(self, gateway: str, run: Run) -> bytes:
        """Return a request to send a range again."""
        epoch, lo, hi = run
        return self._encode(gateway, Resend(epoch=epoch, lo=lo, hi=hi))

    def _encode(self, gateway: str, message: Refusal | Archived | Slow | Resend) -> bytes:
        site = self._keyring.site_of(gateway)
        return encode_down(message, self._signer, gateway, site)
