"""What the cloud answers with its control key, and message sequences (SPEC.md section 6).

Used by the cloud to answer and by the gateway to understand. Each kind of message has its own
type in the signed header, which also names the gateway, so that no message can stand for
another. Receipts are signed by the log key and have their own module.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from evidence import cbor, cose
from evidence.errors import WireError
from evidence.keys import PublicKey

MAX_SEQUENCE_BYTES: Final = 4 << 20
"""One HTTP body; a gateway's window of full batches is half of it."""
MAX_SEQUENCE_ITEMS: Final = 256
MAX_CODE_BYTES: Final = 32
MAX_NUMBER: Final = (1 << 53) - 1
EPOCH_BYTES: Final = 8
HASH_BYTES: Final = 32

Run = tuple[bytes, int, int]
"""Epoch, lowest and highest seq, both included."""


class Retry(IntEnum):
    """What a refusal lets the gateway do; the numbers are on the wire."""

    NEVER = 0
    LATER = 1
    NEW_EPOCH = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The batch with this hash is not archived; epoch and seq are zero when unreadable."""

    epoch: bytes
    seq: int
    sha256: bytes
    code: str
    retry: Retry


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """These batches are on disk; a receipt follows. Nothing may be freed yet."""

    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow:
    """Keep at most `window` batches in flight, and send none for `not_before_s` from now."""

    window: int
    not_before_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resend:
    """Send these batches again if they are still held."""

    epoch: bytes
    lo: int
    hi: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A new configuration document, as text in UTF-8."""

    document: bytes


Down = Refusal | Archived | Slow | Resend | Configuration


def typ_of(name: str) -> str:
    """Return the type of the down message called `name`."""
    return f"application/vnd.coldwarden.{name}.v1+cbor"


def encode_down(message: Down, signer: cose.Signer, gateway: str, site: str) -> bytes:
    """Return `message`, signed, for one gateway."""
    name, payload = _spell(message)
    protected = cose.protected_header(
        alg=signer.alg, kid=signer.kid, typ=typ_of(name), iss=gateway, sub=site
    )
    return cose.sign1(protected, cbor.encode(payload), signer)


def _spell(message: Down) -> tuple[str, list[object]]:
    match message:
        case Refusal(epoch=epoch, seq=seq, sha256=sha256, code=code, retry=retry):
            return "refusal", [epoch, seq, sha256, code, int(retry)]
        case Archived(runs=runs):
            return "archived", [list(run) for run in runs]
        case Slow(window=window, not_before_s=not_before_s):
            return "slow", [window, not_before_s]
        case Resend(epoch=epoch, lo=lo, hi=hi):
            return "resend", [epoch, lo, hi]
        case Configuration(document=document):
            return "configuration", [document]


def decode_down(data: bytes, control_key: PublicKey, gateway: str) -> Down:
    """Return the verified message.

    Raises:
        WireError: "signature" when the control key did not sign it; "profile" when it is for
            another gateway or signed by another key; "unsupported" for a type not known here;
            else as the decoders.
    """
    envelope = cose.parse1(data)
    header = cose.read_header(envelope.protected)
    if header.alg != control_key.alg or header.kid != control_key.kid:
        raise WireError("profile", f"signed by key {header.kid.hex()}, not by the control key")
    if header.iss != gateway:
        raise WireError("profile", f"message is for {header.iss!r}, not for {gateway!r}")
    cose.verify1(envelope, control_key)
    reader = _READERS.get(header.typ)
    if reader is None:
        raise WireError("unsupported", f"type {header.typ!r} is not known to this version")
    item = cbor.decode(envelope.payload, max_depth=3)
    if not _is_plain(item):
        raise WireError("field", "message holds something else than numbers, strings, arrays")
    return reader(item)


def _is_plain(item: object) -> bool:
    """Return whether no boolean is in `item`; Python would take one for a number."""
    if isinstance(item, list):
        return all(map(_is_plain, item))
    return type(item) in (int, bytes, str)


