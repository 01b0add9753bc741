"""Wires the server together: the only place where configuration becomes parts.

`open_core` makes what takes batches and orders them, for every command; `open_server` adds the
transports, projections and pages.
"""

from collections.abc import Mapping
from hashlib import sha256

from fastapi import FastAPI

from cloud.archive.backup_record import decode_backup
from cloud.archive.log_store import LogSettings
from cloud.archive.stream import Stream
from cloud.config import Config
from cloud.core import Core, Keys, wall_ms
from cloud.errors import ArchiveError, ConfigError, OperatorError
from cloud.ingest import card
from cloud.ingest.http_app import IngestApp
from cloud.ingest.mqtt import MqttTransport
from cloud.server import Server
from cloud.spool import Spool
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
from evidence.outcome import split_sequence
from evidence.record import RecordKind


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
    """Open the archive, or begin it; errors as `Stream.open`."""
    settings = LogSettings(key=keys.log, segment_bytes=config.segment_bytes)
    return Stream.open(config.archive_dir, config.log_name, settings, wall_ms())


def open_server(config: Config) -> Server:
    """Return the whole server, not started; errors as `open_core`."""
    core = open_core(config)
    pages = FastAPI(openapi_url=None)
    return Server(
        core=core,
        app=IngestApp(pages, core.intake, core.keyring, core.answers),
        mqtt=_mqtt(config, core),
        spool=_spool(config, core),
    )


def _mqtt(config: Config, core: Core) -> MqttTransport | None:
    if config.mqtt is None:
        return None
    # The same name at every start: the broker then keeps our session while we are away.
    client_id = f"coldwarden-{sha256(config.log_name.encode()).hexdigest()[:12]}"
    return MqttTransport(config.mqtt, client_id, core.intake, core.keyring, core.answers)


def _spool(config: Config, core: Core) -> Spool:
    def backup(data: bytes) -> Mapping[str, int]:
        decode_backup(data)
        core.sequencer.record(RecordKind.BACKUP, data)
        return {"entered": 1}

    def from_card(data: bytes) -> Mapping[str, int]:
        return card.submit(split_sequence(data), core.intake, core.keys.control.public)

    return Spool(config.state_dir, {"backup": backup, "card": from_card})
