"""Opens what every command shares: keys, registry, archive, and the core over them.

Every error that leaves here is the operator's, with its remedy. Kept apart from
`cloud.compose` so that a command that serves nothing need not load a web server.
"""

from collections import Counter
from collections.abc import Sequence

from cloud.archive.log_store import LogSettings
from cloud.archive.stream import Stream
from cloud.config import Config
from cloud.core import Core, Keys, wall_ms
from cloud.errors import ArchiveError, ConfigError, OperatorError
from cloud.ingest import card
from device_registry.errors import RegistryFileError
from device_registry.load import load_registry
from device_registry.registry import Registry
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


def read_registry(config: Config) -> Registry:
    """Return the registry; ConfigError lists every mistake in it."""
    try:
        return load_registry(config.registry)
    except RegistryFileError as error:
        raise ConfigError(str(error)) from error


def open_core(config: Config) -> Core:
    """Open archive and log for writing.

    Raises:
        ConfigError, OperatorError: what is wrong, with the remedy.
        LogInUseError: a server is running on this archive.
    """
    keys, registry = load_keys(config), read_registry(config)
    config.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        stream = open_stream(config, keys)
        return Core(config, registry, keys, stream)
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
