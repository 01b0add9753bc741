"""A pharmacy chain in the registry and the pages over it, as people with roles see them.

with pages(tmp_path) as world:
    world.get("wang", "/registry")
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from fastapi import APIRouter, FastAPI, Request, Response

from cloud.access.access import access_of
from cloud.access.gate import Gate
from cloud.access.guarded import guarded_app
from cloud.pages import answers
from cloud.pages.statics import static_files
from cloud.registry_pages.files import FileFolder
from cloud.registry_pages.router import registry_router
from cloud.registry_pages.sources import GatewayNow, Newest, Sources
from dashboards.models import AlarmView
from device_registry.access.policy import Grant
from device_registry.access.scope import Scope
from device_registry.enrolment.claims import Server
from device_registry.store.audit import Actor
from device_registry.store.change import Change
from device_registry.store.store import RegistryStore
from tests.support.gates import NOW_MS, People, signed_in

ROOT = Actor(account="root", role="operator", via="cli")
SITE, OTHER_SITE = "bx-001", "ynk-001"
GATEWAY = "gw-bx-001-1"
POINTS = ("bx-001-t1", "bx-001-t2")
SERVER = Server(url="https://cloud.example:8443", pin=b"sixteen-byte-pin")
REGIONS = {
    "510000": ("四川省", "Sichuan", "province"),
    "510500": ("泸州市", "Luzhou", "city"),
    "510502": ("江阳区", "Jiangyang", "county"),
    "440000": ("广东省", "Guangdong", "province"),
    "440300": ("深圳市", "Shenzhen", "city"),
}


@dataclass
class World:
    """The registry, who may come, and what the cloud would have seen."""

    store: RegistryStore
    files: FileFolder
    people: People
    readings: dict[str, Newest] = field(default_factory=dict)
    gateways: dict[str, GatewayNow] = field(default_factory=dict)
    alarms: list[AlarmView] = field(default_factory=list)
    now_ms: int = NOW_MS
    app: FastAPI = field(init=False)

    def __post_init__(self) -> None:
        sources = Sources(
            store=self.store,
            now_ms=lambda: self.now_ms,
            files=self.files,
            server=SERVER,
            newest=self.readings.get,
            gateway_now=lambda gateway: self.gateways.get(gateway, GatewayNow()),
            open_alarms=lambda sites: [a for a in self.alarms if a.site in sites],
        )
        gate = Gate(self.people, self.store.get, lambda: self.now_ms)
        self.app = guarded_app(gate, [registry_router(sources), _server_router()])

    def change(self, work: Callable[[Change], object]) -> None:
        with self.store.change(ROOT, "test", self.now_ms) as change:
            work(change)

    def get(self, who: str, path: str) -> httpx.Response:
        return self._ask("GET", who, path)

    def post(
        self, who: str, path: str, form: Mapping[str, str] | None = None, **more: object
    ) -> httpx.Response:
        """Post a form with its token, or `json=` or `content=` with the token's header."""
        csrf = f"csrf-of-{who}"
        if form is not None:
            return self._ask("POST", who, path, data={"csrf": csrf, **form})
        return self._ask("POST", who, path, headers={"x-csrf-token": csrf}, **more)

    def _ask(self, method: str, who: str, path: str, **more: object) -> httpx.Response:
        return asyncio.run(_asked(self.app, method, who, path, more))


async def _asked(
    app: FastAPI, method: str, who: str, path: str, more: Mapping[str, object]
) -> httpx.Response:
    cookies = {"cw_session": who} if who else {}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://pages", cookies=cookies
    ) as client:
        return await client.request(method, path, **more)  # type: ignore[arg-type]


def _server_router() -> APIRouter:
    router = APIRouter()

    def session(request: Request) -> Response:
        return answers.document({"csrf": access_of(request).csrf})

    def static(name: str) -> Response:
        return answers.static(static_files()[name], compressed=False)

    router.add_api_route("/api/session", session)
    router.add_api_route("/static/{name:path}", static)
    return router


@contextmanager
def pages(folder: Path, url: str = "", gateway_state: str = "enrolled") -> Iterator[World]:
    """Open the registry with everything in it, and the pages over it."""
    if not url:
        (folder / "registry.db").write_bytes(_template(gateway_state))
    store = RegistryStore.open(url or f"sqlite:///{folder}/registry.db", now_ms=lambda: NOW_MS)
    if url:
        _fill(store, gateway_state)
    people = People(
        sessions={
            "wang": signed_in("wang", Grant(role="technician", scope=Scope(organisation="bx"))),
            "li": signed_in("li", Grant(role="quality_head", scope=Scope(organisation="bx"))),
            "zhao": signed_in("zhao", Grant(role="inspector", scope=Scope(region="51"))),
            "ynk": signed_in(
                "ynk", Grant(role="quality_head", scope=Scope(organisation="ynk"))
            ),
            "ops": signed_in("ops", Grant(role="operator")),
            "clerk": signed_in("clerk", Grant(role="receiver", scope=Scope(organisation="bx"))),
        }
    )
    wang = people.sessions["wang"]
    named = replace(wang.principal, name="王工")
    people.sessions["wang"] = replace(wang, principal=named)
    try:
        yield World(store=store, files=FileFolder(folder / "files"), people=people)
    finally:
        store.close()


