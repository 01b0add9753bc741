"""Documents that people sign: one canonical spelling, and the hash that is signed.

Pure. Used for commissioning reports and change records 变更记录. A document holds texts, whole
numbers, true, false, null, lists and maps; measured values are decimal text, so that the bytes
are the same everywhere.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from device_registry.commissioning.errors import NotSignedError

Document = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who put their name to a document, in which part, when, and what that means.

    The three that 21 CFR 11.50 asks for: printed name, date and time, meaning.
    """

    part: str
    """technician, customer, or the post of a change's approver."""
    name: str
    """Printed name."""
    account: str = ""
    """Empty for a customer who signed on the technician's screen."""
    at_ms: int
    meaning: str
    """A text key: `signature.performed`, `signature.accepted`, …"""
    image: str = ""
    """SHA-256 of the drawn signature (PNG)."""
    document_sha256: str
    """What was signed."""

    def document(self) -> dict[str, object]:
        """Return it as the registry stores it (`signed_by`)."""
        return {
            "part": self.part,
            "name": self.name,
            "account": self.account,
            "at_ms": self.at_ms,
            "meaning": self.meaning,
            "image": self.image,
            "document_sha256": self.document_sha256,
        }


def canonical(document: Document) -> bytes:
    """Return the one spelling: keys sorted, no spaces, UTF-8. Floats are a `TypeError`."""
    _refuse_floats(document)
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def sha256_of(document: Document) -> str:
    """Return the hash of the canonical spelling, hexadecimal."""
    return hashlib.sha256(canonical(document)).hexdigest()


def check_signatures(
    document: Document, signatures: tuple[Signature, ...], parts: tuple[str, ...]
) -> None:
    """Raise `NotSignedError` unless every part signed this very document with a name."""
    digest = sha256_of(document)
    for signature in signatures:
        if signature.document_sha256 != digest:
            raise NotSignedError(f"{signature.part} signed another document")
        if not signature.name.strip():
            raise NotSignedError(f"{signature.part} signed without a name")
    missing = [part for part in parts if part not in {s.part for s in signatures}]
    if missing:
        raise NotSignedError(f"missing: {', '.join(missing)}")


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise TypeError(f"a signed document holds decimal text, not the float {value}")
    if isinstance(value, Mapping):
        for item in value.values():
            _refuse_floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_floats(item)
