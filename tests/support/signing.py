"""A gateway's signing half: an unbroken chain of signed batches, with every field to spoil."""

from array import array
from collections.abc import Sequence
from hashlib import sha256
from itertools import pairwise

from device_registry.records import GatewayRecord, SiteRecord, TenantRecord
from evidence.batch import BATCH_TYP, NO_PREV, Body, Columns, encode_body
from evidence.cose import protected_header, sign1
from evidence.keys import SoftwareKey
from tests.support.fixed_registry import FixedRegistry

T0_MS = 1_763_700_000_000
PERIOD_MS = 60_000
SITE = "chs-001"


def columns(values: Sequence[int], channel: int = 1, period_ms: int = 10_000) -> Columns:
    """Return one channel's readings in hundredths."""
    deltas = [after - before for before, after in pairwise(values)]
    return Columns(
        rows=array("H", [len(values)]),
        width=array("H", [1]),
        t_off=array("i", [0]),
        period=array("I", [period_ms]),
        channel=array("I", [channel]),
        exp=array("b", [-2]),
        v0=array("q", [values[0]]),
        dt=array("i", [0] * len(values)),
        dv=array("i", deltas),
    )


class SigningGateway:
    """Makes batches as an honest gateway would; `body` gives the next one unsigned."""

    def __init__(self, name: str = "gw-demo-01", number: int = 1, site: str = SITE) -> None:
        self.id = name
        self.site = site
        self.key = SoftwareKey(-19, number.to_bytes(32, "big"))
        self.boot = 1
        self.sealed = 0
        self.start_ms = T0_MS
        self.checkpoint: tuple[int, bytes] | None = None
        self.lowest_held: tuple[bytes, int] | None = None
        self.sent: dict[tuple[bytes, int], bytes] = {}
        self.new_epoch(1)

    def new_epoch(self, number: int, parent: tuple[bytes, int] | None = None) -> None:
        """Begin an epoch, as at every start of the gateway's program."""
        self.epoch = number.to_bytes(8, "big")
        self.seq = 0
        self.parent = parent
        self.prev = NO_PREV if parent is None else sha256(self.sent[parent]).digest()
        self.total = 0

    def body(self, values: Sequence[int] = (500, 501, 499)) -> Body:
        """Return the next body; nothing moves on until `sign`."""
        at_ms = self.sealed * PERIOD_MS
        return Body(
            epoch=self.epoch,
            seq=self.seq,
            prev=self.prev,
            t0=self.start_ms + at_ms,
            mono_ms=1_000_000 + at_ms,
            boot=self.boot,
            sync=1,
            err_ms=20,
            columns=columns(values) if values else None,
            readings_total=self.total + len(values),
            checkpoint=self.checkpoint,
            lowest_held=self.lowest_held or (self.epoch, 0),
            config=bytes(32),
            parent=self.parent if self.seq == 0 else None,
        )

    def envelope(self, body: Body, **header: str) -> bytes:
        """Return the signed batch; `header` overrides iss, sub or typ."""
        fields = {"iss": self.id, "sub": self.site, "typ": BATCH_TYP, **header}
        protected = protected_header(alg=self.key.alg, kid=self.key.kid, **fields)
        return sign1(protected, encode_body(body), self.key)

    def sign(self, body: Body) -> bytes:
        """Sign, and move the chain on."""
        data = self.envelope(body)
        self.sent[body.epoch, body.seq] = data
        self.prev = sha256(data).digest()
        self.seq = body.seq + 1
        self.sealed += 1
        self.total = body.readings_total
        return data

    def batch(self, values: Sequence[int] = (500, 501, 499)) -> bytes:
        """Return the next signed batch."""
        return self.sign(self.body(values))

    def batches(self, count: int) -> list[bytes]:
        """Return the next `count` signed batches."""
        return [self.batch() for _ in range(count)]


def spoiled(batch: bytes) -> bytes:
    """Return the batch with one bit of its signature changed."""
    return batch[:-1] + bytes((batch[-1] ^ 1,))


def registry_of(*gateways: SigningGateway) -> FixedRegistry:
    """Return a registry that knows exactly these gateways, in one tenant."""
    sites = sorted({g.site for g in gateways})
    return FixedRegistry(
        tenants=[TenantRecord(id="t1", name_zh="甲", name_en="A")],
        sites=[
            SiteRecord(
                id=s, tenant="t1", name_zh="店", name_en="shop", timezone="Asia/Shanghai"
            )
            for s in sites
        ],
        gateways=[
            GatewayRecord(id=g.id, site=g.site, keys=(g.key.public,), heartbeat_s=60)
            for g in gateways
        ],
    )
