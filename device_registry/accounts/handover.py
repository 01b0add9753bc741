"""A shift's hand-over 交接班: who passed which open alarms on to whom, signed by both.

Pure. What is signed is the document's SHA-256; the registry keeps both as a change record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from device_registry.store.row import canonical_json

JOB = "handover"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """One of the two; the meaning of the signature is its place in the document."""

    account: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What is signed."""

    site: str
    giver: Signer
    taker: Signer
    alarms: Sequence[Mapping[str, object]]
    """The alarms that were open, as the signers saw them."""
    remark: str
    at_ms: int
    """When both signed, by the server's clock."""

    @property
    def document(self) -> dict[str, object]:
        """What is kept, as JSON."""
        return {
            "site": self.site,
            "at_ms": self.at_ms,
            "handed_over_by": {"account": self.giver.account, "name": self.giver.name},
            "taken_over_by": {"account": self.taker.account, "name": self.taker.name},
            "alarms": [dict(alarm) for alarm in self.alarms],
            "remark": self.remark,
        }

    @property
    def digest(self) -> str:
        """SHA-256 of the document in its one spelling, hex."""
        return sha256(canonical_json(self.document).encode()).hexdigest()

    @property
    def record_id(self) -> str:
        """Id of the record: the same two cannot sign the same twice."""
        return f"handover-{self.digest[:24]}"
