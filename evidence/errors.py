"""What can go wrong in this package, one class per reaction of the caller.

`WireError` is the peer's fault (refuse, quarantine), the storage classes are the world's
(stop, make room, replace the disk), `KeyFileError` and `TrustError` are the operator's.
"""

from pathlib import Path


class EvidenceError(Exception):
    """Root of everything this package raises on purpose."""


class WireError(EvidenceError):
    """Bytes from outside that break SPEC.md; nothing else leaves a decoder.

    Attributes:
        code: the rule that was broken, one word of SPEC.md section 11: "size", "cbor",
            "canonical", "profile", "signature", "field" or "unsupported".
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class KeyFileError(EvidenceError):
    """A private key file cannot be used as it is; the message carries the remedy."""


class TrustError(EvidenceError):
    """A trust folder cannot be used as it is; the message carries the remedy."""


class StorageFaultError(EvidenceError):
    """The disk refused a write or a flush; what was buffered must be counted as not durable."""


class OutboxFullError(EvidenceError):
    """No room is left and nothing may be freed, because nothing more is receipted."""


class LogFullError(EvidenceError):
    """The disk or a segment has no room for the record; the log is as it was before."""


class LogInUseError(EvidenceError):
    """Another writer holds the log; two of them would fork it."""


class RestoredError(EvidenceError):
    """Someone holds a newer head than this store: the store was restored from a copy."""


class CorruptError(EvidenceError):
    """A file does not hold what was once written to it.

    Attributes:
        path: the file.
        offset: first byte that is wrong, counted from the start of the file.
    """

    def __init__(self, path: Path, offset: int, message: str) -> None:
        super().__init__(f"{path} at byte {offset}: {message}")
        self.path = path
        self.offset = offset
