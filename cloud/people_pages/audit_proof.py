"""The proof that the log has an entry of the audit trail: found in the archive, checked again.

Reads what is durable and published, from any thread.
"""

from bisect import bisect_right
from hashlib import sha256

from cloud.archive.stream import Stream
from cloud.errors import LogRefusedError, UnavailableError
from dashboards.people.models import EntryProof
from device_registry.store.audit import AuditEntry, audit_leaf
from evidence.archive_files import LOG
from evidence.checkpoint import open_note
from evidence.errors import CorruptError, StorageFaultError, WireError
from evidence.keys import PublicKey
from evidence.merkle import leaf_hash, verify_inclusion
from evidence.record import RecordKind, encode_record, leaf_of
from evidence.tile_layout import CHECKPOINT


class AuditProofs:
    """See the module."""

    def __init__(self, stream: Stream, key: PublicKey) -> None:
        self._stream = stream
        self._key = key

    def find(self, entry: AuditEntry) -> EntryProof | None:
        """Return the proof of an entry, None while no published tree has it.

        Raises:
            UnavailableError: the archive cannot be read now.
        """
        if entry.log_index is None:
            return None
        try:
            return self._find(entry, entry.log_index)
        except FileNotFoundError:
            return None  # a new log, of which nothing was published
        except (CorruptError, StorageFaultError, LogRefusedError, WireError, OSError) as error:
            raise UnavailableError(f"the archive cannot be read now: {error}") from error

    def _find(self, entry: AuditEntry, index: int) -> EntryProof | None:
        found = next(self._stream.records(index), None)
        logs = self._stream.logs
        log = logs[max(bisect_right([x.manifest.first_index for x in logs], index) - 1, 0)]
        note = (log.folder / LOG / CHECKPOINT).read_bytes()
        tree = open_note(note, {log.manifest.origin: self._key})
        at = index - log.manifest.first_index
        if found is None or found[0] != index or tree.size <= at:
            return None
        record = found[1]
        path = log.path(at, tree.size)
        leaf = leaf_hash(leaf_of(record))
        is_entry = record.kind == RecordKind.AUDIT and record.data == audit_leaf(entry)
        try:
            verify_inclusion(leaf, at, tree.size, path, tree.root)
        except WireError:
            is_entry = False
        return EntryProof(
            is_ok=is_entry,
            sha256=sha256(record.data).hexdigest(),
            record=encode_record(record).hex(),
            log_key=self._key.to_text(),
            log_origin=log.manifest.origin,
            leaf_index=at,
            leaf_hash=leaf.hex(),
            tree_size=tree.size,
            root=tree.root.hex(),
            path=tuple(step.hex() for step in path),
            checkpoint=note.decode(),
        )
