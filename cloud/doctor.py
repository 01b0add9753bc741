"""`doctor`: looks at everything a server needs, changes nothing, and says what to do.

Works beside a running server. Each check is a function of the configuration that returns one
finding; a check that cannot run says so, and never stops the others.
"""

import fcntl
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from cloud.archive.backup_record import decode_backup
from cloud.archive.restoring import read_restored
from cloud.config import Config
from cloud.core import wall_ms
from cloud.enrolment.examining import Found as Examined
from cloud.enrolment.examining import examine_authority, examine_broker
from cloud.errors import CloudError
from cloud.opening import load_keys, open_registry_store
from cloud.registry_log.examining import examine_registry
from cloud.spool import is_waiting
from device_registry.errors import RegistryError
from evidence.archive_files import LOG, RECORDS, log_folders, read_manifest
from evidence.checkpoint import open_note
from evidence.errors import EvidenceError
from evidence.record import Record, RecordKind, decode_record
from evidence.segment import Found
from evidence.segment_file import list_segments, open_segment
from evidence.tile_layout import CHECKPOINT

FREE_MIB = 2048
DAY_MS = 86_400_000
CONNECT_S = 3.0
CLOCK_BEHIND_MS = 10_000


class State(StrEnum):
    """What a check found; the value is printed."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One check's result; `remedy` is empty when all is well."""

    name: str
    state: State
    detail: str
    remedy: str = ""


def examine(config: Config) -> Iterator[Diagnosis]:
    """Yield the result of every check."""
    for name, check in _CHECKS.items():
        try:
            yield check(config)
        except (CloudError, EvidenceError, RegistryError) as error:
            yield Diagnosis(name=name, state=State.FAIL, detail=str(error), remedy="see above")
        except OSError as error:
            remedy = "check the path and its owner"
            yield Diagnosis(name=name, state=State.FAIL, detail=str(error), remedy=remedy)


def _keys(config: Config) -> Diagnosis:
    keys = load_keys(config)
    detail = f"log {keys.log.kid.hex()}, control {keys.control.kid.hex()}"
    return Diagnosis(name="keys", state=State.OK, detail=detail)


def _registry(config: Config) -> Diagnosis:
    with closing(open_registry_store(config)) as store:
        gateways, points = store.count("gateway"), store.count("point")
    detail = f"{gateways} gateways, {points} points"
    if gateways:
        return Diagnosis(name="registry", state=State.OK, detail=detail)
    remedy = "coldwarden-cloud registry import FILE; until then every batch is refused"
    return Diagnosis(name="registry", state=State.WARN, detail=detail, remedy=remedy)


def _audit(config: Config) -> Diagnosis:
    with closing(open_registry_store(config)) as store:
        found = examine_registry(store, config.archive_dir)
    if found.differences:
        return Diagnosis(
            name="audit",
            state=State.FAIL,
            detail=found.told,
            remedy="somebody changed the database directly: find out who, restore the registry "
            "from a backup, make the change again in the pages",
        )
    remedy = "start the server, and look at its log" if found.waiting else ""
    state = State.WARN if found.waiting else State.OK
    return Diagnosis(name="audit", state=state, detail=found.told, remedy=remedy)


def _authority(config: Config) -> Diagnosis:
    return _of_enrolment("authority", examine_authority(config, wall_ms()))


def _broker_files(config: Config) -> Diagnosis:
    return _of_enrolment("broker-files", examine_broker(config, wall_ms()))


def _of_enrolment(name: str, found: Examined) -> Diagnosis:
    state = State.WARN if found.remedy else State.OK
    return Diagnosis(name=name, state=state, detail=found.told, remedy=found.remedy)


def _archive(config: Config) -> Diagnosis:
    key = load_keys(config).log.public
    parts = []
    for folder in log_folders(config.archive_dir):
        manifest = read_manifest(folder)
        note = folder / LOG / CHECKPOINT
        size = open_note(note.read_bytes(), {manifest.origin: key}).size if note.exists() else 0
        parts.append(f"{manifest.origin} published to record {size}")
    return Diagnosis(name="archive", state=State.OK, detail="; ".join(parts))


def _server(config: Config) -> Diagnosis:
    running = _is_running(config)
    detail = "running" if running else "not running"
    state = State.OK if running else State.WARN
    remedy = "" if running else f"coldwarden-cloud run --config {config.file}"
    return Diagnosis(name="server", state=state, detail=detail, remedy=remedy)


