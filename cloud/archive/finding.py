"""A finding as it is archived: something a person must know about a gateway's evidence.

Written by the sequencer (record kind 10), read by the alarm projection and the pages. The
object is a CBOR map with the small keys below, so it never outgrows a record:

    1 kind  2 gateway  3 kid  4 epoch  5 lo  6 hi  7 detail  8 at_ms  9 open

`open` is false when the record says that an earlier finding no longer holds (a loss that
arrived after all); kind, kid, epoch, lo and hi then say which.
"""

from dataclasses import dataclass

from evidence import cbor
from evidence.errors import WireError

BAD_SIGNATURE = "bad-signature"
WRONG_BINDING = "wrong-binding"
WRONG_ROUTE = "wrong-route"
REVOKED_KEY = "revoked-key"
IMPLAUSIBLE = "implausible"
REGISTRY = "registry"
UNKNOWN_HEAD = "unknown-head"
RESTORED = "restored"
STORAGE = "storage"

MAX_FINDING_BYTES = 4096
_TYPES = (str, str, bytes, bytes, int, int, str, int, bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRecord:
    """One finding; `kind` is a value of `evidence.chain.Finding` or a constant above.

    `lo..hi` are the sequence numbers concerned (0..0 when none is), `kid` and `epoch` empty
    when the finding is not about one chain, `at_ms` is when the cloud found it.
    """

    kind: str
    gateway: str
    kid: bytes
    epoch: bytes
    lo: int
    hi: int
    detail: str
    at_ms: int
    open: bool = True


def encode_finding(finding: FindingRecord) -> bytes:
    """Return the archived object."""
    values = (
        finding.kind,
        finding.gateway,
        finding.kid,
        finding.epoch,
        finding.lo,
        finding.hi,
        finding.detail,
        finding.at_ms,
        finding.open,
    )
    return cbor.encode(dict(enumerate(values, start=1)))


def decode_finding(data: bytes) -> FindingRecord:
    """Return the finding in an archived object; WireError("field") when it is not one."""
    document = cbor.decode(data, max_bytes=MAX_FINDING_BYTES)
    if not isinstance(document, dict) or list(document) != list(range(1, len(_TYPES) + 1)):
        raise WireError("field", "a finding has the keys 1 to 9")
    for key, kind in enumerate(_TYPES, start=1):
        if type(document[key]) is not kind:
            raise WireError("field", f"key {key} of a finding is not {kind.__name__}")
    kind, gateway, kid, epoch, lo, hi, detail, at_ms, is_open = document.values()
    return FindingRecord(
        kind=kind,
        gateway=gateway,
        kid=kid,
        epoch=epoch,
        lo=lo,
        hi=hi,
        detail=detail,
        at_ms=at_ms,
        open=is_open,
    )
