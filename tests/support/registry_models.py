"""One of each page of the registry and of the technician, filled as a real one would be."""

from dashboards.models import Name
from dashboards.registry.models import (
    Cell,
    Choice,
    Crumb,
    DetailPage,
    EditPage,
    ExpiryPage,
    ExpiryRow,
    Fact,
    FormField,
    Link,
    RegionPage,
    RegionRow,
    RegistryPage,
    Row,
    Table,
    Tone,
)
from dashboards.registry.work_models import (
    Checklist,
    ClaimPage,
    Finding,
    GatewayStep,
    OrderView,
    PlaceToWork,
    PointToCheck,
    ProbeForm,
    QrCode,
    ReportPage,
    ReportPoint,
    SiteCheck,
    WorkHome,
    WorkPage,
    WorkSite,
)
from domain.quantity import Quantity

NOW_MS = 1_795_363_200_000
SHOP = Name(zh="泸州市江阳区百姓大药房", en="Luzhou Jiangyang Baixing Pharmacy")
FRIDGE = Name(zh="冷藏柜 1 号 温度", en="Refrigerator 1 temperature")
GATEWAY = "gw-chs-001"
HASH = "3f" * 32


def _text(text: str, href: str = "") -> Cell:
    return Cell(text=text, href=href)


def _state(state: str, tone: Tone) -> Cell:
    return Cell(word=f"registry.state_{state}", tone=tone)


def region() -> RegionPage:
    return RegionPage(
        now_ms=NOW_MS,
        code="51",
        heading=Cell(name=Name(zh="四川省", en="Sichuan")),
        crumbs=(Crumb(cell=Cell(word="registry.all_regions", href="/registry")),),
        totals=(
            Fact(label="registry.organisations_count", cell=Cell(count=12_345)),
            Fact(label="registry.sites_count", cell=Cell(count=54_321)),
            Fact(label="registry.gateways_count", cell=Cell(count=100_000)),
        ),
        regions=(
            RegionRow(
                code="5101", name=Name(zh="成都市", en="Chengdu"), sites=20_000, gateways=45_000
            ),
            RegionRow(
                code="5105", name=Name(zh="泸州市", en="Luzhou"), sites=3_000, gateways=5_000
            ),
        ),
        shown="organisations",
        rows=(
            Row(
                href="/registry/organisations/chs",
                heading=Cell(name=SHOP),
                marks=(
                    Cell(word="registry.subject_class_retail"),
                    Cell(name=Name(zh="泸州市", en="Luzhou")),
                ),
                counts=(Fact(label="registry.sites_count", cell=Cell(count=120)),),
            ),
        ),
        search="",
        next_href="?after=chs",
    )


def detail() -> DetailPage:
    return DetailPage(
        now_ms=NOW_MS,
        kind="registry.gateway",
        heading=_text(GATEWAY),
        crumbs=(
            Crumb(cell=Cell(word="registry.all_regions", href="/registry")),
            Crumb(cell=Cell(name=SHOP, href="/registry/sites/chs-001")),
        ),
        states=(_state("in_service", Tone.OK),),
        facts=(
            Fact(label="registry.field_model", cell=_text("RPi-4")),
            Fact(label="registry.field_key", cell=Cell(text="a1b2c3d4e5f60718", is_code=True)),
            Fact(label="registry.field_enrolled", cell=Cell(at_ms=NOW_MS - 86_400_000)),
            Fact(label="registry.field_configuration", cell=Cell()),
        ),
        tables=(
            Table(
                id="keys",
                title="registry.keys",
                columns=(
                    "registry.column_key",
                    "registry.column_kind",
                    "registry.column_state",
                    "registry.column_from",
                    "registry.column_revoked",
                ),
                rows=(
                    (
                        Cell(text="a1b2c3d4e5f60718", is_code=True),
                        Cell(word="registry.key_kind_pkcs11"),
                        _state("active", Tone.OK),
                        Cell(at_ms=NOW_MS - 86_400_000),
                        Cell(),
                    ),
                    (
                        Cell(text="0918273645546372", is_code=True),
                        Cell(word="registry.key_kind_software"),
                        _state("revoked", Tone.BAD),
                        Cell(at_ms=NOW_MS - 9 * 86_400_000),
                        Cell(count=48_112),
                    ),
                ),
            ),
            Table(
                id="tasks",
                title="registry.tasks",
                columns=(),
                rows=(),
                empty="registry.no_tasks",
            ),
        ),
        links=(
            Link(label="registry.commission", href="/work/gateways/x", is_main=True),
            Link(label="registry.edit", href="/registry/edit/gateway/x"),
        ),
        notices=(Cell(word="registry.calibration_expired", tone=Tone.BAD),),
    )


