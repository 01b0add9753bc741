"""What happened to an alarm, and the document that is archived and sent of it.

Pure. A document is a CBOR map with text keys: the fields of `AlarmEvent` that are not empty,
and what people call things (`names`). Only what was really told to people is archived so; a
rebuild compares with it and never tells it again.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final

from domain.alarms.state import TransitionKind
from domain.rules.model import Severity
from evidence import cbor
from evidence.errors import WireError

MAX_DOCUMENT_BYTES: Final = 16_384
ID_BYTES: Final = 16


class AlarmKind(StrEnum):
    """What an alarm is about; the text is in documents and never changes."""

    LIMIT = "limit"
    GAP = "gap"
    """A point has not been heard, and its gateway has."""
    SILENT = "silent"
    """A gateway has not been heard for two of its periods."""
    LOSS = "loss"
    """Batches are missing that the gateway no longer holds."""
    FORK = "fork"
    """Two batches with one number: a key is misused."""
    BRANCH = "branch"
    """Two continuations of one chain: a card was copied or restored."""
    SIGNATURE = "signature"
    """Batches came that this gateway's key had not signed as they were."""
    REVOKED = "revoked"
    """A key that was revoked is still used."""
    IMPLAUSIBLE = "implausible"
    """Readings that no probe makes."""
    COUNT = "count"
    """A gateway's totals do not agree with what it sent."""
    CLOCK = "clock"
    BACKUP = "backup"
    """No verified backup for a day."""
    LOG = "log"
    """The archive or its log is in doubt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmEvent:
    """One alarm was raised, returned, acknowledged or cleared.

    `at_ms` is the time of the reading (or of whatever it was), `told_ms` when the cloud knew.
    `value` and `threshold` are exact decimals in `unit`; empty where there is none.
    """

    alarm: str
    """Names the alarm; the same however often it is found again."""
    event: TransitionKind
    kind: AlarmKind
    severity: Severity
    at_ms: int
    told_ms: int
    since_ms: int
    site: str = ""
    gateway: str = ""
    point: str = ""
    quantity: str = ""
    value: str = ""
    unit: str = ""
    threshold: str = ""
    direction: str = ""
    pack: str = ""
    pack_version: int = 0
    clause: str = ""
    late: bool = False
    """Found in data that arrived late."""
    record: int = -1
    """Archive index of the batch that showed it; -1 when it was a timer or a person."""
    detail: str = ""
    who: str = ""


def alarm_id(kind: AlarmKind, *parts: object) -> str:
    """Return the name of an alarm from what makes it this one."""
    text = "\x1f".join([kind.value, *map(str, parts)])
    return hashlib.sha256(text.encode()).hexdigest()[: 2 * ID_BYTES]


def encode_event(event: AlarmEvent, names: Mapping[str, str]) -> bytes:
    """Return the document; `names` are further texts, such as `name_zh`."""
    return cbor.encode({**names, **as_document(event)})


def as_document(event: AlarmEvent) -> dict[str, Any]:
    """Return the fields that are not empty, enumerations as their text."""
    pairs = ((field.name, getattr(event, field.name)) for field in fields(event))
    empty = {field.name: field.default for field in fields(event)}
    return {
        name: value.value if isinstance(value, StrEnum) else value
        for name, value in pairs
        if value != empty[name]
    }


def decode_document(data: bytes) -> dict[str, Any]:
    """Return the document as it was archived.

    Raises:
        WireError: "field" when it is not a map with text keys, else as `cbor.decode`.
    """
    document = cbor.decode(data, max_bytes=MAX_DOCUMENT_BYTES)
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        raise WireError("field", "an alarm document is a map with text keys")
    return document


def event_of(document: Mapping[str, Any]) -> AlarmEvent:
    """Return the event in a document; `WireError` when it is none."""
    known = {field.name for field in fields(AlarmEvent)}
    try:
        found = {name: value for name, value in document.items() if name in known}
        found["event"] = TransitionKind(found["event"])
        found["kind"] = AlarmKind(found["kind"])
        found["severity"] = Severity(found["severity"])
        event = AlarmEvent(**found)
    except (KeyError, ValueError, TypeError) as e:
        raise WireError("field", f"not an alarm document: {e}") from e
    for name, kind in _TYPES.items():
        if type(getattr(event, name)) is not kind:
            raise WireError("field", f"{name} of an alarm document is not {kind.__name__}")
    return event


_INTS = ("at_ms", "told_ms", "since_ms", "pack_version", "record")
_TYPES: Mapping[str, type] = {
    **{field.name: int if field.name in _INTS else str for field in fields(AlarmEvent)},
    "late": bool,
    "event": TransitionKind,
    "kind": AlarmKind,
    "severity": Severity,
}
