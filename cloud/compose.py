"""Wires the server together: the only place where configuration becomes running parts."""

from collections.abc import Mapping
from hashlib import sha256

from fastapi import FastAPI

from cloud.archive.backup_record import decode_backup
from cloud.config import Config
from cloud.core import Core
from cloud.ingest.http_app import IngestApp
from cloud.ingest.mqtt import MqttTransport
from cloud.opening import open_core, submit_card
from cloud.readside import ReadSide
from cloud.server import Server
from cloud.spool import Spool
from evidence.outcome import split_sequence
from evidence.record import RecordKind


def open_server(config: Config) -> Server:
    """Return the whole server, not started; errors as `open_core`."""
    core = open_core(config)
    reads = ReadSide(core)
    pages = FastAPI(openapi_url=None)
    pages.include_router(reads.router)
    pages.add_api_route("/api/status", reads.status, include_in_schema=False)
    return Server(
        core=core,
        reads=reads,
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
        return submit_card(core, split_sequence(data))

    return Spool(config.state_dir, {"backup": backup, "card": from_card})
