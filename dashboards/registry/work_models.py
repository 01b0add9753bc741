"""What the technician's pages show, as values; built by `cloud.registry_pages`.

The pages are kept on the phone and work without signal, so each carries all that its scripts
need. Times are Unix ms.
"""

from dataclasses import dataclass, field

from dashboards.models import Name
from dashboards.registry.models import Cell, Choice, Tone
from domain.quantity import Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderView:
    """A work order of the person."""

    id: str
    site: str
    site_name: Name
    address: str
    what: str
    until_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceToWork:
    """A site that the person may work at without an order of its own."""

    site: str
    site_name: Name
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkHome:
    """Where the technician starts: work orders first, then sites."""

    now_ms: int
    person: str
    csrf: str
    orders: tuple[OrderView, ...]
    sites: tuple[PlaceToWork, ...]
    search: str = ""
    next_href: str = ""
    query: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayStep:
    """A gateway of the site, and what is next for it."""

    id: str
    state: Cell
    label: str
    """Message key of the next step, "" when there is none."""
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkSite:
    """One site: its gateways and the form that makes a claim for a new one."""

    now_ms: int
    csrf: str
    site: str
    site_name: Name
    order: str
    gateways: tuple[GatewayStep, ...]
    proposed: str
    """A gateway id that is free, so that nobody has to type one."""
    given: dict[str, str] = field(default_factory=dict)
    """What the form held when it was refused."""
    problems: tuple[Cell, ...] = ()
    query: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QrCode:
    """A QR symbol: `path` draws its dark modules in a square of `size` units."""

    size: int
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimPage:
    """A claim: label, file for the card, and whether the gateway has come."""

    now_ms: int
    csrf: str
    id: str
    site: str
    site_name: Name
    gateway: str
    state: str
    """`open`, `bound`, `used`, `expired` or `cancelled`."""
    until_ms: int
    text: str = ""
    """The claim itself; only for its maker, and only for a while."""
    qr: QrCode | None = None
    card: str = ""
    """Contents of the file for the card's boot partition; only with `text`."""
    networks: tuple[Cell, ...] = ()
    query: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One result of a check, in words; `tone` OK, WARN or BAD."""

    cell: Cell
    tone: Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class PointToCheck:
    """A measuring point in the checklist, with what has been recorded so far."""

    id: str
    name: Name
    place: Cell
    quantity: Quantity
    unit: str
    decimals: int
    value: float | None
    at_ms: int | None
    permitted: Cell
    """Its range under its rules."""
    is_compliance: bool
    sensor: Cell
    permitted_error: float | None = None
    """How far it may be from the reference thermometer."""
    findings: tuple[Finding, ...] = ()
    photo: str = ""
    """SHA-256 of its photo, "" before one was taken."""
    reference: float | None = None
    compared: float | None = None
    """What the point read beside the reference thermometer."""
    before: float | None = None
    after: float | None = None
    """What it read before and after it was warmed by hand."""
    height_m: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteCheck:
    """Something about the whole gateway that the person says was so."""

    name: str
    label: Cell
    ticked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Checklist:
    """The commissioning of one gateway, to be done on the spot."""

    now_ms: int
    csrf: str
    gateway: str
    site: str
    site_name: Name
    points: tuple[PointToCheck, ...]
    spaces: tuple[Finding, ...]
    """Whether number and height of the points satisfy the rules of each space."""
    checks: tuple[SiteCheck, ...]
    findings: tuple[Finding, ...] = ()
    """What the server found about gateway, clock and alarm."""
    report: str = ""
    """The report's id once it is signed."""
    notices: tuple[Cell, ...] = ()
    """What keeps the gateway from being told what was changed."""
    query: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeForm:
    """The form that adds a probe to a gateway."""

    now_ms: int
    csrf: str
    gateway: str
    site: str
    site_name: Name
    devices: tuple[Choice, ...]
    places: tuple[Choice, ...]
    packs: tuple[Choice, ...]
    unit: int
    """A free address on the line."""
    given: dict[str, str] = field(default_factory=dict)
    problems: tuple[Cell, ...] = ()
    query: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPoint:
    """A point in the signed report."""

    name: Name
    unit: str
    quantity: Quantity
    decimals: int
    value: float | None
    reference: float | None
    findings: tuple[Finding, ...]
    photo: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPage:
    """The signed commissioning report."""

    now_ms: int
    id: str
    gateway: str
    site: str
    site_name: Name
    signed_ms: int
    technician: str
    customer: str
    signature: str
    """SHA-256 of the picture of the customer's signature."""
    sha256: str
    is_passed: bool
    points: tuple[ReportPoint, ...]
    findings: tuple[Finding, ...]
    query: str = ""


WorkPage = WorkHome | WorkSite | ClaimPage | Checklist | ProbeForm | ReportPage
