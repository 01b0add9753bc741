"""Makes a new installation: folder, keys, configuration, empty registry, first log, trust.

Used by `coldwarden-cloud init`. Nothing that exists is ever overwritten.
"""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from cloud.config import Config, load_config
from cloud.core import trust_of
from cloud.errors import OperatorError
from cloud.opening import load_keys, open_registry_store, open_stream
from device_registry.serving.stored import StoredRegistry
from evidence.keys import SoftwareKey
from evidence.trust import write_trust

CONFIG_NAME = "cloud.toml"
_CONFIG = """\
# Coldwarden server. Paths are relative to this file. Every setting: coldwarden-cloud run --help

[server]
host = "{host}"
port = {port}
state_dir = "state"          # projections, quarantine, spool: can be rebuilt

[archive]
dir = "archive"              # the truth: back it up (coldwarden-cloud backup DEST)
log_name = "{log_name}"
segment_mib = {segment_mib}             # 256 for a fleet

[keys]                       # 0600; not in any backup: keep a copy in a safe
log = "keys/log.key"
control = "keys/control.key"

[registry]                   # who has which site, gateway, key and point
url = "sqlite:///registry.db" # or postgresql+psycopg://user@host/database

[trust]
dir = "trust"                # what auditors pin; written at every start

# [timeseries]               # without it: SQLite under state_dir
# kind = "influx"            # or "victoria"
# url = "http://127.0.0.1:8086"
# database = "coldwarden"

# [mqtt]
# host = "broker.example"
# ca = "mqtt/ca.crt"
# cert = "mqtt/ingest.crt"
# key = "mqtt/ingest.key"

# [webhook]
# urls = ["https://example/alarms"]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What an operator may choose at the beginning."""

    log_name: str
    host: str
    port: int
    segment_mib: int


def install(folder: Path, wishes: Wishes) -> tuple[Config, str]:
    """Make an installation in `folder` and return its configuration and the log's origin.

    Raises:
        OperatorError: the folder holds something already.
        ConfigError: a wish cannot be.
    """
    file = folder / CONFIG_NAME
    if folder.exists() and any(folder.iterdir()):
        raise OperatorError(f"{folder} is not empty; choose a new folder")
    (folder / "keys").mkdir(parents=True, mode=0o700)
    file.write_text(
        _CONFIG.format(
            host=wishes.host,
            port=wishes.port,
            log_name=wishes.log_name,
            segment_mib=wishes.segment_mib,
        )
    )
    config = load_config(file)
    SoftwareKey.generate().save(config.log_key)
    SoftwareKey.generate().save(config.control_key)
    return config, _begin(config)


def _begin(config: Config) -> str:
    """Begin the first log, so that its name is known and can be pinned from now on."""
    keys = load_keys(config)
    with closing(open_registry_store(config)) as store:
        stream = open_stream(config, keys)
        with closing(stream):
            write_trust(config.trust_dir, trust_of(stream, StoredRegistry(store), keys))
            return stream.current.manifest.origin
