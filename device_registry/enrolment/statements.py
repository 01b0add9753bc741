"""What a gateway signed to make a key known: kept with the key, for the log and for auditors.

A statement is a change record of the gateway's site, written in the same transaction as the
key, so that no key is known without what its holder signed.
"""

import base64
import hashlib
from typing import Final

from device_registry.store.change import Change
from device_registry.store.row import Row
from device_registry.store.store import RegistryStore

ENROLLED_JOB: Final = "key-enrolled"
ROTATED_JOB: Final = "key-rotated"


def put_statement(
    change: Change, *, job: str, site: str, signed: bytes, signers: tuple[bytes, bytes]
) -> None:
    """Write what was signed; `signers`: the key that signed it, and the new key."""
    by, kid = signers
    change.put(
        "change_record",
        _id_of(kid),
        site=site,
        job=job,
        document={"kid": kid.hex(), "signed": base64.b64encode(signed).decode()},
        sha256=hashlib.sha256(signed).hexdigest(),
        signed_by=by.hex(),
    )


def signed_statement(store: RegistryStore, kid: bytes) -> bytes:
    """Return the signed enrolment or rotation that made a key known, b"" when none did."""
    row = store.get("change_record", _id_of(kid))
    return b"" if row is None else _signed(row)


def successor_of(source: RegistryStore | Change, site: str, kid: bytes) -> bytes:
    """Return the id of the key that `kid` was rotated to, b"" when it was not."""
    where = {"site": site, "job": ROTATED_JOB, "signed_by": kid.hex()}
    for row in source.find("change_record", where=where):
        return bytes.fromhex(str(_document(row)["kid"]))
    return b""


def _id_of(kid: bytes) -> str:
    return f"key.{kid.hex()}"


def _signed(row: Row) -> bytes:
    return base64.b64decode(str(_document(row)["signed"]))


def _document(row: Row) -> dict[str, object]:
    document = row.maybe("document")
    return document if isinstance(document, dict) else {}
