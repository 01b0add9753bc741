"""Opens what every command shares: keys, registry, archive, and the core over them.

Every error that leaves here is the operator's, with its remedy. Kept apart from
`cloud.compose` so that a command that serves nothing need not load a web server.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack

from cloud.archive.log_store import LogSettings
from cloud.archive.stream import Stream
from cloud.config import Config
from cloud.core import Core, Keys, wall_ms
from cloud.errors import ArchiveError, ConfigError, OperatorError
from cloud.ingest import card
from device_registry.errors import RegistryError
from device_registry.serving.stored import StoredRegistry
from device_registry.store.store import RegistryStore
from evidence.errors import (
    CorruptError,
    KeyFileError,
    LogFullError,
    StorageFaultError,
    WireError,
)
from evidence.keys import SoftwareKey


def load_keys(config: Config) -> Keys:
    """Return the server's keys; ConfigError carries the remedy."""
    try:
        keys = Keys(
            log=SoftwareKey.load(config.log_key), control=SoftwareKey.load(config.control_key)
        )
    except KeyFileError as error:
        raise ConfigError(f"{config.file}: [keys]: {error}") from error
    if keys.log.kid == keys.control.kid:
        raise ConfigError(f"{config.file}: [keys]: log and control must be different keys")
    return keys


def open_registry_store(config: Config) -> RegistryStore:
    """Return the registry's database, brought to this version; ConfigError has the remedy."""
    try:
        return RegistryStore.open(config.registry_url, now_ms=wall_ms)
    except RegistryError as error:
        raise ConfigError(f"{config.file}: [registry] url: {error}") from error


def open_core(config: Config) -> Core:
    """Open archive and log for writing.

    Raises:
        ConfigError, OperatorError: what is wrong, with the remedy.
        LogInUseError: a server is running on this archive.
    """
    keys, store = load_keys(config), open_registry_store(config)
    config.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ExitStack() as opened:
        opened.callback(store.close)
        core = _core(config, StoredRegistry(store), keys)
        opened.pop_all()
        return core


def _core(config: Config, registry: StoredRegistry, keys: Keys) -> Core:
    try:
        return Core(config, registry, keys, open_stream(config, keys))
    except (ArchiveError, CorruptError, WireError) as error:
        raise OperatorError(f"{error}; `coldwarden-verify` says more") from error
    except (LogFullError, StorageFaultError) as error:
        raise OperatorError(f"{error}; make room or replace the disk") from error


def open_stream(config: Config, keys: Keys) -> Stream:
    """Open the archive, or begin it.

    Raises:
        OperatorError: it is a file system of its own; else as `Stream.open`.
    """
    if config.archive_dir.is_mount():
        # Temporary files lie beside an archive, where the verifier sees nothing unknown.
        raise OperatorError(
            f"{config.archive_dir} is a disk of its own, and files are made beside it first; "
            f'set [archive] dir = "{config.archive_dir}/archive" in {config.file}'
        )
    settings = LogSettings(key=keys.log, segment_bytes=config.segment_bytes)
    return Stream.open(config.archive_dir, config.log_name, settings, wall_ms())


def submit_card(core: Core, batches: Sequence[bytes]) -> Counter[str]:
    """Send the batches of a card through every check; return how many had which outcome."""
    return card.submit(batches, core.intake, core.keyring, core.keys.control.public)
