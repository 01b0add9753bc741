"""What the pages show, as values: built by the server, rendered by `dashboards.render`.

Every page model carries `now_ms`, the server's time, so that ages are the server's and not the
viewer's clock's. Times are Unix ms; a value is in the point's unit, None where there is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from domain.alarms.state import AlarmState
from domain.profiles.model import PointClass
from domain.quantity import Quantity
from domain.rules.model import Direction, Severity


class Lang(StrEnum):
    """Languages of the interface; the value is the `lang` attribute and the catalogue file."""

    ZH = "zh-CN"
    EN = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """What a person calls something, in both languages."""

    zh: str
    en: str

    def text(self, lang: Lang) -> str:
        """Return the name in `lang`."""
        return self.zh if lang is Lang.ZH else self.en


class PointStatus(StrEnum):
    """The one state shown for a point; the most urgent first."""

    ALARM = "alarm"
    PREALARM = "prealarm"
    SILENT = "silent"
    """Its gateway is not heard: the value is old."""
    MISSING = "missing"
    """Its gateway is heard, the point is not: refused polls, a broken probe."""
    RETURNED = "returned"
    """Back in range; nobody has acknowledged the alarm."""
    BACKLOG = "backlog"
    """Live, and older readings are still being delivered."""
    OK = "ok"
    NEVER = "never"
    """Registered, and never heard."""
    OUT_OF_SERVICE = "out_of_service"
    """Nobody expects values of it; an excursion is shown all the same."""

    @property
    def urgency(self) -> int:
        """0 is the most urgent."""
        return list(PointStatus).index(self)


class LinkStatus(StrEnum):
    """What is known of a gateway's link; the most urgent first."""

    SILENT = "silent"
    BACKLOG = "backlog"
    ONLINE = "online"
    NEVER = "never"
    SUSPENDED = "suspended"


