"""How long a log-in counts. Pure.

A session ends 30 min after its last use and 12 h after its log-in, whatever happens. Signatures
need a proof of who it is within the last 5 min. At a shared station the idle time is shorter.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

IDLE_MS: Final = 30 * 60_000
STATION_IDLE_MS: Final = 5 * 60_000
ABSOLUTE_MS: Final = 12 * 3_600_000
FRESH_MS: Final = 5 * 60_000
SEEN_EVERY_MS: Final = 60_000
"""A use is written down at most this often: reading is cheap, writing is not."""


class Method(StrEnum):
    """How the person proved who it is."""

    PASSWORD = "password"  # noqa: S105 - the word, not one
    TOTP = "totp"
    """Password and one-time code."""
    SMS = "sms"
    OIDC = "oidc"
    STATION = "station"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One log-in on one browser."""

    account: str
    method: Method
    is_strong: bool
    """Whether a second factor was shown: some roles count only then."""
    made_ms: int
    seen_ms: int
    proven_ms: int
    """When the person last proved who it is."""
    csrf: str
    """What every form of this session must bring along."""
    device: str = ""
    station: str = ""
    """Id of the shared station, "" for a browser of one's own."""


def is_alive(session: Session, at_ms: int) -> bool:
    """Say whether the session still counts."""
    idle_ms = STATION_IDLE_MS if session.station else IDLE_MS
    return at_ms - session.seen_ms < idle_ms and at_ms - session.made_ms < ABSOLUTE_MS


def must_note_use(session: Session, at_ms: int) -> bool:
    """Say whether this use is to be written down."""
    return at_ms - session.seen_ms >= SEEN_EVERY_MS


def fresh_until_ms(session: Session) -> int:
    """Return until when the person may sign without proving again who it is."""
    return session.proven_ms + FRESH_MS