def expiry() -> ExpiryPage:
    return ExpiryPage(
        now_ms=NOW_MS,
        within_days=90,
        counts=((0, 2), (7, 1), (30, 14), (60, 40), (90, 88)),
        rows=(
            ExpiryRow(
                what=Cell(name=Name(zh="校准证书", en="calibration")),
                about=_text("T-0001", "/registry/sensors/t-0001"),
                where=Cell(name=SHOP, href="/registry/sites/chs-001"),
                until="2026-11-20",
                left_days=-2,
                end=Cell(name=Name(zh="校准过期", en="flagged")),
            ),
            ExpiryRow(
                what=Cell(name=Name(zh="许可证", en="licence")),
                about=_text("川AA0001"),
                where=Cell(name=SHOP),
                until="2026-12-20",
                left_days=28,
            ),
        ),
    )


def edit() -> EditPage:
    return EditPage(
        now_ms=NOW_MS,
        kind="registry.site",
        heading=Cell(name=SHOP),
        back_href="/registry/sites/chs-001",
        csrf="token",
        problem="registry.problem_fields",
        fields=(
            FormField(
                name="name_zh",
                label="registry.field_name_zh",
                shape="text",
                value=SHOP.zh,
                is_required=True,
            ),
            FormField(
                name="area_m2",
                label="registry.field_area_m2",
                shape="number",
                value="x",
                problem="registry.problem_field",
            ),
            FormField(
                name="subject_class",
                label="registry.field_subject_class",
                shape="choice",
                value="retail",
                choices=(
                    Choice(value="retail", cell=Cell(word="registry.subject_class_retail")),
                ),
            ),
            FormField(
                name="valid_until",
                label="registry.field_valid_until",
                shape="date",
                value="2027-01-01",
            ),
            FormField(name="spare", label="registry.field_spare", shape="flag", value="1"),
            FormField(name="reason", label="registry.field_reason", shape="long", value=""),
        ),
    )


def home() -> WorkHome:
    return WorkHome(
        now_ms=NOW_MS,
        person="王工",
        csrf="token",
        orders=(
            OrderView(
                id="wo-1",
                site="chs-001",
                site_name=SHOP,
                address="江阳区酒城大道一段 12 号",
                what="安装 1 台网关、4 个测点",
                until_ms=NOW_MS + 28_800_000,
            ),
        ),
        sites=(PlaceToWork(site="chs-002", site_name=SHOP, address="龙马潭区南光路 8 号"),),
    )


def work_site() -> WorkSite:
    return WorkSite(
        now_ms=NOW_MS,
        csrf="token",
        site="chs-001",
        site_name=SHOP,
        order="wo-1",
        proposed="gw-chs-001-2",
        gateways=(
            GatewayStep(
                id=GATEWAY,
                state=_state("enrolled", Tone.BUSY),
                label="work.next_commission",
                href=f"/work/gateways/{GATEWAY}",
            ),
        ),
        given={"link": "wifi", "address": "static"},
        problems=(Cell(word="work.problem_ssid"),),
    )


def claim(state: str = "open", text: str = "cw1:aGVsbG8td29ybGQ") -> ClaimPage:
    return ClaimPage(
        now_ms=NOW_MS,
        csrf="token",
        id="00112233aabbccdd",
        site="chs-001",
        site_name=SHOP,
        gateway=GATEWAY,
        state=state,
        until_ms=NOW_MS + 86_400_000,
        text=text,
        qr=QrCode(size=29, path="M4 4h7v1h-7zM4 11h7v7h-7zM14 14h5v5h-5z") if text else None,
        card=f'claim = "{text}"\n' if text else "",
        networks=(Cell(word="work.card_wifi", values=(("ssid", "yaodian"),)),),
    )


