"""The ledger as the archive says it is: read at every start, and after a storage fault.

There is no second truth: chains, locations and the time of the last record come from the
records alone.
"""

from dataclasses import dataclass
from hashlib import sha256

from cloud.archive.backup_record import decode_backup
from cloud.archive.ledger import Ledger
from cloud.archive.log_store import LogStore
from cloud.archive.stream import Stream
from evidence import cose
from evidence.batch import decode_body
from evidence.chain import BatchHead, ChainState, apply
from evidence.record import Record, RecordKind, run_of


@dataclass(slots=True, kw_only=True)
class Rebuilt:
    """What the records told; `last_backup_ms` is None when there was never a backup."""

    ledger: Ledger
    last_recv_ms: int = 0
    last_backup_ms: int | None = None


def rebuild(stream: Stream) -> Rebuilt:
    """Read every record of every log."""
    rebuilt = Rebuilt(ledger=Ledger(stream.locate))
    for number, log in enumerate(stream.logs):
        if number:
            lost = bool(stream.logs[number - 1].refusal)
            rebuilt.ledger.start_new_log(log.manifest.first_index, lost=lost)
        _read(rebuilt, log)
    return rebuilt


def _read(rebuilt: Rebuilt, log: LogStore) -> None:
    for record in log.replay():
        rebuilt.last_recv_ms = max(rebuilt.last_recv_ms, record.recv_ms)
        if record.kind == RecordKind.BATCH:
            _enter(rebuilt.ledger, log, record)
        elif record.kind == RecordKind.BACKUP:
            rebuilt.last_backup_ms = decode_backup(record.data).at_ms


def _enter(ledger: Ledger, log: LogStore, record: Record) -> None:
    kid, epoch, seq, _lo = run_of(record)
    log.locator.add(kid, epoch, seq, record.index)
    chain = ledger.chains.setdefault(kid, ChainState())
    if not chain.holds(epoch, seq):
        body = decode_body(cose.parse1(record.data).payload)
        apply(chain, BatchHead(body, sha256(record.data).digest()))
