"""A shop in the registry with what field jobs need: spare probes, a fridge, a second gateway.

The site is `chs-001` of `registry_world`; its point `chs-001-t` is served by `chs-001-probe`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from device_registry.commissioning.document import Signature, sha256_of
from device_registry.jobs.record import Heading, Prepared
from device_registry.jobs.service import Order
from device_registry.store.store import RegistryStore
from tests.support.registry_world import POINT, build_world, changing

SITE = "chs-001"
NOON_MS = 1_795_320_000_000
"""2026-11-22 12:00 in Shanghai."""
PHOTO = "a" * 64
POINTS_AT_5 = [
    {"quantity": "temperature", "reference": "5", "error": "0.2", "permitted": "0.5"},
    {"quantity": "humidity", "reference": "60", "error": "1.0", "permitted": "5"},
]


@contextmanager
def job_world(folder: Path) -> Iterator[RegistryStore]:
    """Open a registry in `folder` that is ready for jobs."""
    (folder / "registry.db").write_bytes(_built())
    store = _open(folder)
    yield store
    store.close()


@cache
def _built() -> bytes:
    """Return the database; the tables of all kinds are made once, not for every test."""
    with TemporaryDirectory() as folder:
        store = _open(Path(folder))
        _build(store)
        store.close()
        return (Path(folder) / "registry.db").read_bytes()


def _open(folder: Path) -> RegistryStore:
    return RegistryStore.open(f"sqlite:///{folder}/registry.db", now_ms=lambda: NOON_MS)


def _build(store: RegistryStore) -> None:
    with changing(store, 1_000) as change:
        build_world(change)
        change.put("sensor", f"{SITE}-probe", state="in_service", refresh_s=30)
        change.put(
            "point",
            f"{SITE}-h",
            site=SITE,
            gateway=f"gw-{SITE}",
            channel=2,
            sensor=f"{SITE}-probe",
            state="in_service",
            **{**POINT, "quantity": "humidity", "unit": "%"},
        )
        for number, refresh_s in (("1", 30), ("2", 600)):
            sensor = f"spare-{number}"
            change.put(
                "sensor",
                sensor,
                site=SITE,
                model="XY-MD02",
                serial=f"SP{number}",
                state="stock",
                spare=True,
                refresh_s=refresh_s,
            )
            change.put(
                "calibration",
                f"cal-{sensor}",
                sensor=sensor,
                certificate_no=f"JZ-{number}",
                laboratory="CNAS L0001",
                calibrated_on="2026-06-01",
                valid_until="2027-05-31",
                points=POINTS_AT_5,
                result="pass",
            )
        change.put(
            "place",
            "fridge-1",
            site=SITE,
            place_kind="refrigerator",
            name_zh="一号冰箱",
            name_en="Fridge 1",
        )
        change.put(
            "facility",
            "ups-1",
            site=SITE,
            facility_kind="ups",
            name_zh="电源",
            name_en="UPS",
            serial="U1",
        )
        change.put("gateway", "gw-new", site=SITE, state="enrolled")


def heading(id_: str = "cr-1") -> Heading:
    return Heading(id=id_, at_ms=NOON_MS, technician="赵工", account="zhao")


def order(job: str, answers: Mapping[str, str], id_: str = "cr-1") -> Order:
    return Order(job=job, site=SITE, answers=answers, heading=heading(id_))


def signed(prepared: Prepared, *parts: str) -> tuple[Signature, ...]:
    return tuple(
        Signature(
            part=part,
            name="赵工" if part == "technician" else "王经理",
            at_ms=NOON_MS,
            meaning="signature.performed",
            document_sha256=sha256_of(prepared.document),
        )
        for part in parts or ("technician",)
    )


REPLACE = {
    "point": f"{SITE}-t",
    "reason": "漂移",
    "old_fate": "rejected",
    "new_sensor": "spare-1",
    "photo": PHOTO,
    "before": "5.1",
    "after": "9.0",
}
ROTATE = {
    "point": f"{SITE}-t",
    "new_sensor": "spare-1",
    "photo": PHOTO,
    "before": "5.1",
    "after": "9.0",
    "laboratory": "CNAS L0001",
}
GATEWAY = {
    "old_gateway": f"gw-{SITE}",
    "reason": "损坏",
    "new_gateway": "gw-new",
    "photo": PHOTO,
    "all_report": "yes",
}
MOVE = {
    "refrigerator": "fridge-1",
    "reason": "装修",
    "new_place": "里间",
    "goods_kept": "yes",
    "photo_before": PHOTO,
    "photo_after": PHOTO,
    "in_range": "yes",
}
BATTERY = {
    "battery": "ups_unit",
    "device": "ups-1",
    "new_serial": "U2",
    "photo": PHOTO,
    "plug_pulled": "yes",
}
EVERY_JOB = {
    "replace_probe": REPLACE,
    "rotate_probe": ROTATE,
    "replace_gateway": GATEWAY,
    "move_refrigerator": MOVE,
    "change_battery": BATTERY,
}
