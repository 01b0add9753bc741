"""Signs checkpoints and hands out what they prove: the answering half of the sequencer.

A checkpoint is made at once when nothing else waits and the last one is a little while ago,
and at the latest `LATEST_S` after the first leaf that none covers: one signature then serves
every gateway. While a log may not be signed, batches are still archived and answered as such,
provisionally; nobody frees anything.
"""

from collections.abc import Callable

from cloud.archive.ledger import Placed
from cloud.archive.receipting import Owed, Receipting, receipts
from cloud.archive.stream import Stream
from cloud.errors import ArchiveError, LogRefusedError
from cloud.ingest.answers import Answers
from evidence.errors import CorruptError
from evidence.receipt import SignedRoot

LATEST_S = 0.9  # the contract says 1 s; the signing itself takes some of it
PAUSE_S = 0.05  # two flushes a checkpoint: no more than 20 checkpoints in a second
HEADS_MAX = 4096


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
        self._since_s: float | None = None
        self._last_s = float("-inf")

    def owe(self, placed: Placed, now_s: float) -> None:
        """Note that a batch is on disk and its sender waits."""
        number = placed.location.log
        owed = self._owed.get(number)
        if owed is None:
            owed = self._owed[number] = Receipting()
        owed.add(placed)
        if self._since_s is None:
            self._since_s = now_s

    def touched(self, now_s: float) -> None:
        """Note that there are leaves which nobody waits for."""
        if self._since_s is None:
            self._since_s = now_s

    def wait_s(self, now_s: float, *, idle: bool) -> float:
        """Return in how many seconds a checkpoint is due; infinite when none is."""
        if self._since_s is None:
            return float("inf")
        due_s = self._last_s + PAUSE_S if idle else self._since_s + LATEST_S
        return max(due_s - now_s, 0.0)

    def sign(self, now_s: float) -> None:
        """Publish a checkpoint, and answer everybody who waits."""
        self._since_s, self._last_s = None, now_s
        owed, self._owed = self._owed, {}
        current = len(self._stream.logs) - 1
        owed.setdefault(current, Receipting())
        for number, receipting in owed.items():
            try:
                signed = self._stream.signed_root(number, self._wall_ms() // 1000)
            except LogRefusedError:
                self._provisional(receipting.take())
                continue
            if number == current:
                self._remember(signed)
            self._answer(number, signed, receipting.take())
        self.checkpoints += 1

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
            _send(key_owed, messages)
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
