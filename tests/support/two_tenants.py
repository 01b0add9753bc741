"""Two firms and their sites in three regions, each thing marked with whose it is.

Every name, number and id of a site's things contains the site's mark, so that one look at an
answer shows whether it tells of somebody else's.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from device_registry.access.role import roles
from device_registry.accounts.session import Method, Session
from device_registry.accounts.session_store import SessionStore
from device_registry.store.audit import Actor
from device_registry.store.change import Change
from device_registry.store.store import RegistryStore
from evidence.keys import SoftwareKey

JIANGYANG, NAXI, GUIYANG = "510502", "510503", "520103"
SITES: Final = {
    "qaone": ("qatenant", JIANGYANG),
    "qatwo": ("qatenant", NAXI),
    "qbone": ("qbtenant", JIANGYANG),
    "qbtwo": ("qbtenant", GUIYANG),
}
"""Mark of a site to its firm and region; all are shops."""
REGULATOR: Final = "jyamr"
ACTOR: Final = Actor(account="maker", via="cli")
KINDS: Final = (
    "site", "place", "facility", "special_equipment", "gateway", "sensor", "point", "key",
    "certificate", "calibration", "verification", "staff", "staff_certificate", "licence",
    "claim", "task", "report", "change_record", "file", "revocation", "configuration",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """A person in one role; `sees` are the marks of the sites that lie in its scope."""

    role: str
    where: str
    sees: frozenset[str]
    cookie: str
    csrf: str


def fill(store: RegistryStore, at_ms: int) -> dict[str, dict[str, str]]:
    """Register everything; return the id of each kind's row by the mark of its site."""
    with store.change(ACTOR, "two tenants", at_ms) as change:
        for code, level in (
            ("510000", "province"), ("510500", "city"), (JIANGYANG, "county"),
            (NAXI, "county"), ("520000", "province"), (GUIYANG, "county"),
        ):  # fmt: skip
            change.put("region", code, name_zh="区", name_en="Region", level=level)
        _organisation(change, REGULATOR, "regulator", JIANGYANG)
        for tenant, region in (("qatenant", JIANGYANG), ("qbtenant", GUIYANG)):
            _organisation(change, tenant, "chain_head", region)
        change.put(
            "authority",
            "jiangyang-retail",
            region=JIANGYANG,
            subject_class="retail",
            organisation=REGULATOR,
        )
        ids: dict[str, dict[str, str]] = {}
        for mark, (tenant, region) in SITES.items():
            ids[mark] = _site(change, mark, tenant, region, at_ms)
    return ids


def askers(store: RegistryStore, at_ms: int) -> Iterator[Asker]:
    """Yield every role in three scopes: a firm in a city, an authority, a province."""
    scopes = {
        "firm": ({"organisation": "qatenant", "region": JIANGYANG}, {"qaone"}),
        "authority": ({"organisation": REGULATOR}, {"qaone", "qbone"}),
        "province": ({"region": "520000"}, {"qbtwo"}),
    }
    sessions = SessionStore(store.engine)
    for role in sorted(set(roles()) - {"public"}):
        for where, (scope, sees) in scopes.items():
            account = f"{role}-{where}".replace("_", "-")
            with store.change(ACTOR, "asker", at_ms) as change:
                change.put(
                    "account", account, name=account, organisation=REGULATOR, state="active"
                )
                change.put("grant", f"{account}-g", account=account, role=role, **scope)
            csrf = secrets.token_urlsafe(16)
            session = Session(
                account=account,
                method=Method.SMS,
                is_strong=True,
                made_ms=at_ms,
                seen_ms=at_ms,
                proven_ms=at_ms,
                csrf=csrf,
            )
            yield Asker(
                role=role,
                where=where,
                sees=frozenset(sees),
                cookie=sessions.begin(session),
                csrf=csrf,
            )


def _organisation(change: Change, name: str, subject_class: str, region: str) -> None:
    change.put(
        "organisation",
        name,
        name_zh=f"{name}公司",
        name_en=name,
        subject_class=subject_class,
        region=region,
    )


