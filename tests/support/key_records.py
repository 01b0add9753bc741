"""Key records of the gateways that tests sign with."""

from evidence.key_record import KeyEvent, KeyRecord, encode_key_record
from tests.support.signing import SigningGateway


def key_record(gateway: SigningGateway, event: KeyEvent) -> bytes:
    """Return the archived object that says this of the gateway's key."""
    revokes = event is KeyEvent.REVOKED
    record = KeyRecord(
        event=event,
        kid=gateway.key.kid,
        gateway=gateway.id,
        site=gateway.site,
        public=gateway.key.public.to_text(),
        key_kind="software",
        requested_by="li" if revokes else "",
        approved_by="wang" if revokes else "",
    )
    return encode_key_record(record)


def revocation(gateway: SigningGateway) -> bytes:
    """Return the revocation of the gateway's key."""
    return key_record(gateway, KeyEvent.REVOKED)
