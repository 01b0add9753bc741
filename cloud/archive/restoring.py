"""Noticing that this server was restored from an older copy, and what follows from it.

A gateway repeats the last checkpoint that it verified. If that is newer than anything we have,
we have lost what came after: nothing may be signed for that log any more, or two trees of one
name would exist. The gateway's word is not signed by us, so one gateway alone cannot stop a
server: `quorum` different ones must say so, or the operator's `restore` has said it before.

State: one file that survives restarts. While it is there, gateways are asked to send again
what is missing here.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from evidence.disk import write_file

FILE_NAME = "restored.json"
ASK_AGAIN_MS = 60_000
RESEND_DAYS = 31  # gateways keep what was receipted for 30 days
CLAIMS_MAX = 10_000
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """When it was noticed, and which log must not be signed any more."""

    at_ms: int
    origin: str
    reason: str


class Restoring:
    """See the module. Belongs to the sequencer's thread."""

    def __init__(self, state_dir: Path, quorum: int) -> None:
        self._file = state_dir / FILE_NAME
        self._quorum = quorum
        self._claims: dict[str, tuple[int, bytes]] = {}
        self._asked: dict[bytes, int] = {}
        self.state = read_restored(state_dir)

    def spoils(self, origin: str) -> bool:
        """Return whether this log must not be signed any more."""
        return self.state is not None and self.state.origin == origin

    def claim(self, gateway: str, head: tuple[int, bytes], gateways: int) -> bool:
        """Note a head newer than ours; return whether enough of the `gateways` say so."""
        if len(self._claims) < CLAIMS_MAX:
            self._claims[gateway] = head
        return len(self._claims) >= min(self._quorum, gateways)

    def begin(self, origin: str, reason: str, now_ms: int) -> None:
        """Make it durable that the log `origin` is not to be signed again."""
        self.state = Restored(at_ms=now_ms, origin=origin, reason=reason)
        write_restored(self._file.parent, self.state)
        self._claims.clear()

    def asks(self, kid: bytes, now_ms: int) -> bool:
        """Return whether a key with gaps should now be asked to send again."""
        if self.state is None or now_ms - self.state.at_ms > RESEND_DAYS * _DAY_MS:
            return False
        if now_ms - self._asked.get(kid, -ASK_AGAIN_MS) < ASK_AGAIN_MS:
            return False
        self._asked[kid] = now_ms
        return True


def read_restored(state_dir: Path) -> Restored | None:
    """Return what was noticed before, None when nothing was."""
    try:
        document = json.loads((state_dir / FILE_NAME).read_bytes())
    except FileNotFoundError:
        return None
    return Restored(
        at_ms=document["at_ms"], origin=document["origin"], reason=document["reason"]
    )


def write_restored(state_dir: Path, restored: Restored) -> None:
    """Make it durable that a log is not to be signed again."""
    document = {
        "at_ms": restored.at_ms,
        "origin": restored.origin,
        "reason": restored.reason,
    }
    write_file(state_dir / FILE_NAME, json.dumps(document, indent=1).encode() + b"\n")