class AlarmKind(StrEnum):
    """What an alarm is about."""

    LIMIT = "limit"
    GAP = "gap"
    """A point has not been heard."""
    SILENT = "silent"
    """A gateway has not been heard."""
    LOSS = "loss"
    """Batches are missing that the gateway no longer holds."""
    FORK = "fork"
    BRANCH = "branch"
    SIGNATURE = "signature"
    REVOKED = "revoked"
    IMPLAUSIBLE = "implausible"
    """Readings that no probe makes."""
    COUNT = "count"
    """A gateway's totals do not agree with what it sent."""
    CLOCK = "clock"
    BACKUP = "backup"
    LOG = "log"
    """The archive or its log is in doubt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitView:
    """One limit of a point's rule pack."""

    direction: Direction
    severity: Severity
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PointView:
    """A measuring point as it stands now."""

    id: str
    site: str
    gateway: str
    name: Name
    quantity: Quantity
    unit: str
    """UCUM code."""
    decimals: int
    """How many decimals a reading has."""
    status: PointStatus
    value: float | None
    at_ms: int | None
    """When the newest reading was taken; None when there never was one."""
    point_class: PointClass = PointClass.COMPLIANCE
    rule_pack: str = ""
    rule_title: Name | None = None
    limits: tuple[LimitView, ...] = ()
    gap_ms: int = 75_000
    """Readings further apart than this are shown with a hole between them."""

    def limit(self, direction: Direction, severity: Severity) -> float | None:
        """Return the innermost limit of this kind."""
        found = [
            limit.value
            for limit in self.limits
            if limit.direction is direction and limit.severity is severity
        ]
        if not found:
            return None
        return min(found) if direction is Direction.HIGH else max(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayView:
    """A gateway's link as it stands now."""

    id: str
    link: LinkStatus
    heard_ms: int | None
    backlog: int = 0
    """Batches that it still holds and that have not arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmView:
    """An alarm that is not cleared yet."""

    id: str = ""
    kind: AlarmKind
    state: AlarmState
    severity: Severity
    since_ms: int
    site: str
    site_name: Name
    point: str = ""
    point_name: Name | None = None
    gateway: str = ""
    direction: Direction | None = None
    value: float | None = None
    threshold: float | None = None
    quantity: Quantity | None = None
    unit: str = "1"
    decimals: int = 1
    clause: Name | None = None
    """Where the regulation says so."""
    returned_ms: int | None = None
    late: bool = False
    """Found in data that arrived late."""
    detail: str = ""
    """What a person may need to know beyond the kind; plain text."""

    @property
    def waits(self) -> bool:
        """Whether nobody has acknowledged it yet."""
        return self.state in {AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """What the viewer may do with the alarms of a page."""

    csrf: str = ""
    page: str = "/"
    """Where the forms lead back to."""
    sites: frozenset[str] = frozenset()
    """Whose alarms it may acknowledge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteView:
    """A site with its gateways and points."""

    id: str
    name: Name
    timezone: str
    points: tuple[PointView, ...]
    gateways: tuple[GatewayView, ...]

    @property
    def status(self) -> PointStatus:
        """The most urgent state of its points."""
        statuses = [point.status for point in self.points]
        return min(statuses, key=lambda s: s.urgency, default=PointStatus.NEVER)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountsView:
    """Whether everything that was taken is here once, and provably so."""

    readings_stored: int = 0
    batches: int = 0
    missing: int = 0
    """Sequence numbers that the gateways still hold: on their way."""
    silent: int = 0
    """Gateways that may hold more than is known of, because they are not heard."""
    lost: int = 0
    """Sequence numbers that nobody holds any more."""
    duplicates_refused: int = 0
    """Deliveries that came again, were answered again and stored once."""
    duplicated: int = 0
    """Batches stored twice."""
    verified: int = 0
    """Batches whose signature was verified."""
    refused: int = 0
    """Deliveries whose signature or form was refused."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is lost, doubled or unverified."""
        return not self.lost and not self.duplicated and self.verified == self.batches


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Readings of one point in order of time; a None is a poll without a value."""

    times: Sequence[int]
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckView:
    """One step of a proof that the server has checked; `name` is a message key."""

    name: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofView:
    """Everything needed to check one reading without trusting the server; bytes as hex."""

    gateway: str
    kid: str
    epoch: str
    seq: int
    run_lo: int
    run_hi: int
    batch_sha256: str
    batch_bytes: int
    received_ms: int
    reading_ms: int
    value: float | None
    log_origin: str
    leaf_index: int
    """Place in the log of the leaf that proves the run up to `run_hi`."""
    leaf_batch_sha256: str
    """SHA-256 of the batch `run_hi`, which the leaf holds; the chain leads back to this one."""
    leaf_hash: str
    path: tuple[str, ...]
    tree_size: int
    root: str
    checkpoint: str
    """The signed checkpoint, as text."""
    receipt: str
    """The COSE receipt."""
    checks: tuple[CheckView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The first page: every site; also the source of all other pages."""

    now_ms: int
    sites: tuple[SiteView, ...]
    alarms: tuple[AlarmView, ...]
    counts: CountsView
    more: int = 0
    """Sites that the viewer may see too and that are not here."""
    more_alarms: int = 0
    """Alarms that are not here, of these sites or of others that the viewer may see."""
    acting: Acting = Acting()


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePage:
    """One site."""

    now_ms: int
    site: SiteView
    alarms: tuple[AlarmView, ...]
    counts: CountsView
    acting: Acting = Acting()


@dataclass(frozen=True, slots=True, kw_only=True)
class PointPage:
    """One point with its chart over the last `range_s`."""

    now_ms: int
    site: SiteView
    point: PointView
    alarms: tuple[AlarmView, ...]
    range_s: int
    series: Series
    is_available: bool = True
    """Whether the time series could be read."""
    acting: Acting = Acting()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofPage:
    """The proof of the reading of a point at `t_ms`; None while there is none."""

    now_ms: int
    site: SiteView
    point: PointView
    t_ms: int
    proof: ProofView | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticePage:
    """Something that cannot be shown; `message` is a message key."""

    now_ms: int
    message: str


PageModel: TypeAlias = Overview | SitePage | PointPage | ProofPage | NoticePage


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingUpdate:
    """New readings of a point, live or late, in order of time."""

    point: str
    times: Sequence[int]
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedUpdate:
    """Alarms, links or counts are no longer what a page shows."""


LiveUpdate: TypeAlias = ReadingUpdate | ChangedUpdate
