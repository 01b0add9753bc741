"""A fake of what the pages read: two pharmacies, real Merkle proofs, updates on command."""

import math
from asyncio import Queue
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from hashlib import sha256
from typing import Any

from cloud.errors import UnavailableError
from cloud.pages.viewers import Viewers
from dashboards.models import (
    AlarmKind,
    AlarmView,
    CheckView,
    CountsView,
    GatewayView,
    LimitView,
    LinkStatus,
    LiveUpdate,
    Name,
    Overview,
    PointStatus,
    PointView,
    ProofView,
    ReadingUpdate,
    Series,
    SiteView,
)
from device_registry.access.scope import EVERYWHERE, Scope, Subject
from domain.alarms.state import AlarmState
from domain.profiles.model import PointClass
from domain.quantity import Quantity
from domain.rules.load import rule_pack
from domain.rules.model import Direction, Severity
from evidence.leaf import batch_leaf
from evidence.merkle import inclusion_path, leaf_hash, node_hash, tree_root

LEAVES = 21
KID = bytes.fromhex("a1b2c3d4e5f60718")
EPOCH = bytes.fromhex("0011223344556677")
OURS = Subject(org_path="chs/chs-1", region="510502", subject_class="retail")


def limits_of(pack: str, quantity: Quantity) -> tuple[LimitView, ...]:
    """Return the limits of a pack as a page shows them."""
    return tuple(
        LimitView(
            direction=x.direction,
            severity=x.severity,
            value=x.threshold_value,
        )
        for x in rule_pack(pack).limits_of(quantity)
    )


def point(
    point_id: str,
    name: Name,
    value: float | None,
    at_ms: int | None,
    *,
    quantity: Quantity = Quantity.TEMPERATURE,
    status: PointStatus = PointStatus.OK,
    pack: str = "CN_COLD_2_8",
    site: str = "chs-001",
    gateway: str = "gw-chs-001",
) -> PointView:
    """Return a measuring point."""
    units = {Quantity.TEMPERATURE: "Cel", Quantity.HUMIDITY: "%"}
    title = rule_pack(pack) if pack else None
    return PointView(
        id=point_id,
        site=site,
        gateway=gateway,
        name=name,
        quantity=quantity,
        unit=units.get(quantity, "1"),
        decimals=1 if quantity in units else 0,
        status=status,
        value=value,
        at_ms=at_ms,
        point_class=PointClass.COMPLIANCE if pack else PointClass.EQUIPMENT,
        rule_pack=pack,
        rule_title=Name(zh=title.title_zh, en=title.title_en) if title else None,
        limits=limits_of(pack, quantity) if pack else (),
    )


