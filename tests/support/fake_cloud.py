"""A cloud small enough to read that keeps the contract: it verifies, stores once, and proves.

It polices what a gateway does: a forged batch, a fork, or one batch with two hashes fails the
test at once. Down messages are real: receipts of a real tree, outcomes under a control key.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from hashlib import sha256

from edge.uplink.desk import Pins
from evidence.batch import Body, decode_body, expand, expected_header
from evidence.chain import Action, BatchHead, ChainState, apply, judge
from evidence.cose import parse1, verify1
from evidence.keys import PublicKey, SoftwareKey
from evidence.leaf import batch_leaf, genesis_leaf
from evidence.merkle import inclusion_path, leaf_hash, node_hash, tree_root
from evidence.outcome import Archived, Down, Refusal, Resend, Retry, Slow, encode_down
from evidence.receipt import ReceiptSigner, Run
from tests.support.batches import GATEWAY, KEY, SITE

ORIGIN = "cloud.test/log/2026"
LOG_KEY = SoftwareKey(-19, sha256(b"the log key of a test").digest())
CONTROL_KEY = SoftwareKey(-19, sha256(b"the control key of a test").digest())
RECV_MS = 4_000_000_000_000


class Fault(Enum):
    """What happens to one exchange."""

    LOST_REQUEST = auto()  # nothing was applied
    LOST_REPLY = auto()  # applied, and the gateway never hears of it


@dataclass(slots=True)
class FakeCloud:
    """Takes batches of one gateway; `policy` answers what the test wants said."""

    gateway: str = GATEWAY
    public: PublicKey = KEY.public
    origin: str = ORIGIN
    stored: dict[tuple[bytes, int], bytes] = field(default_factory=dict)
    bodies: dict[tuple[bytes, int], Body] = field(default_factory=dict)
    order: list[tuple[bytes, int]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    refuse: dict[tuple[bytes, int], Retry] = field(default_factory=dict)
    withhold_receipts: bool = False
    _chain: ChainState = field(default_factory=ChainState)
    _leaves: list[bytes] = field(default_factory=list)
    _runs: dict[tuple[bytes, int], tuple[int, int]] = field(default_factory=dict)
    iat_s: int = 1_700_000_000

    def __post_init__(self) -> None:
        self._leaves.append(leaf_hash(genesis_leaf(self.origin)))

    def pins(self) -> Pins:
        """Return what the gateway was told at enrolment."""
        return Pins(
            gateway=self.gateway,
            kid=self.public.kid,
            log_origin=ORIGIN,
            log_key=LOG_KEY.public,
            control_key=CONTROL_KEY.public,
        )

    def take(self, batches: Sequence[bytes]) -> list[bytes]:
        """Store what is new and return one outcome for each batch."""
        outcomes: list[bytes] = []
        proven: list[tuple[bytes, int]] = []
        for data in batches:
            body = self._checked(data)
            place = (body.epoch, body.seq)
            retry = self.refuse.get(place)
            if retry is not None:
                outcomes.append(self._refusal(body, data, retry))
                continue
            if self._store(data, body):
                self.order.append(place)
            proven.append(place)
        if proven and self.withhold_receipts:
            outcomes.append(self.say(Archived(runs=tuple((e, s, s) for e, s in proven))))
        elif proven:
            outcomes.append(self.receipt(proven))
        return outcomes

    def say(self, message: Down) -> bytes:
        """Return a message under the control key."""
        return encode_down(message, CONTROL_KEY, self.gateway, SITE)

    def slow(self, window: int, pause_s: int) -> bytes:
        """Return the request to slow down."""
        return self.say(Slow(window=window, not_before_s=pause_s))

    def resend(self, epoch: bytes, lo: int, hi: int) -> bytes:
        """Return the request to send batches again."""
        return self.say(Resend(epoch=epoch, lo=lo, hi=hi))

    def receipt(self, places: Sequence[tuple[bytes, int]]) -> bytes:
        """Return a receipt for the runs up to these batches, of the tree as it is now."""
        self.iat_s += 1
        highest: dict[tuple[bytes, int], tuple[bytes, int]] = {}
        for epoch, seq in sorted(places):
            highest[epoch, self._runs[epoch, seq][0]] = (epoch, seq)
        root = ReceiptSigner(self.origin, LOG_KEY).checkpoint(
            len(self._leaves), tree_root(len(self._leaves), self._node), self.iat_s
        )
        runs = []
        for epoch, seq in highest.values():
            lo, index = self._runs[epoch, seq]
            path = inclusion_path(index, len(self._leaves), self._node)
            runs.append(Run(epoch, lo, seq, index, path))
        return root.receipt(runs)

    def readings(self) -> list[tuple[int, int, int, int, int]]:
        """Return every reading that is stored, in the order of arrival."""
        return [reading for place in self.order for reading in expand(self.bodies[place])]

    def _checked(self, data: bytes) -> Body:
        envelope = parse1(data)
        assert envelope.protected == expected_header(self.gateway, SITE, self.public)
        verify1(envelope, self.public)
        self.counts["batches"] += 1
        return decode_body(envelope.payload)

    def _store(self, data: bytes, body: Body) -> bool:
        digest = sha256(data).digest()
        known = self.stored.get((body.epoch, body.seq))
        head = BatchHead(body=body, sha256=digest)
        verdict = judge(self._chain, head, known and sha256(known).digest(), RECV_MS)
        assert verdict.action is not Action.FORK, "an honest gateway forked"
        for detail in verdict.findings:
            self.counts[detail.finding] += 1
        if verdict.action is Action.DUPLICATE:
            return False
        apply(self._chain, head)
        place = (body.epoch, body.seq)
        self.stored[place], self.bodies[place] = data, body
        leaf = batch_leaf((self.public.kid, body.epoch, body.seq, verdict.run_lo), digest)
        self._runs[place] = (verdict.run_lo, len(self._leaves))
        self._leaves.append(leaf_hash(leaf))
        return True

    def _refusal(self, body: Body, data: bytes, retry: Retry) -> bytes:
        return self.say(
            Refusal(
                epoch=body.epoch,
                seq=body.seq,
                sha256=sha256(data).digest(),
                code="test",
                retry=retry,
            )
        )

    def _node(self, level: int, index: int) -> bytes:
        if level == 0:
            return self._leaves[index]
        return node_hash(self._node(level - 1, 2 * index), self._node(level - 1, 2 * index + 1))