def _space(config: Config) -> Diagnosis:
    free_mib = shutil.disk_usage(config.archive_dir).free >> 20
    need_mib = max(FREE_MIB, 4 * (config.segment_bytes >> 20))
    detail = f"{free_mib} MiB free at {config.archive_dir}"
    if free_mib >= need_mib:
        return Diagnosis(name="space", state=State.OK, detail=detail)
    remedy = f"make room: below {need_mib} MiB a day's batches may not fit"
    return Diagnosis(name="space", state=State.WARN, detail=detail, remedy=remedy)


def _clock(config: Config) -> Diagnosis:
    last = next(_newest(config), None)
    behind_ms = last.recv_ms - wall_ms() if last else 0
    if behind_ms <= CLOCK_BEHIND_MS:
        return Diagnosis(name="clock", state=State.OK, detail="not behind the last record")
    detail = f"{behind_ms} ms behind the last record; new records are dated as that one"
    return Diagnosis(name="clock", state=State.FAIL, detail=detail, remedy="set it by NTP")


def _backup(config: Config) -> Diagnosis:
    made = next((r for r in _newest(config) if r.kind == RecordKind.BACKUP), None)
    remedy = "coldwarden-cloud backup DEST, every day"
    if made is None and is_waiting(config.state_dir, "backup"):
        detail = "made; the server enters it in the log when it runs"
        return Diagnosis(name="backup", state=State.OK, detail=detail)
    if made is None:
        detail = "none entered in the newest records"
        return Diagnosis(name="backup", state=State.WARN, detail=detail, remedy=remedy)
    backup = decode_backup(made.data)
    hours = (wall_ms() - backup.at_ms) // 3_600_000
    detail = f"{hours} h ago to {backup.destination}"
    late = hours >= config.policy.backup_every_h
    state = State.WARN if late else State.OK
    return Diagnosis(name="backup", state=state, detail=detail, remedy=remedy if late else "")


def _restored(config: Config) -> Diagnosis:
    state = read_restored(config.state_dir)
    if state is None:
        return Diagnosis(name="restored", state=State.OK, detail="never")
    detail = f"{state.reason}; {state.origin} is not signed any more"
    return Diagnosis(name="restored", state=State.OK, detail=detail)


def _broker(config: Config) -> Diagnosis:
    if config.mqtt is None:
        return Diagnosis(name="broker", state=State.OK, detail="none configured")
    return _reach("broker", config.mqtt.host, config.mqtt.port, "[mqtt] host and port")


def _timeseries(config: Config) -> Diagnosis:
    url = urlsplit(config.timeseries.url)
    if config.timeseries.kind == "sqlite":
        return Diagnosis(name="timeseries", state=State.OK, detail="SQLite in state_dir")
    port = url.port or (443 if url.scheme == "https" else 80)
    return _reach("timeseries", url.hostname or "", port, "[timeseries] url")


def _reach(name: str, host: str, port: int, where: str) -> Diagnosis:
    try:
        socket.create_connection((host, port), CONNECT_S).close()
    except OSError as error:
        detail = f"{host}:{port} does not answer: {error}"
        remedy = f"start it, or correct {where}; what waits is taken up later"
        return Diagnosis(name=name, state=State.FAIL, detail=detail, remedy=remedy)
    return Diagnosis(name=name, state=State.OK, detail=f"{host}:{port} answers")


def _is_running(config: Config) -> bool:
    folder = log_folders(config.archive_dir)[-1] / RECORDS
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _newest(config: Config) -> Iterator[Record]:
    """Yield the records of the newest segment that has any, newest first."""
    for folder in reversed(log_folders(config.archive_dir)):
        for path in reversed(list_segments(folder / RECORDS)):
            found = [i for i in _walk(path) if isinstance(i, Found)]
            if found:
                yield from (decode_record(item.payload) for item in reversed(found))
                return


def _walk(path: Path) -> Iterator[object]:
    return open_segment(path).walk()


_CHECKS: dict[str, Callable[[Config], Diagnosis]] = {
    "keys": _keys,
    "registry": _registry,
    "audit": _audit,
    "authority": _authority,
    "broker-files": _broker_files,
    "archive": _archive,
    "server": _server,
    "space": _space,
    "clock": _clock,
    "backup": _backup,
    "restored": _restored,
    "broker": _broker,
    "timeseries": _timeseries,
}
