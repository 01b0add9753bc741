"""`backup` and `restore`: a copy that was read back and proven, or none.

    DEST/archive, archive-2, ...   as in the server, up to the last checkpoint
    DEST/cloud.toml, trust/
    DEST/registry.db                as it is at one instant; PostgreSQL has backups of its own

Private keys are never copied. A backup is entered in the log (record kind 6), through the
server when one runs, at its next start otherwise. A restored archive may lack what came after
the backup, so its log is not continued: `restore` says so to the next start, which opens a
successor and asks the gateways to send again.
"""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from cloud.archive.backup_record import BackupRecord, encode_backup
from cloud.archive.copying import Copied, copy_log
from cloud.archive.restoring import Restored, write_restored
from cloud.config import Config, load_config
from cloud.core import wall_ms
from cloud.errors import BackupError, OperatorError
from cloud.opening import load_keys
from cloud.spool import leave
from evidence.archive_files import MANIFEST, log_folders
from evidence.disk import write_file
from evidence.errors import KeyFileError, TrustError
from evidence.keys import PublicKey, SoftwareKey
from evidence.trust import FILE_NAME as TRUST_FILE
from evidence.trust import load_trust

ARCHIVE = "archive"
CONFIG_NAME = "cloud.toml"
REGISTRY_NAME = "registry.db"
TRUST = "trust"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was copied: `records` over all logs, `new_bytes` in this run."""

    origin: str
    records: int
    root: str
    new_bytes: int


def backup(config: Config, destination: Path) -> Outcome:
    """Bring the backup in `destination` up to date and enter it in the log.

    Raises:
        BackupError: it does not read back as the archive; names file and place.
        ConfigError: the configuration cannot be used.
    """
    key = load_keys(config).log.public
    if config.archive_dir.is_relative_to(destination.resolve()):
        raise OperatorError(f"{destination} holds the archive itself; choose another folder")
    outcome, copied = _copy_logs(config.archive_dir, destination / ARCHIVE, key)
    write_file(destination / CONFIG_NAME, config.file.read_bytes())
    _copy_registry(config, destination / REGISTRY_NAME)
    (destination / TRUST).mkdir(exist_ok=True)
    trust = config.trust_dir / TRUST_FILE
    write_file(destination / TRUST / TRUST_FILE, trust.read_bytes())
    entered = BackupRecord(
        at_ms=wall_ms(),
        size=copied.checkpoint.size,
        root=copied.checkpoint.root,
        destination=str(destination),
    )
    leave(config.state_dir, "backup", encode_backup(entered))
    return outcome


def restore(source: Path, destination: Path, keys: Path) -> Outcome:
    """Make an installation in `destination` from a backup and the keys kept apart.

    Raises:
        BackupError: the backup is damaged; names file and place.
        OperatorError: something is missing, with the remedy.
    """
    if not (source / CONFIG_NAME).is_file():
        raise OperatorError(f"{source} holds no backup; give the folder that was DEST")
    if destination.exists() and any(destination.iterdir()):
        raise OperatorError(f"{destination} is not empty; choose a new folder")
    log_key = _log_key(source, keys)
    config = _lay_out(source, destination, keys)
    outcome, _ = _copy_logs(source / ARCHIVE, config.archive_dir, log_key)
    config.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    reason = f"restored from {source} at record {outcome.records}"
    write_restored(
        config.state_dir, Restored(at_ms=wall_ms(), origin=outcome.origin, reason=reason)
    )
    return outcome


def _copy_logs(source: Path, target: Path, key: PublicKey) -> tuple[Outcome, Copied]:
    if not (source / MANIFEST).exists():
        raise BackupError(f"{source} holds no archive; is it the right folder?")
    copies = [
        copy_log(folder, target.with_name(target.name + _suffix(source, folder)), key)
        for folder in log_folders(source)
    ]
    last = copies[-1]
    outcome = Outcome(
        origin=last.checkpoint.origin,
        records=sum(copied.checkpoint.size for copied in copies),
        root=last.checkpoint.root.hex(),
        new_bytes=sum(copied.new_bytes for copied in copies),
    )
    return outcome, last


def _copy_registry(config: Config, target: Path) -> None:
    """Copy the registry while others write it; a crash leaves the old copy or the new one."""
    if config.registry_file is None:
        return
    fresh = target.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(config.registry_file)) as source,
        closing(sqlite3.connect(fresh)) as copy,
    ):
        source.backup(copy)
        found = copy.execute("PRAGMA integrity_check").fetchone()[0]
    if found != "ok":
        raise BackupError(f"{config.registry_file} does not read back: {found}")
    write_file(target, fresh.read_bytes())
    fresh.unlink()


def _suffix(first: Path, folder: Path) -> str:
    return folder.name.removeprefix(first.name)


def _log_key(source: Path, keys: Path) -> PublicKey:
    """Return the log key kept apart, which must be the one that signed the backup."""
    try:
        key = SoftwareKey.load(keys / "log.key").public
        trust = load_trust(source / TRUST)
    except (KeyFileError, TrustError) as error:
        raise OperatorError(f"{error}; restore needs the server's keys in {keys}") from error
    if key not in trust.logs.values():
        raise OperatorError(f"{keys / 'log.key'} did not sign this backup; find the right keys")
    return key


def _lay_out(source: Path, destination: Path, keys: Path) -> Config:
    """Copy configuration, registry and keys to where the configuration wants them."""
    destination.mkdir(parents=True, exist_ok=True)
    shutil.copy(source / CONFIG_NAME, destination / CONFIG_NAME)
    config = load_config(destination / CONFIG_NAME)
    if not config.archive_dir.is_relative_to(destination.resolve()):
        raise OperatorError(
            f"{source / CONFIG_NAME} names {config.archive_dir} outside the installation; "
            "make [archive] dir relative there, then restore again"
        )
    if config.registry_file is not None:
        config.registry_file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / REGISTRY_NAME, config.registry_file)
    for name, path in (("log.key", config.log_key), ("control.key", config.control_key)):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        SoftwareKey.load(keys / name).save(path)
    return config