def _site(change: Change, mark: str, tenant: str, region: str, at_ms: int) -> dict[str, str]:
    named = {"name_zh": f"{mark}店", "name_en": f"{mark} shop"}
    key = SoftwareKey.generate().public
    number = f"{list(SITES).index(mark):02x}"
    ids = {kind: f"{mark}-{kind.replace('_', '-')}" for kind in KINDS}
    ids |= {
        "site": mark,
        "gateway": f"gw-{mark}",
        "key": key.kid.hex(),
        "certificate": f"c{number}",
        "claim": f"{number}" * 8,
        "file": sha256(mark.encode()).hexdigest(),
        "licence": f"{tenant}-licence-{number}",
        "staff": f"{tenant}-staff-{number}",
        "staff_certificate": f"{tenant}-paper-{number}",
        "configuration": f"gw-{mark}:1",
        "account": f"{tenant}-person-{number}",
        "grant": f"{tenant}-grant-{number}",
        "api_token": f"{tenant}-token-{number}",
    }
    change.put(
        "site",
        mark,
        organisation=tenant,
        region=region,
        subject_class="retail",
        timezone="Asia/Shanghai",
        **named,
    )
    of = {"site": mark}
    change.put("file", ids["file"], media_type="image/png", size_bytes=1, name=mark, **of)
    change.put("place", ids["place"], place_kind="refrigerator", **named, **of)
    change.put("facility", ids["facility"], facility_kind="ups", **named, **of)
    change.put(
        "special_equipment",
        ids["special_equipment"],
        category="压力容器",
        registration_number=mark,
        inspection_until="2020-01-01",
        **named,
        **of,
    )
    change.put("gateway", ids["gateway"], model=mark, state="in_service", **of)
    change.put("sensor", ids["sensor"], model=mark, serial=mark, state="in_service", **of)
    change.put(
        "point",
        ids["point"],
        place=ids["place"],
        gateway=ids["gateway"],
        channel=1,
        sensor=ids["sensor"],
        quantity="temperature",
        unit="Cel",
        point_class="compliance",
        rule_packs=["CN_COLD_2_8"],
        state="in_service",
        **named,
        **of,
    )
    _papers(change, ids, mark, tenant, at_ms)
    change.put(
        "key",
        ids["key"],
        gateway=ids["gateway"],
        public=key.to_text(),
        key_kind="software",
        state="active",
    )
    change.put(
        "revocation",
        ids["revocation"],
        gateway=ids["gateway"],
        kid=ids["key"],
        reason=mark,
        requested_by="maker",
        state="requested",
    )
    return ids


def _papers(change: Change, ids: dict[str, str], mark: str, tenant: str, at_ms: int) -> None:
    of = {"site": mark}
    change.put(
        "certificate",
        ids["certificate"],
        gateway=ids["gateway"],
        subject=mark,
        not_before=0,
        not_after=1,
        pem=mark,
        state="valid",
    )
    change.put(
        "calibration",
        ids["calibration"],
        sensor=ids["sensor"],
        certificate_no=mark,
        laboratory=mark,
        calibrated_on="2019-01-01",
        valid_until="2020-01-01",
        result="pass",
    )
    change.put(
        "verification",
        ids["verification"],
        verification_kind="periodic",
        due="2020-01-01",
        **of,
    )
    change.put("staff", ids["staff"], organisation=tenant, name=f"{tenant}员工", post="养护员")
    change.put(
        "staff_certificate",
        ids["staff_certificate"],
        staff=ids["staff"],
        certificate_kind="执业药师",
        number=tenant,
        valid_until="2020-01-01",
    )
    account = ids["account"]
    change.put("account", account, name=f"{tenant}人员", organisation=tenant, state="active")
    change.put("grant", ids["grant"], account=account, role="keeper", organisation=tenant)
    change.put("api_token", ids["api_token"], account=account, token_hash="00", actions=[])
    change.put(
        "licence",
        ids["licence"],
        organisation=tenant,
        licence_kind="药品经营许可证",
        number=tenant,
        valid_until="2020-01-01",
        state="valid",
    )
    change.put(
        "claim",
        ids["claim"],
        gateway=ids["gateway"],
        secret_hash="00",
        until_ms=at_ms + 3_600_000,
        state="open",
        created_by="maker",
        **of,
    )
    change.put(
        "task",
        ids["task"],
        task_kind="calibrate",
        title_zh=mark,
        title_en=mark,
        state="open",
        **of,
    )
    change.put(
        "report", ids["report"], report_kind="commissioning", document={}, sha256="00", **of
    )
    change.put(
        "change_record",
        ids["change_record"],
        job="replace_probe",
        document={},
        sha256="00",
        signed_by=mark,
        **of,
    )
    change.put(
        "configuration",
        ids["configuration"],
        gateway=ids["gateway"],
        version=1,
        document="{}",
        sha256="00",
        state="superseded",
    )
