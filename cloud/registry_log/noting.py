"""Notes in the registry what the archive says of it: where a change is, what a key record did.

Belongs to the shipping thread. `take` gathers, `flush` writes; what is flushed twice changes
nothing, so a crash before the place is saved costs a repetition.
"""

from cloud.registry_log.place import Place
from device_registry import revoking
from device_registry.store.store import RegistryStore
from evidence.audit_record import audit_hash, decode_audit_record
from evidence.key_record import KeyEvent, decode_key_record
from evidence.record import RecordKind

FLUSH = 1000
"""Notes written in one transaction."""


class Noting:
    """See the module.

    `seq` and `hash` are of the last audit entry that the archive holds; `ahead` are the key
    records after it, whose own entry is still to come.
    """

    def __init__(self, store: RegistryStore, place: Place | None = None) -> None:
        place = place or Place()
        self.seq = place.seq
        self.hash = place.hash
        self.ahead: set[tuple[int, bytes]] = set()
        self._store = store
        self._places: list[tuple[int, int]] = []
        self._logged: dict[str, int] = {}
        self._revoked: dict[str, tuple[int, int]] = {}
        self._at_ms = 0

    def take(self, index: int, kind: int, recv_ms: int, data: bytes) -> None:
        """Gather a key record or an audit entry.

        Raises:
            WireError: it is neither: the archive was not written by this server.
        """
        self._at_ms = max(self._at_ms, recv_ms)
        if kind == RecordKind.AUDIT:
            self.seq, self.hash = decode_audit_record(data).seq, audit_hash(data)
            self._places.append((self.seq, index))
            self.ahead.clear()
        else:
            self.ahead.add((kind, data))
            self._take_key(index, recv_ms, data)
        if len(self._places) >= FLUSH:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered; the registry's own changes by it follow in their turn.

        Raises:
            StoreUnavailableError: not now; it is kept.
        """
        self._note_revoked()
        self._note_keys()
        if self._places:
            self._store.note_all_logged(self._places)
            self._places.clear()

    def _take_key(self, index: int, recv_ms: int, data: bytes) -> None:
        record = decode_key_record(data)
        kid = record.kid.hex()
        if record.event is KeyEvent.REVOKED:
            self._revoked.setdefault(kid, (index, recv_ms))
        else:
            self._logged.setdefault(kid, index)

    def _note_revoked(self) -> None:
        while self._revoked:
            kid, (index, recv_ms) = next(iter(self._revoked.items()))
            revoking.make_effective(self._store, kid, index, recv_ms)
            del self._revoked[kid]

    def _note_keys(self) -> None:
        if not self._logged:
            return
        reason = "the log has its key record"
        with self._store.change(revoking.LOG, reason, self._at_ms) as change:
            rows = change.find("key", where={"id": list(self._logged)}, limit=len(self._logged))
            news = [row.id for row in rows if row.maybe("logged_index") is None]
            change.put_many(
                "key", [{"id": kid, "logged_index": self._logged[kid]} for kid in news]
            )
        self._logged.clear()
