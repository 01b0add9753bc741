"""What one change of the registry puts into the archive: its audit entry, perhaps a key record.

The key record goes first. So an entry that the archive has never lacks its key record, and
what a crash has cut off is one key record at most, which is recognised by its bytes.
"""

from collections.abc import Iterator

from device_registry.enrolment.statements import signed_statement
from device_registry.store.audit import AuditEntry, audit_leaf
from device_registry.store.row import Row
from device_registry.store.store import RegistryStore
from evidence import cose
from evidence.enrolment.rotation import MEDIA_TYPE as ROTATION
from evidence.key_record import KeyEvent, KeyRecord, encode_key_record
from evidence.record import RecordKind

Object = tuple[int, bytes]
"""Record kind and bytes."""


def objects_of(store: RegistryStore, entry: AuditEntry) -> Iterator[Object]:
    """Yield what `entry` puts into the archive, in order; the same every time it is asked."""
    record = _key_record(store, entry)
    if record is not None:
        yield RecordKind.KEY, encode_key_record(record)
    yield RecordKind.AUDIT, audit_leaf(entry)


def _key_record(store: RegistryStore, entry: AuditEntry) -> KeyRecord | None:
    state = entry.new.get("state") if entry.new else None
    if (entry.kind, state) == ("key", "active"):
        return _enrolled(store, entry)
    if (entry.kind, state) == ("revocation", "approved"):
        return _revoked(store, entry)
    return None


def _enrolled(store: RegistryStore, entry: AuditEntry) -> KeyRecord | None:
    signed = signed_statement(store, bytes.fromhex(entry.id))
    event = KeyEvent.ROTATED if _is_rotation(signed) else KeyEvent.ENROLLED
    return _record(store, event, entry.id, signed=signed)


def _revoked(store: RegistryStore, entry: AuditEntry) -> KeyRecord | None:
    row = store.get("revocation", entry.id)
    if row is None:
        return None
    people = row.text("requested_by"), row.text("approved_by")
    return _record(store, KeyEvent.REVOKED, row.text("kid"), people=people)


def _record(
    store: RegistryStore,
    event: KeyEvent,
    kid: str,
    *,
    signed: bytes = b"",
    people: tuple[str, str] = ("", ""),
) -> KeyRecord | None:
    key = store.get("key", kid)
    first = _first_of(store, key)
    if key is None or first is None:
        return None
    return KeyRecord(
        event=event,
        kid=bytes.fromhex(kid),
        gateway=key.text("gateway"),
        site=first.text("site"),
        public=key.text("public"),
        key_kind=key.text("key_kind"),
        signed=signed,
        requested_by=people[0],
        approved_by=people[1],
    )


def _first_of(store: RegistryStore, key: Row | None) -> Row | None:
    """Return the key's gateway as it was when the key came: that says the same for ever."""
    if key is None:
        return None
    gateway, history = key.text("gateway"), store.history("key", key.id)
    at_ms = history[0].valid_from_ms
    return store.as_of("gateway", gateway, at_ms) or store.get("gateway", gateway)


def _is_rotation(signed: bytes) -> bool:
    return bool(signed) and cose.read_header(cose.parse1(signed).protected).typ == ROTATION
