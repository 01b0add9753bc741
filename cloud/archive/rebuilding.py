"""The ledger as the archive says it is: read at every start, and after a storage fault.

There is no second truth: chains, revoked keys, locations and the time of the last record come
from the records. A snapshot only spares reading what it was made of; it must agree with the
tree.
"""

from dataclasses import dataclass
from hashlib import sha256

from cloud.archive.backup_record import decode_backup
from cloud.archive.key_records import take_key_record
from cloud.archive.ledger import Ledger
from cloud.archive.log_store import LogStore
from cloud.archive.snapshot import Snapshot
from cloud.archive.stream import Stream
from cloud.errors import LogRefusedError
from evidence import cose
from evidence.batch import decode_body
from evidence.chain import BatchHead, apply
from evidence.record import Record, RecordKind, run_of
from evidence.succession import hear


@dataclass(slots=True, kw_only=True)
class Rebuilt:
    """What the records told; `last_backup_ms` is None when there was never a backup.

    `applied` counts the batches that had to be read for their chains.
    """

    ledger: Ledger
    last_recv_ms: int = 0
    last_backup_ms: int | None = None
    applied: int = 0


def rebuild(stream: Stream, snapshot: Snapshot | None = None) -> Rebuilt:
    """Read every record, or those after a snapshot that agrees with the archive."""
    if snapshot is not None and not _agrees(stream, snapshot):
        snapshot = None
    rebuilt = Rebuilt(ledger=Ledger(stream.locate))
    for number, log in enumerate(stream.logs):
        if number:
            lost = bool(stream.logs[number - 1].refusal)
            rebuilt.ledger.start_new_log(log.manifest.first_index, lost=lost)
        start = 0
        if snapshot is not None and number <= snapshot.log:
            start = snapshot.index if number == snapshot.log else log.next_index
            rebuilt.ledger.chains = snapshot.chains if number == snapshot.log else {}
            rebuilt.ledger.keys_of = snapshot.keys_of if number == snapshot.log else {}
            rebuilt.ledger.revoked = dict(snapshot.revoked)
        _read(rebuilt, log, start)
    if snapshot is not None:
        rebuilt.last_recv_ms = max(rebuilt.last_recv_ms, snapshot.last_recv_ms)
        rebuilt.last_backup_ms = rebuilt.last_backup_ms or snapshot.last_backup_ms
    return rebuilt


def _agrees(stream: Stream, snapshot: Snapshot) -> bool:
    if snapshot.log >= len(stream.logs):
        return False
    log = stream.logs[snapshot.log]
    try:
        return snapshot.index <= log.size and log.root_at(snapshot.index) == snapshot.root
    except LogRefusedError:
        return False


def _read(rebuilt: Rebuilt, log: LogStore, start: int) -> None:
    """Learn where records lie, and follow the chains from record `start` on."""
    for record in log.replay(start):
        if record.kind == RecordKind.BATCH:
            kid, epoch, seq, _lo = run_of(record)
            log.locator.add(kid, epoch, seq, record.index)
        if record.index < start:
            continue
        rebuilt.last_recv_ms = max(rebuilt.last_recv_ms, record.recv_ms)
        if record.kind == RecordKind.BATCH:
            _apply(rebuilt, record)
        elif record.kind == RecordKind.BACKUP:
            rebuilt.last_backup_ms = decode_backup(record.data).at_ms
        elif record.kind == RecordKind.KEY:
            index = log.manifest.first_index + record.index
            take_key_record(rebuilt.ledger.revoked, record.data, index)


def _apply(rebuilt: Rebuilt, record: Record) -> None:
    kid, epoch, seq, _lo = run_of(record)
    ledger = rebuilt.ledger
    chain = ledger.chains.get(kid)
    if chain is not None and chain.holds(epoch, seq):
        return
    envelope = cose.parse1(record.data)
    gateway = cose.read_header(envelope.protected).iss
    chain = chain or ledger.begin_chain(gateway, kid)
    body = decode_body(envelope.payload)
    own = ledger.own(gateway, kid, body)
    apply(chain, BatchHead(own, sha256(record.data).digest()))
    if own is not body:
        hear(body, ledger.others(gateway, kid))
    rebuilt.applied += 1
