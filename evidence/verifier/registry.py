"""Judges what the log says of the registry: of its keys, and of every change of it.

A revocation rules out whatever its key signed and the log has after it. The changes must follow
each other by their hashes. Nothing here makes a key trusted: only what is pinned is.
"""

from evidence.audit_record import FIRST_PREV_HASH, audit_hash, decode_audit_record
from evidence.errors import WireError
from evidence.key_record import KeyEvent, KeyRecord, decode_key_record
from evidence.trust import Trust
from evidence.verifier.batches import Audited
from evidence.verifier.report import Name, Place, Report, Revocation


class KeyAudit:
    """The keys of all logs of an archive, as its key records tell of them."""

    def __init__(self, trust: Trust, report: Report) -> None:
        self._pinned = {kid: gateway.id for kid, (gateway, _) in trust.by_kid().items()}
        self._report = report
        self._revoked: dict[bytes, Revocation] = {}

    def take(self, data: bytes, place: Place) -> None:
        """Judge a key record and enter it."""
        check = self._report.check(Name.KEYS)
        check.examined += 1
        try:
            record = decode_key_record(data)
        except WireError as error:
            check.fail(f"no key record: {error}", place)
            return
        pinned = self._pinned.get(record.kid)
        if pinned is None:
            self._report.count("key records of keys that are not pinned")
        elif pinned != record.gateway:
            message = f"gives {pinned}'s key {record.kid.hex()} to {record.gateway}"
            check.fail(message, place._replace(gateway=record.gateway))
        if record.event is KeyEvent.REVOKED and record.kid not in self._revoked:
            self._revoke(record, place)

    def check(self, batch: Audited) -> None:
        """Fail for a batch that is placed after the revocation of its key."""
        revocation = self._revoked.get(batch.sender.kid)
        if revocation is None:
            return
        where = f"record {revocation.record} in {revocation.file}"
        message = f"placed after its key {revocation.kid} was revoked by {where}"
        self._report.check(Name.KEYS).fail(message, batch.place)

    def _revoke(self, record: KeyRecord, place: Place) -> None:
        revocation = Revocation(
            kid=record.kid.hex(),
            gateway=record.gateway,
            site=record.site,
            file=place.file or "",
            record=place.record or 0,
            requested_by=record.requested_by,
            approved_by=record.approved_by,
        )
        self._revoked[record.kid] = revocation
        self._report.revocations.append(revocation)


class TrailAudit:
    """The registry's changes, over all logs of an archive."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._seq = 0
        self._hash = FIRST_PREV_HASH

    def take(self, data: bytes, place: Place) -> None:
        """Judge an audit entry: it must follow the one before it."""
        check = self._report.check(Name.AUDIT)
        check.examined += 1
        try:
            entry = decode_audit_record(data)
        except WireError as error:
            check.fail(f"no audit entry: {error}", place)
            return
        if entry.seq != self._seq + 1:
            check.fail(f"change {entry.seq} follows change {self._seq}", place)
        elif entry.prev_hash != self._hash:
            check.fail(f"change {entry.seq} follows another change {self._seq}", place)
        self._seq, self._hash = entry.seq, audit_hash(data)
