"""The core of a server on a real installation in a folder, running in this process."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from cloud.config import Config, load_config
from cloud.core import Core
from cloud.install import Wishes, install
from cloud.opening import open_core, open_registry_store
from device_registry.store.audit import Actor
from device_registry.store.change import Change
from device_registry.store.store import RegistryStore
from tests.support.signing import SigningGateway

AT_MS = 1_700_000_000_000
TEST = Actor(account="test", via="cli")


def make_installation(folder: Path, *gateways: SigningGateway, port: int = 0) -> Config:
    """Return the configuration of a new installation that knows these gateways."""
    wishes = Wishes(
        log_name="coldwarden.example/log", host="127.0.0.1", port=port, segment_mib=1
    )
    config, _ = install(folder, wishes)
    with closing(open_registry_store(config)) as store:
        register(store, *gateways)
    return load_config(config.file)


def register(store: RegistryStore, *gateways: SigningGateway) -> None:
    """Enter gateways with their keys, sites and one point each."""
    with store.change(TEST, "test", AT_MS) as change:
        change.put("region", "510502", name_zh="江阳区", name_en="Jiangyang", level="county")
        change.put(
            "organisation",
            "t1",
            name_zh="甲",
            name_en="A",
            subject_class="retail",
            region="510502",
        )
        for site in sorted({g.site for g in gateways}):
            change.put(
                "site",
                site,
                organisation="t1",
                region="510502",
                subject_class="retail",
                name_zh="店",
                name_en="shop",
                timezone="Asia/Shanghai",
            )
        for gateway in gateways:
            _register_one(change, gateway)


def _register_one(change: Change, gateway: SigningGateway) -> None:
    change.put("gateway", gateway.id, site=gateway.site, state="in_service")
    change.put(
        "key",
        gateway.key.kid.hex(),
        gateway=gateway.id,
        public=gateway.key.public.to_text(),
        key_kind="software",
        state="active",
    )
    change.put(
        "point",
        f"{gateway.id}-p1",
        site=gateway.site,
        gateway=gateway.id,
        channel=1,
        name_zh="冷藏柜",
        name_en="fridge",
        quantity="temperature",
        unit="Cel",
        rule_packs=["CN_COLD_2_8"],
        point_class="compliance",
        state="in_service",
    )


@contextmanager
def running_core(folder: Path, *gateways: SigningGateway) -> Iterator[Core]:
    """Make an installation, start its core, and stop it at the end."""
    with open_core(make_installation(folder, *gateways)) as core:
        yield core
