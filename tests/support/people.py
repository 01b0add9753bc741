"""A small registry with two firms, their authority, and people; and how they come in.

Used by the tests of accounts, the gate and the pages.
"""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from device_registry.accounts.accounts import Accounts
from device_registry.accounts.people import NewAccount, NewGrant
from device_registry.store.audit import Actor
from device_registry.store.change import Change
from device_registry.store.store import RegistryStore

NOW_MS = 1_795_363_200_000
SETUP = Actor(account="setup", via="system")
PASSWORD = "七号冷库 keeps 2-8"
FIRM, OTHER = "chs", "hengda"
REGIONS = {
    "510000": ("四川省", "Sichuan", "province"),
    "510500": ("泸州市", "Luzhou", "city"),
    "510502": ("江阳区", "Jiangyang", "county"),
    "510100": ("成都市", "Chengdu", "city"),
}


def registry(url: str) -> RegistryStore:
    """Return a registry at `url` with two firms of one shop each, and an authority."""
    store = RegistryStore.open(url, now_ms=lambda: NOW_MS)
    with store.change(SETUP, "set up", NOW_MS) as change:
        for code, (zh, en, level) in REGIONS.items():
            change.put("region", code, name_zh=zh, name_en=en, level=level)
        organisation(change, "gov", "510500", subject_class="regulator")
        organisation(change, FIRM, "510502")
        organisation(change, f"{FIRM}-1", "510502", parent=FIRM)
        organisation(change, OTHER, "510100", subject_class="wholesale")
        change.put(
            "authority",
            "luzhou-retail",
            region="510500",
            subject_class="retail",
            organisation="gov",
        )
        site(change, "chs-001", f"{FIRM}-1", "510502")
        site(change, "hengda-001", OTHER, "510100", subject_class="wholesale")
    return store


def registry_in(folder: Path) -> RegistryStore:
    """Return such a registry in a SQLite file."""
    shutil.copy(_template(), folder / "registry.db")
    return RegistryStore.open(f"sqlite:///{folder}/registry.db", now_ms=lambda: NOW_MS)


@cache
def _template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="coldwarden-people-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    registry(f"sqlite:///{folder}/registry.db").close()
    return folder / "registry.db"


def organisation(
    change: Change,
    id_: str,
    region: str,
    *,
    parent: str | None = None,
    subject_class: str = "retail",
) -> None:
    """Put a firm."""
    change.put(
        "organisation",
        id_,
        name_zh=f"机构 {id_}",
        name_en=f"Firm {id_}",
        subject_class=subject_class,
        region=region,
        parent=parent,
    )


def site(
    change: Change, id_: str, firm: str, region: str, *, subject_class: str = "retail"
) -> None:
    """Put a site."""
    change.put(
        "site",
        id_,
        organisation=firm,
        region=region,
        subject_class=subject_class,
        name_zh=f"站点 {id_}",
        name_en=f"Site {id_}",
        timezone="Asia/Shanghai",
    )


def person(
    accounts: Accounts, id_: str, *roles: str, firm: str = FIRM, scope: str | None = None
) -> str:
    """Make somebody with a known password and these roles over `scope`; return the id."""
    new = NewAccount(id=id_, name=f"人员 {id_}", organisation=firm)
    accounts.people.add(SETUP, new, NOW_MS)
    accounts.people.set_password(SETUP, id_, PASSWORD, NOW_MS)
    for role in roles:
        wanted = NewGrant(account=id_, role=role, organisation=firm if scope is None else scope)
        accounts.people.grant(SETUP, wanted, NOW_MS)
    return id_
