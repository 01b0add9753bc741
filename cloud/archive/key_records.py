"""Which keys the archive has revoked, and from which record on.

Belongs to the ledger; filled by key records as they are appended, or read again at a start.
The first revocation of a key counts.
"""

from evidence.key_record import KeyEvent, decode_key_record


def take_key_record(revoked: dict[bytes, int], data: bytes, index: int) -> None:
    """Enter the key record with the archive index `index`; WireError when it is none."""
    record = decode_key_record(data)
    if record.event is KeyEvent.REVOKED:
        revoked.setdefault(record.kid, index)
