"""Signs roots, hands out what they prove, publishes checkpoints: the answering half.

A root is signed at once when nothing else waits, and at the latest `SIGN_S` after somebody
began to wait: one signature then serves every gateway. The checkpoint's file follows at most
`PUBLISH_S` after the first leaf that none covers. While a log may not be signed, batches are
still archived and answered as such, provisionally; nobody frees anything.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress

from cloud.archive.ledger import Placed
from cloud.archive.receipting import Owed, Receipting, receipts
from cloud.archive.stream import Stream
from cloud.errors import ArchiveError, LogRefusedError
from cloud.ingest.answers import Answers
from evidence.errors import CorruptError
from evidence.receipt import SignedRoot

SIGN_S = 0.5  # under load: then one receipt of a gateway proves all that it sent meanwhile
PAUSE_S = 0.002  # when idle: what comes together is answered together
PUBLISH_S = 0.9  # the contract says 1 s; writing takes some of it
HEADS_MAX = 4096
NEVER_S = float("inf")


class Notary:
    """See the module. Belongs to the sequencer's thread; times are monotonic seconds."""

    def __init__(self, stream: Stream, answers: Answers, wall_ms: Callable[[], int]) -> None:
        self.heads: dict[int, bytes] = {}
        self.withheld: set[bytes] = set()
        self.checkpoints = 0
        self.receipts = 0
        self._stream = stream
        self._answers = answers
        self._wall_ms = wall_ms
        self._owed: dict[int, Receipting] = {}
        self._owed_since_s = self._leaf_since_s = NEVER_S

    def owe(self, batches: Sequence[Placed], now_s: float) -> None:
        """Note that batches are on disk and their senders wait."""
        for placed in batches:
            owed = self._owed.get(placed.log)
            if owed is None:
                owed = self._owed[placed.log] = Receipting()
            owed.add(placed)
        if batches:
            self._owed_since_s = min(self._owed_since_s, now_s)

    def touched(self, now_s: float) -> None:
        """Note that there are leaves which no checkpoint covers."""
        self._leaf_since_s = min(self._leaf_since_s, now_s)

    def wait_s(self, now_s: float, *, idle: bool) -> float:
        """Return in how many seconds something is due; infinite when nothing is."""
        sign_s = self._owed_since_s + (PAUSE_S if idle else SIGN_S)
        return max(min(sign_s, self._leaf_since_s + PUBLISH_S) - now_s, 0.0)

    def attend(self, now_s: float, *, idle: bool) -> None:
        """Do what is due."""
        if now_s >= self._owed_since_s + (PAUSE_S if idle else SIGN_S):
            self.sign()
        if now_s >= self._leaf_since_s + PUBLISH_S:
            self.publish()

    def finish(self) -> None:
        """Answer everybody and publish everything."""
        self.sign()
        self.publish()

    def publish(self) -> None:
        """Make the checkpoint of all leaves durable; a log that is refused keeps its last."""
        self._leaf_since_s = NEVER_S
        with suppress(LogRefusedError):
            self._stream.current.publish()
            self.checkpoints += 1

    def sign(self) -> None:
        """Answer everybody who waits, with one signature for each log."""
        self._owed_since_s = NEVER_S
        owed, self._owed = self._owed, {}
        current = len(self._stream.logs) - 1
        for number, receipting in owed.items():
            try:
                signed = self._stream.signed_root(number, self._wall_ms() // 1000)
            except LogRefusedError:
                self._provisional(receipting.take())
                continue
            if number == current:
                self._remember(signed)
            self._answer(number, signed, receipting.take())

    def _answer(self, number: int, signed: SignedRoot, owed: dict[bytes, Owed]) -> None:
        log = self._stream.logs[number]
        held = {kid: owed.pop(kid) for kid in self.withheld & owed.keys()}
        for key_owed in owed.values():
            try:
                messages = list(receipts(key_owed, signed, lambda i: log.path(i, signed.size)))
            except (CorruptError, ArchiveError) as error:
                log.refuse(str(error))
                self._provisional(owed)
                return
            self.receipts += len(messages)
            gateway = next(iter(key_owed.routes)).gateway
            _send(key_owed, [*self._answers.also(gateway), *messages])
        self._provisional(held)

    def _provisional(self, owed: dict[bytes, Owed]) -> None:
        for key_owed in owed.values():
            gateway = next(iter(key_owed.routes)).gateway
            _send(key_owed, [self._answers.archived(gateway, key_owed.runs())])

    def _remember(self, signed: SignedRoot) -> None:
        self.heads[signed.size] = signed.root
        if len(self.heads) > HEADS_MAX:
            del self.heads[next(iter(self.heads))]


def _send(owed: Owed, messages: list[bytes]) -> None:
    *first, last = messages
    for route, settled in owed.routes.items():
        for message in first:
            route.answer(message, 0)
        route.answer(last, settled)