class FakePages:
    """A `PageSource` over values that a test sets; `Fault`s are attributes."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self.viewers = Viewers()
        self.is_down = False
        """The time series cannot be read."""
        self.has_proofs = True
        self.forgery: dict[str, Any] = {}
        """Fields of a proof that are not what they should be."""
        self.readings: dict[str, list[tuple[int, float | None]]] = {}
        self.sites: tuple[SiteView, ...] = ()
        self.alarms: tuple[AlarmView, ...] = ()
        self.counts = CountsView()
        self.acknowledged: list[tuple[str, str]] = []
        """Alarm and account."""

    def belongs(self, site: str) -> Subject | None:
        return OURS if any(s.id == site for s in self.sites) else None

    def acknowledge(self, alarm: str, who: str, at_ms: int) -> None:  # noqa: ARG002
        self.acknowledged.append((alarm, who))
        self.alarms = tuple(
            replace(a, state=AlarmState.ACKNOWLEDGED) if a.id == alarm else a
            for a in self.alarms
        )

    def overview(self, within: Sequence[Scope] = (EVERYWHERE,)) -> Overview:
        assert EVERYWHERE in within
        sites = tuple(
            replace(site, points=tuple(self._now(p) for p in site.points))
            for site in self.sites
        )
        return Overview(
            now_ms=self._now_ms(), sites=sites, alarms=self.alarms, counts=self.counts
        )

    def site(self, site: str) -> Overview:
        shown = self.overview()
        return replace(
            shown,
            sites=tuple(s for s in shown.sites if s.id == site),
            alarms=tuple(a for a in shown.alarms if a.site == site),
        )

    def site_of(self, point: str) -> str:
        return next((p.site for s in self.sites for p in s.points if p.id == point), "")

    def series(self, point: str, t0_ms: int, t1_ms: int, max_points: int) -> Series:
        if self.is_down:
            raise UnavailableError("the time series cannot be read now")
        rows = [r for r in self.readings.get(point, []) if t0_ms <= r[0] < t1_ms]
        assert max_points > 0
        return Series(times=[t for t, _ in rows], values=[v for _, v in rows])

    def proof(self, point: str, t_ms: int) -> ProofView | None:
        rows = [r for r in self.readings.get(point, []) if r[0] <= t_ms and r[1] is not None]
        if not self.has_proofs or not rows:
            return None
        return replace(proof_of(*rows[-1]), **self.forgery)

    def subscribe(self) -> AbstractContextManager[Queue[LiveUpdate | None]]:
        return self.viewers.subscribe()

    def add(self, point: str, at_ms: int, value: float | None) -> None:
        """Store one more reading and tell the open pages."""
        self.readings.setdefault(point, []).append((at_ms, value))
        self.readings[point].sort(key=lambda r: r[0])
        self.viewers.publish(ReadingUpdate(point=point, times=(at_ms,), values=(value,)))

    def _now(self, shown: PointView) -> PointView:
        known = [r for r in self.readings.get(shown.id, []) if r[1] is not None]
        return replace(shown, value=known[-1][1], at_ms=known[-1][0]) if known else shown


def proof_of(at_ms: int, value: float | None) -> ProofView:
    """Return a proof whose hashes are real; the batch itself is made up."""
    batches = [sha256(b"batch %d" % i).digest() for i in range(LEAVES)]
    leaves = [
        leaf_hash(batch_leaf((KID, EPOCH, i, 0), batch)) for i, batch in enumerate(batches)
    ]

    def node(level: int, index: int) -> bytes:
        if level == 0:
            return leaves[index]
        return node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))

    index = 13
    root = tree_root(LEAVES, node)
    return ProofView(
        gateway="gw-chs-001",
        kid=KID.hex(),
        epoch=EPOCH.hex(),
        seq=index,
        run_lo=0,
        run_hi=index,
        batch_sha256=batches[index].hex(),
        leaf_batch_sha256=batches[index].hex(),
        batch_bytes=412,
        received_ms=at_ms + 1500,
        reading_ms=at_ms,
        value=value,
        log_origin="coldwarden.example/log/2026",
        leaf_index=index,
        leaf_hash=leaves[index].hex(),
        path=tuple(h.hex() for h in inclusion_path(index, LEAVES, node)),
        tree_size=LEAVES,
        root=root.hex(),
        checkpoint="coldwarden.example/log/2026\n21\nq83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=\n\n"
        "— coldwarden.example/log/2026 Zm9vYmFyYmF6cXV4\n",
        receipt=sha256(b"receipt").hexdigest() * 6,
        checks=(
            CheckView(name="signature", ok=True, detail="Ed25519, a1b2c3d4e5f60718"),
            CheckView(name="chain", ok=True, detail="0 – 13"),
            CheckView(name="inclusion", ok=True),
            CheckView(name="receipt", ok=True),
            CheckView(name="checkpoint", ok=True),
        ),
    )


def two_pharmacies(now_ms: Callable[[], int]) -> FakePages:
    """Return a source with every state that a page can show."""
    source = FakePages(now_ms)
    now = now_ms()
    course = [
        (now - 3_600_000 + i * 10_000, round(5 + 1.4 * math.sin(i / 18) + 0.2 * math.sin(i), 1))
        for i in range(360)
        if not 150 <= i < 190
    ]
    course = [
        (t, v + 2.6 if 2_350_000 < t - now + 3_600_000 < 2_600_000 else v) for t, v in course
    ]
    source.readings["fridge-1-t"] = [(t, round(v, 1)) for t, v in course]
    far = source.readings["fridge-1-t"]
    source.readings["fridge-1-h"] = [(t, round(55 + v, 1)) for t, v in far if v is not None]
    first = SiteView(
        id="chs-001",
        name=Name(zh="春和堂药房 人民路店", en="Chunhetang Pharmacy, Renmin Road"),
        timezone="Asia/Shanghai",
        gateways=(
            GatewayView(
                id="gw-chs-001", link=LinkStatus.BACKLOG, heard_ms=now - 3000, backlog=12
            ),
        ),
        points=(
            point("fridge-1-t", Name(zh="1 号冰箱 温度", en="Fridge 1 temperature"), 5.2, now),
            point(
                "fridge-1-h",
                Name(zh="1 号冰箱 湿度", en="Fridge 1 humidity"),
                58.1,
                now - 4000,
                quantity=Quantity.HUMIDITY,
                status=PointStatus.BACKLOG,
            ),
            point(
                "fridge-2-t",
                Name(zh="2 号冰箱 温度", en="Fridge 2 temperature"),
                9.4,
                now - 6000,
                status=PointStatus.ALARM,
            ),
            point(
                "fridge-3-t",
                Name(zh="3 号冰箱 温度", en="Fridge 3 temperature"),
                7.6,
                now - 2000,
                status=PointStatus.PREALARM,
            ),
            point(
                "cool-1-t",
                Name(zh="阴凉柜 温度", en="Cool cabinet temperature"),
                18.4,
                now - 190_000,
                status=PointStatus.MISSING,
                pack="CN_COOL_20",
            ),
            point(
                "fridge-4-t",
                Name(zh="4 号冰箱 温度", en="Fridge 4 temperature"),
                4.8,
                now - 9000,
                status=PointStatus.RETURNED,
            ),
            point(
                "door-1",
                Name(zh="1 号冰箱 柜门", en="Fridge 1 door"),
                0,
                now - 9000,
                quantity=Quantity.DOOR,
                pack="",
            ),
        ),
    )
    second = SiteView(
        id="chs-002",
        name=Name(zh="春和堂药房 <解放路> 店", en="Chunhetang <Jiefang> & Sons"),
        timezone="Asia/Shanghai",
        gateways=(
            GatewayView(id="gw-chs-002", link=LinkStatus.SILENT, heard_ms=now - 1_500_000),
        ),
        points=(
            point(
                "vaccine-t",
                Name(zh="疫苗冰箱 温度", en="Vaccine fridge temperature"),
                4.1,
                now - 1_500_000,
                status=PointStatus.SILENT,
                site="chs-002",
                gateway="gw-chs-002",
            ),
            point(
                "new-t",
                Name(zh="新装冰箱 温度", en="New fridge temperature"),
                None,
                None,
                status=PointStatus.NEVER,
                site="chs-002",
                gateway="gw-chs-002",
            ),
        ),
    )
    source.sites = (first, second)
    source.alarms = _alarms(now, first, second)
    source.counts = CountsView(
        readings_stored=128_340,
        batches=812,
        missing=12,
        duplicates_refused=3,
        verified=812,
        refused=1,
    )
    return source


def _alarms(now: int, first: SiteView, second: SiteView) -> tuple[AlarmView, ...]:
    limit = AlarmView(
        kind=AlarmKind.LIMIT,
        state=AlarmState.UNACKNOWLEDGED,
        severity=Severity.ALARM,
        since_ms=now - 430_000,
        site=first.id,
        site_name=first.name,
        point="fridge-2-t",
        point_name=first.points[2].name,
        gateway="gw-chs-001",
        direction=Direction.HIGH,
        value=9.4,
        threshold=8.0,
        quantity=Quantity.TEMPERATURE,
        unit="Cel",
        clause=Name(zh="GSP 附录3 第六条", en="GSP Annex 3 art. 6"),
    )
    every = (
        limit,
        replace(
            limit,
            severity=Severity.PREALARM,
            state=AlarmState.ACKNOWLEDGED,
            since_ms=now - 95_000,
            point="fridge-3-t",
            point_name=first.points[3].name,
            value=7.6,
            threshold=7.5,
        ),
        AlarmView(
            kind=AlarmKind.SILENT,
            state=AlarmState.UNACKNOWLEDGED,
            severity=Severity.ALARM,
            since_ms=now - 1_500_000,
            site=second.id,
            site_name=second.name,
            gateway="gw-chs-002",
        ),
        replace(
            limit,
            state=AlarmState.RETURNED,
            since_ms=now - 90_000_000,
            returned_ms=now - 89_000_000,
            point="fridge-4-t",
            point_name=first.points[5].name,
            direction=Direction.LOW,
            value=1.6,
            threshold=2.0,
            late=True,
        ),
    )
    return tuple(replace(alarm, id=f"{n:032x}") for n, alarm in enumerate(every))