@cache
def _template(gateway_state: str) -> bytes:
    """Return the database file, made once for all tests."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "registry.db"
        store = RegistryStore.open(f"sqlite:///{file}", now_ms=lambda: NOW_MS)
        _fill(store, gateway_state)
        with store.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        store.close()
        return file.read_bytes()


def _fill(store: RegistryStore, gateway_state: str) -> None:
    with store.change(ROOT, "set up", 1_000_000_000_000) as change:
        _places(change)
        _devices(change, gateway_state)
        _people(change)


def _places(change: Change) -> None:
    for code, (zh, en, level) in REGIONS.items():
        change.put("region", code, name_zh=zh, name_en=en, level=level)
    _organisation(change, "bx", ("百姓大药房连锁", "Baixing Pharmacy Chain"), "510500")
    _organisation(
        change, "ynk", ("粤北医药批发", "Yuebei Wholesale"), "440000", subject_class="wholesale"
    )
    _site(change, SITE, "bx", ("百姓大药房江阳店", "Baixing Jiangyang Shop"), "510502")
    _site(change, OTHER_SITE, "ynk", ("粤北深圳仓", "Yuebei Shenzhen Store"), "440300")
    for number in (1, 2):
        change.put(
            "place",
            f"{SITE}-f{number}",
            site=SITE,
            place_kind="refrigerator",
            storage_class="cold",
            name_zh=f"冷藏柜 {number} 号",
            name_en=f"Refrigerator {number}",
            volume_m3=0.6,
        )
    change.put(
        "licence",
        "bx-licence",
        organisation="bx",
        licence_kind="药品经营许可证",
        number="川AA0830001",
        valid_until="2026-12-20",
        state="valid",
    )


def _organisation(
    change: Change,
    id_: str,
    name: tuple[str, str],
    region: str,
    *,
    subject_class: str = "chain_head",
) -> None:
    change.put(
        "organisation",
        id_,
        name_zh=name[0],
        name_en=name[1],
        region=region,
        subject_class=subject_class,
    )


def _site(
    change: Change, id_: str, organisation: str, name: tuple[str, str], region: str
) -> None:
    change.put(
        "site",
        id_,
        organisation=organisation,
        region=region,
        subject_class="retail",
        name_zh=name[0],
        name_en=name[1],
        address="酒城大道一段 12 号",
        timezone="Asia/Shanghai",
    )


def _devices(change: Change, gateway_state: str) -> None:
    change.put("gateway", GATEWAY, site=SITE, model="RPi-4B", state=gateway_state)
    change.put("gateway", "gw-ynk-001-1", site=OTHER_SITE, state="in_service")
    change.put(
        "key",
        "a1b2c3d4e5f60718",
        gateway="gw-ynk-001-1",
        public="ed25519:AAAA",
        key_kind="software",
        state="active",
    )
    for number, point in enumerate(POINTS, 1):
        sensor = f"probe-{number}"
        change.put(
            "sensor",
            sensor,
            site=SITE,
            model="RS-WS-N01-8",
            serial=f"T-000{number}",
            refresh_s=30,
            state="in_service",
        )
        change.put(
            "calibration",
            f"cal-{number}",
            sensor=sensor,
            certificate_no=f"JZ2026-{number}",
            laboratory="四川省计量院",
            calibrated_on="2026-05-05",
            valid_until="2027-05-04",
            result="pass",
            points=[
                {
                    "quantity": "temperature",
                    "reference": "5",
                    "error": "0.2",
                    "permitted": "0.5",
                }
            ],
        )
        change.put(
            "point",
            point,
            site=SITE,
            place=f"{SITE}-f{number}",
            gateway=GATEWAY,
            channel=number,
            sensor=sensor,
            name_zh=f"冷藏柜 {number} 号 温度",
            name_en=f"Refrigerator {number} temperature",
            quantity="temperature",
            unit="Cel",
            point_class="compliance",
            rule_packs=["CN_COLD_2_8"],
            state="planned",
        )


def _people(change: Change) -> None:
    for id_, name in (("wang", "王工"), ("li", "李店长")):
        change.put(
            "account",
            id_,
            name=name,
            organisation="bx",
            state="active",
            phone="13800000001",
            phone_verified_ms=NOW_MS - 1,
        )
    change.put(
        "work_order",
        "wo-1",
        site=SITE,
        account="wang",
        from_ms=NOW_MS - 3_600_000,
        until_ms=NOW_MS + 28_800_000,
        state="open",
        what="安装 1 台网关、2 个测点",
    )
