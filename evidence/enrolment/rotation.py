"""A gateway changes its evidence key: the new key's own statement, signed by the old key.

The inner envelope proves possession of the new key, the outer one that the old key's holder
wants it. The new key begins a new epoch, whose seq 0 links the last batch named here.
"""

from dataclasses import dataclass
from typing import Final

from evidence import cbor, cose
from evidence.cose import KID_BYTES
from evidence.enrolment import envelope, fields
from evidence.enrolment.envelope import Parties
from evidence.errors import WireError
from evidence.keys import PublicKey

NAME: Final = "rotation"
PROOF_NAME: Final = "rotation-proof"
ANSWER_NAME: Final = "rotated"
MEDIA_TYPE: Final = envelope.typ_of(NAME)
ANSWER_MEDIA_TYPE: Final = envelope.typ_of(ANSWER_NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """`last` is epoch and seq of the last batch under the old key, None when it signed none.

    Raises:
        WireError: "field" when a part is not what its name says.
    """

    gateway: str
    site: str
    old_kid: bytes
    public: PublicKey
    key_kind: str
    at_ms: int
    last: tuple[bytes, int] | None = None

    def __post_init__(self) -> None:
        Parties(gateway=self.gateway, site=self.site)
        fields.check_sized(self.old_kid, KID_BYTES, "old key id")
        fields.check_key_kind(self.key_kind)
        fields.check_number(self.at_ms, "time")
        if self.old_kid == self.public.kid:
            raise WireError("field", "a key is not rotated to itself")
        if self.last is not None:
            fields.check_sized(self.last[0], fields.EPOCH_BYTES, "epoch")
            fields.check_number(self.last[1], "seq")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """The cloud takes batches of `kid` from now on; those under `old_kid` stay welcome."""

    gateway: str
    site: str
    old_kid: bytes
    kid: bytes


def path_of(gateway: str) -> str:
    """Return where a gateway posts its rotations: apart from batches, which have a front."""
    return f"/v1/rotations/{gateway}"


def sign_rotation(rotation: Rotation, old: cose.Signer, new: cose.Signer) -> bytes:
    """Return the rotation, signed by the new key inside and by the old key outside."""
    if old.kid != rotation.old_kid or new.kid != rotation.public.kid:
        raise ValueError("a rotation is signed by the two keys it names")
    epoch, seq = rotation.last or (b"", 0)
    inner = cbor.encode(
        [
            rotation.old_kid,
            rotation.public.to_text(),
            rotation.key_kind,
            rotation.at_ms,
            epoch,
            seq,
        ]
    )
    parties = Parties(gateway=rotation.gateway, site=rotation.site)
    proof = envelope.seal(PROOF_NAME, inner, new, parties)
    return envelope.seal(NAME, proof, old, parties)


def rotating_kid(data: bytes) -> bytes:
    """Return the id of the key that claims to have signed `data`; nothing is verified.

    Raises:
        WireError: as `read_rotation`.
    """
    return envelope.peek(NAME, data)[0].kid


def read_rotation(data: bytes, old_key: PublicKey) -> Rotation:
    """Return the rotation that both keys signed.

    Raises:
        WireError: "signature", "profile", "size", "cbor", "canonical" or "field".
    """
    parties, proof = envelope.unseal(NAME, data, old_key)
    header, inner_parties, sealed = envelope.peek(PROOF_NAME, proof)
    if inner_parties != parties:
        raise WireError("profile", "the two signatures are for different gateways")
    rotation = _read(parties, envelope.flat_list(sealed.payload, 6, NAME))
    if rotation.old_kid != old_key.kid:
        raise WireError("profile", "the new key names another old key")
    envelope.check_signed(header, sealed, rotation.public)
    return rotation


def _read(parties: Parties, item: list[object]) -> Rotation:
    match item:
        case [
            bytes() as old_kid,
            str() as public,
            str() as key_kind,
            int() as at_ms,
            bytes() as epoch,
            int() as seq,
        ] if epoch or not seq:
            return Rotation(
                gateway=parties.gateway,
                site=parties.site,
                old_kid=old_kid,
                public=fields.read_key(public),
                key_kind=key_kind,
                at_ms=at_ms,
                last=(epoch, seq) if epoch else None,
            )
        case _:
            raise WireError("field", "rotation is not [old kid, key, kind, time, epoch, seq]")


def sign_rotated(answer: Rotated, control: cose.Signer) -> bytes:
    """Return the answer, signed by the control key."""
    parties = Parties(gateway=answer.gateway, site=answer.site)
    payload = cbor.encode([answer.old_kid, answer.kid])
    return envelope.seal(ANSWER_NAME, payload, control, parties)


def read_rotated(data: bytes, control_key: PublicKey) -> Rotated:
    """Return the answer that the cloud signed.

    Raises:
        WireError: as `read_rotation`.
    """
    parties, payload = envelope.unseal(ANSWER_NAME, data, control_key)
    match envelope.flat_list(payload, 2, ANSWER_NAME):
        case [bytes() as old, bytes() as new] if len(old) == len(new) == KID_BYTES:
            return Rotated(gateway=parties.gateway, site=parties.site, old_kid=old, kid=new)
        case _:
            raise WireError("field", "answer is not [old key id, new key id]")
