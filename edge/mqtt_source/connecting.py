"""With which MQTT version to knock at a broker, given how it went so far.

Pure; used by `edge.mqtt_source.source`. MQTT 5 first; a broker that has only 3.1.1 refuses it,
closes, or says nothing at all, so every failed attempt tries the other version next. What once
worked is tried first.
"""

from dataclasses import dataclass, replace
from enum import Enum


class Version(Enum):
    """The two versions that brokers speak."""

    V5 = "5"
    V311 = "3.1.1"

    @property
    def other(self) -> "Version":
        """Return the one that this is not."""
        return Version.V311 if self is Version.V5 else Version.V5


@dataclass(frozen=True, slots=True, kw_only=True)
class Knocking:
    """The next attempt: its version, and how many have failed in a row."""

    version: Version = Version.V5
    failures: int = 0


def after_failure(knocking: Knocking) -> Knocking:
    """Return the next attempt after one that did not connect."""
    return Knocking(version=knocking.version.other, failures=knocking.failures + 1)


def after_loss(knocking: Knocking) -> Knocking:
    """Return the next attempt after a connection that worked and then broke."""
    return replace(knocking, failures=1)