def _read_refusal(item: object) -> Refusal:
    match item:
        case [
            bytes() as epoch,
            int() as seq,
            bytes() as sha256,
            str() as code,
            (0 | 1 | 2) as r,
        ] if (
            _is_position(epoch, seq)
            and len(sha256) == HASH_BYTES
            and len(code.encode()) <= MAX_CODE_BYTES
        ):
            return Refusal(epoch=epoch, seq=seq, sha256=sha256, code=code, retry=Retry(r))
        case _:
            raise WireError("field", "refusal is not [epoch, seq, sha256, code, retry]")


def _read_archived(item: object) -> Archived:
    if not isinstance(item, list) or not item:
        raise WireError("field", "archived is not an array of runs")
    return Archived(runs=tuple(map(_read_run, item)))


def _read_slow(item: object) -> Slow:
    match item:
        case [int() as window, int() as wait] if window >= 1 and 0 <= wait <= MAX_NUMBER:
            return Slow(window=window, not_before_s=wait)
        case _:
            raise WireError("field", "slow is not [window, not_before_s]")


def _read_resend(item: object) -> Resend:
    epoch, lo, hi = _read_run(item)
    return Resend(epoch=epoch, lo=lo, hi=hi)


def _read_configuration(item: object) -> Configuration:
    match item:
        case [bytes() as document]:
            return Configuration(document=document)
        case _:
            raise WireError("field", "configuration is not [document]")


def _read_run(item: object) -> Run:
    match item:
        case [bytes() as epoch, int() as lo, int() as hi] if (
            _is_position(epoch, lo) and lo <= hi <= MAX_NUMBER
        ):
            return epoch, lo, hi
        case _:
            raise WireError("field", "run is not [epoch, lo, hi]")


def _is_position(epoch: bytes, seq: int) -> bool:
    return len(epoch) == EPOCH_BYTES and 0 <= seq <= MAX_NUMBER


_READERS: Final[Mapping[str, Callable[[object], Down]]] = {
    typ_of("refusal"): _read_refusal,
    typ_of("archived"): _read_archived,
    typ_of("slow"): _read_slow,
    typ_of("resend"): _read_resend,
    typ_of("configuration"): _read_configuration,
}


def is_receipt(data: bytes) -> bool:
    """Return whether `data` looks like a receipt, by its header and without verifying it."""
    try:
        fields = cbor.decode(cbor.read_bytes(data, 2)[0], max_bytes=1024, max_depth=2)
    except WireError:
        return False
    return data[:2] == _SIGN1 and isinstance(fields, dict) and _LOG_KIND in fields


def split_sequence(
    data: bytes,
    max_items: int = MAX_SEQUENCE_ITEMS,
    max_bytes: int = MAX_SEQUENCE_BYTES,
) -> list[bytes]:
    """Return the COSE_Sign1 items of a CBOR sequence, each to be judged by itself.

    Only the outline is read: an item may still be over its own size or break its profile.

    Raises:
        WireError: "size" over `max_items` or `max_bytes`; "profile", "cbor" or "canonical" when
            the rest cannot be told apart any more.
    """
    if len(data) > max_bytes:
        raise WireError("size", f"{len(data)} bytes, at most {max_bytes} are allowed")
    items: list[bytes] = []
    at = 0
    while at < len(data):
        if len(items) == max_items:
            raise WireError("size", f"more than {max_items} messages")
        end = _end_of_item(data, at)
        items.append(data[at:end])
        at = end
    return items


def _end_of_item(data: bytes, at: int) -> int:
    if data[at : at + 2] != _SIGN1:
        raise WireError("profile", f"no tagged COSE_Sign1 at byte {at}")
    at = _end_of_bytes(data, at + 2)
    if data[at : at + 1] == b"\xa0":
        at += 1
    else:
        _, at = cbor.decode_at(data, at)
    at = at + 1 if data[at : at + 1] == _NIL else _end_of_bytes(data, at)
    return _end_of_bytes(data, at)


def _end_of_bytes(data: bytes, at: int) -> int:
    major, length, start = cbor.read_head(data, at)
    if major != cbor.BYTES or start + length > len(data):
        raise WireError("cbor", f"no whole byte string at byte {at}")
    return start + length


_SIGN1 = b"\xd2\x84"
_NIL = b"\xf6"
_LOG_KIND = 395
