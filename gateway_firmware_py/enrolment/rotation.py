"""Changes the evidence key: the old key vouches for the new one, and the cloud agrees first.

    next key --> signed rotation --> the cloud's answer --> the next key in place

The gateway signs with the old key until the new one is in place, and the cloud goes on taking
what the old key signed, so nothing is lost however long it takes. A kill leaves the old key in
place or the new one; given again, the command goes on with the same next key and the same
bytes. The program that runs notices the new key, ends in order, and begins a new epoch with it.
"""

from dataclasses import dataclass

from evidence.enrolment import rotation as rotation_of
from evidence.enrolment.anchors import decode_anchors
from evidence.enrolment.rotation import Rotated, Rotation, read_rotated, sign_rotation
from evidence.errors import WireError
from gateway_firmware_py.enrolment import folder
from gateway_firmware_py.enrolment.cloud_client import Request
from gateway_firmware_py.enrolment.folder import Folder
from gateway_firmware_py.enrolment.renewal import Enrolled
from gateway_firmware_py.errors import EnrolmentError
from gateway_firmware_py.identity import (
    EvidenceKey,
    adopt_next,
    has_next,
    key_kind,
    load_key,
    make_next,
)
from gateway_firmware_py.key_place import KeyPlace

Last = tuple[bytes, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """The key that signed, and the one that signs from the next start on."""

    old_kid: bytes
    kid: bytes


def rotate(gateway: Enrolled, place: KeyPlace, last: Last) -> Turned:
    """Change the evidence key, or go on where an earlier try ended.

    Args:
        gateway: the enrolled gateway.
        place: where its evidence key sits.
        last: epoch and seq of the last batch that was signed, if any.

    Raises:
        CloudUnreachedError: no answer; the old key stays, and may be tried again.
        EnrolmentError: the cloud refuses; the old key stays.
        IdentityError: a key cannot be used or made.
        EvidenceError: the disk refused.
    """
    with gateway.store.held():
        gateway.store.forget_torn()
        return _rotate(gateway, place, last)


def _rotate(gateway: Enrolled, place: KeyPlace, last: Last) -> Turned:
    kept = gateway.store.below(folder.ROTATION)
    old = load_key(place)
    if not has_next(place):
        kept.clear()  # a kill came after the next key took its place
    new = make_next(place)
    if _answered(gateway, kept, old, new) is None:
        _ask(gateway, kept, _request(gateway, kept, (old, new), last))
        if _answered(gateway, kept, old, new) is None:
            kept.clear()
            raise EnrolmentError("the cloud answers of other keys; give the command again")
    adopt_next(place, disk=gateway.disk)
    kept.clear()
    return Turned(old_kid=old.kid, kid=new.kid)


def _request(
    gateway: Enrolled, kept: Folder, keys: tuple[EvidenceKey, EvidenceKey], last: Last
) -> bytes:
    """Return the signed rotation; the bytes of an earlier try, if they are of these keys."""
    old, new = keys
    earlier = kept.read(folder.REQUEST)
    if earlier is not None and _is_of(earlier, old, new):
        return earlier
    rotation = Rotation(
        gateway=gateway.gateway,
        site=gateway.site,
        old_kid=old.kid,
        public=new.public,
        key_kind=key_kind(new),
        at_ms=gateway.now_ms(),
        last=last,
    )
    return kept.write(folder.REQUEST, sign_rotation(rotation, old, new))


def _is_of(request: bytes, old: EvidenceKey, new: EvidenceKey) -> bool:
    try:
        return rotation_of.read_rotation(request, old.public).public == new.public
    except WireError:
        return False


def _ask(gateway: Enrolled, kept: Folder, request: bytes) -> None:
    asked = Request(
        what="the rotation",
        method="POST",
        path=rotation_of.path_of(gateway.gateway),
        body=request,
        headers={"Content-Type": rotation_of.MEDIA_TYPE},
    )
    kept.write(folder.ANSWER, gateway.client().ask(asked))


def _answered(
    gateway: Enrolled, kept: Folder, old: EvidenceKey, new: EvidenceKey
) -> Rotated | None:
    """Return the cloud's answer about these two keys, None when there is none."""
    data = kept.read(folder.ANSWER)
    if data is None:
        return None
    anchors = decode_anchors(gateway.store.need(folder.ANCHORS))
    try:
        answer = read_rotated(data, anchors.control_key)
    except WireError as error:
        kept.remove(folder.ANSWER)
        remedy = "check what opens the connection, then give the command again"
        raise EnrolmentError(
            f"the cloud's answer cannot be believed: {error}; {remedy}"
        ) from error
    ours = (gateway.gateway, old.kid, new.kid)
    return answer if (answer.gateway, answer.old_kid, answer.kid) == ours else None
