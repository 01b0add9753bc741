"""A small registry to test on: two firms in three regions, with what belongs to them.

with store.change(ROOT, "set up", 1_000) as change:
    build_world(change)

    region  510000 ── 510500 ── 510502 (shops and city)        440000 ── 440300
    mpa (regulator, 510000) ── mab (regulator, 510502)
    chs (chain head, 510500): chs-001 (shop, 510502), chs-002 (shop, 440300)
    ynk (wholesaler, 440000): ynk-dc (wholesale, 440300)

Every site has a gateway `gw-SITE` with a key, a sensor `SITE-probe`, and a point `SITE-t` on
channel 1. The authority for shops of 510502 is `mab`, for shops elsewhere in 510000 `mpa`.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from device_registry.store.audit import (
    FIRST_PREV_HASH,
    Actor,
    AuditEntry,
    audit_leaf,
    leaf_hash,
)
from device_registry.store.change import Change
from device_registry.store.store import RegistryStore

ROOT = Actor(account="root", role="operator", via="cli")
SITES = {
    "chs-001": ("chs", "510502", "retail"),
    "chs-002": ("chs", "440300", "retail"),
    "ynk-dc": ("ynk", "440300", "wholesale"),
}
POINT = {
    "name_zh": "1 号冰箱 温度",
    "name_en": "Fridge 1 temperature",
    "quantity": "temperature",
    "unit": "Cel",
    "point_class": "compliance",
    "rule_packs": ["CN_COLD_2_8"],
}


def kid(gateway: str) -> str:
    """Return the id of a gateway's key."""
    return hashlib.sha256(gateway.encode()).hexdigest()[:16]


def build_world(change: Change) -> None:
    """Register everything; needs an empty registry."""
    build_places(change)
    for site in SITES:
        build_devices(change, site)


def build_places(change: Change) -> None:
    """Register regions, organisations, authorities and sites."""
    for code in ("510000", "510500", "510502", "440000", "440300"):
        level = "county" if code[4:] != "00" else "city" if code[2:4] != "00" else "province"
        change.put("region", code, name_zh=f"地区{code}", level=level)
    build_organisation(change, "mpa", "regulator", "510000")
    build_organisation(change, "mab", "regulator", "510502", parent="mpa")
    build_organisation(change, "chs", "chain_head", "510500")
    build_organisation(change, "ynk", "wholesale", "440000")
    for region, regulator in (("510000", "mpa"), ("510502", "mab")):
        change.put(
            "authority",
            f"retail-{region}",
            region=region,
            subject_class="retail",
            organisation=regulator,
        )
    for site, (organisation, region, subject_class) in SITES.items():
        build_site(change, site, organisation, region, subject_class)


def build_organisation(
    change: Change, id_: str, subject_class: str, region: str, parent: str | None = None
) -> None:
    """Register an organisation."""
    change.put(
        "organisation",
        id_,
        name_zh=f"机构 {id_}",
        name_en=f"Organisation {id_}",
        subject_class=subject_class,
        region=region,
        parent=parent,
    )


def build_site(
    change: Change, id_: str, organisation: str, region: str, subject_class: str
) -> None:
    """Register a site."""
    change.put(
        "site",
        id_,
        organisation=organisation,
        region=region,
        subject_class=subject_class,
        name_zh=f"门店 {id_}",
        name_en=f"Shop {id_}",
        timezone="Asia/Shanghai",
    )


def build_devices(change: Change, site: str) -> None:
    """Register a gateway, a key, a calibrated sensor and a point at a site."""
    gateway = f"gw-{site}"
    change.put("gateway", gateway, site=site, heartbeat_s=60, state="in_service")
    change.put(
        "key",
        kid(gateway),
        gateway=gateway,
        public="ed25519:AAAA",
        key_kind="software",
        state="active",
    )
    change.put("sensor", f"{site}-probe", site=site, model="SHT20", serial=f"SN-{site}")
    change.put(
        "calibration",
        f"{site}-cal",
        sensor=f"{site}-probe",
        certificate_no=f"C-{site}",
        laboratory="CNAS L0001",
        calibrated_on="2026-01-05",
        valid_until="2027-01-04",
        result="pass",
    )
    change.put(
        "point",
        f"{site}-t",
        site=site,
        gateway=gateway,
        channel=1,
        sensor=f"{site}-probe",
        state="in_service",
        **POINT,
    )


@contextmanager
def changing(store: RegistryStore, at_ms: int, why: str = "test") -> Iterator[Change]:
    """Make a change as `ROOT`."""
    with store.change(ROOT, why, at_ms) as change:
        yield change


def assert_trail_holds(entries: list[AuditEntry]) -> None:
    """Check that entries are all of the trail, each bound to the one before."""
    before = FIRST_PREV_HASH
    for number, entry in enumerate(entries, start=1):
        assert entry.seq == number
        assert entry.prev_hash == before
        assert entry.hash == leaf_hash(audit_leaf(entry))
        before = entry.hash
