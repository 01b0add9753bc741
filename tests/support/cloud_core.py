"""The core of a server on a real installation in a folder, running in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloud.config import Config, load_config
from cloud.core import Core
from cloud.install import Wishes, install
from cloud.opening import open_core
from tests.support.signing import SigningGateway

REGISTRY_HEAD = """\
[[tenant]]
id = "t1"
name_zh = "甲"
name_en = "A"
"""
SITE = """
[[site]]
id = "{site}"
tenant = "t1"
name_zh = "店"
name_en = "shop"
timezone = "Asia/Shanghai"
"""
GATEWAY = """
[[gateway]]
id = "{id}"
site = "{site}"
keys = ["{key}"]

[[point]]
id = "{id}-p1"
site = "{site}"
gateway = "{id}"
channel = 1
name_zh = "冷藏柜"
name_en = "fridge"
quantity = "temperature"
unit = "Cel"
rule_pack = "CN_COLD_2_8"
class = "compliance"
"""


def make_installation(folder: Path, *gateways: SigningGateway, port: int = 0) -> Config:
    """Return the configuration of a new installation that knows these gateways."""
    wishes = Wishes(
        log_name="coldwarden.example/log", host="127.0.0.1", port=port, segment_mib=1
    )
    config, _ = install(folder, wishes)
    sites = "".join(SITE.format(site=site) for site in sorted({g.site for g in gateways}))
    entries = "".join(
        GATEWAY.format(id=g.id, site=g.site, key=g.key.public.to_text()) for g in gateways
    )
    config.registry.write_text(REGISTRY_HEAD + sites + entries)
    return load_config(config.file)


@contextmanager
def running_core(folder: Path, *gateways: SigningGateway) -> Iterator[Core]:
    """Make an installation, start its core, and stop it at the end."""
    with open_core(make_installation(folder, *gateways)) as core:
        yield core