def _point(point: str, name: Name, value: float | None, **more: object) -> PointToCheck:
    found = (
        Finding(
            cell=Cell(
                name=Name(zh="校准有效，证书 J2026-118，有效期至 2027-03-01", en="in date")
            ),
            tone=Tone.OK,
        ),
    )
    return PointToCheck(
        id=point,
        name=name,
        place=Cell(name=Name(zh="冷藏柜 1 号", en="Refrigerator 1")),
        quantity=Quantity.TEMPERATURE,
        unit="Cel",
        decimals=1,
        value=value,
        at_ms=None if value is None else NOW_MS - 12_000,
        permitted=_text("2 ～ 8 °C"),
        is_compliance=True,
        sensor=_text("RS-WS-N01-8 · T-0001"),
        permitted_error=0.5,
        findings=found,
        **more,  # type: ignore[arg-type]
    )


def checklist() -> Checklist:
    return Checklist(
        now_ms=NOW_MS,
        csrf="token",
        gateway=GATEWAY,
        site="chs-001",
        site_name=SHOP,
        points=(
            _point("p-1", FRIDGE, 5.2, reference=5.0, compared=5.2, height_m=1.2),
            _point("p-2", Name(zh="冷藏柜 2 号 温度", en="Refrigerator 2 temperature"), None),
        ),
        spaces=(
            Finding(
                cell=Cell(
                    name=Name(
                        zh="测点数量不足：至少 2 个，现有 1 个（附录三第十三条）", en="too few"
                    )
                ),
                tone=Tone.BAD,
            ),
        ),
        checks=(
            SiteCheck(name="local", label=Cell(word="commissioning.local"), ticked=True),
            SiteCheck(
                name="reached.wang",
                label=Cell(
                    word="commissioning.reached",
                    values=(("person", "王店长"), ("phone", "138****0001")),
                ),
            ),
        ),
        findings=(
            Finding(
                cell=Cell(name=Name(zh="网关时钟准确，相差 0.0 秒", en="clock right")),
                tone=Tone.OK,
            ),
        ),
    )


def probe() -> ProbeForm:
    return ProbeForm(
        now_ms=NOW_MS,
        csrf="token",
        gateway=GATEWAY,
        site="chs-001",
        site_name=SHOP,
        devices=(Choice(value="XY-MD02", cell=_text("XY-MD02")),),
        places=(
            Choice(
                value="chs-001-f1", cell=Cell(name=Name(zh="冷藏柜 1 号", en="Refrigerator 1"))
            ),
            Choice(value="new:room", cell=Cell(word="work.new_place_room")),
        ),
        packs=(
            Choice(
                value="CN_COLD_2_8", cell=Cell(name=Name(zh="GSP 冷藏 2～8 ℃", en="GSP cold"))
            ),
        ),
        unit=3,
        problems=(Cell(word="work.problem_serial"),),
    )


def report() -> ReportPage:
    return ReportPage(
        now_ms=NOW_MS,
        id="r-1",
        gateway=GATEWAY,
        site="chs-001",
        site_name=SHOP,
        signed_ms=NOW_MS,
        technician="王工",
        customer="李店长",
        signature=HASH,
        sha256=HASH,
        is_passed=False,
        points=(
            ReportPoint(
                name=FRIDGE,
                unit="Cel",
                quantity=Quantity.TEMPERATURE,
                decimals=1,
                value=5.2,
                reference=5.0,
                findings=checklist().points[0].findings,
                photo=HASH,
            ),
        ),
        findings=checklist().findings,
    )


def registry_pages() -> dict[str, RegistryPage]:
    return {"region": region(), "detail": detail(), "expiry": expiry(), "edit": edit()}


def work_pages() -> dict[str, WorkPage]:
    return {
        "home": home(),
        "site": work_site(),
        "claim": claim(),
        "claim without its secret": claim(text=""),
        "claim used": claim("used"),
        "claim expired": claim("expired"),
        "checklist": checklist(),
        "probe": probe(),
        "report": report(),
    }
