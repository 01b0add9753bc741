"""Who has not been heard for too long: points (missing data) and gateways (gateway silent).

Pure: `due` is told the time. A silence is raised at the instant it became too long, not at the
instant somebody looked, so that two watches of the same stream agree.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from domain.alarms.state import TransitionKind
from domain.errors import BadSnapshotError


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceChange:
    """A silence began (RAISED at its due time) or ended (RETURNED when heard again)."""

    key: str
    kind: TransitionKind
    since_ms: int
    """When the key was last heard before the silence; with `key` it identifies the alarm."""
    at_ms: int


class Silence:
    """Watches keys; each may have its own limit."""

    def __init__(self, limit_ms: int) -> None:
        """Silence longer than `limit_ms` is too long, unless a key was given another limit."""
        self.limit_ms = limit_ms
        self._heard_ms: dict[str, int] = {}
        self._limits_ms: dict[str, int] = {}
        self._since_ms: dict[str, int] = {}

    def watch(self, key: str, at_ms: int, limit_ms: int | None = None) -> None:
        """Expect `key` from `at_ms` on, even if it is never heard."""
        if limit_ms is not None:
            self._limits_ms[key] = limit_ms
        self._heard_ms.setdefault(key, at_ms)

    def forget(self, key: str) -> None:
        """Stop expecting `key`; an open silence ends without being told."""
        self._heard_ms.pop(key, None)
        self._limits_ms.pop(key, None)
        self._since_ms.pop(key, None)

    def heard(self, key: str, at_ms: int) -> None:
        """Note that `key` was heard; an older time than the newest changes nothing."""
        if at_ms > self._heard_ms.get(key, at_ms - 1):
            self._heard_ms[key] = at_ms

    def due(self, now_ms: int) -> list[SilenceChange]:
        """Return what changed up to `now_ms`: silences that ended, and that became too long."""
        told: list[SilenceChange] = []
        for key, heard_ms in self._heard_ms.items():
            since_ms = self._since_ms.get(key)
            if since_ms is not None and heard_ms > since_ms:
                told.append(self._end(key, since_ms, heard_ms))
                since_ms = None
            due_ms = heard_ms + self._limits_ms.get(key, self.limit_ms)
            if since_ms is None and now_ms > due_ms:
                self._since_ms[key] = heard_ms
                told.append(_change(key, TransitionKind.RAISED, heard_ms, due_ms))
        return told

    @property
    def silent(self) -> Mapping[str, int]:
        """Keys whose silence is open, with the time they were last heard."""
        return dict(self._since_ms)

    def last_heard_ms(self, key: str) -> int | None:
        """Return the newest time `key` was heard, or None when it is not watched."""
        return self._heard_ms.get(key)

    def snapshot(self) -> dict[str, object]:
        """Return everything remembered, as values that JSON can carry."""
        return {
            "limit_ms": self.limit_ms,
            "heard_ms": dict(self._heard_ms),
            "limits_ms": dict(self._limits_ms),
            "since_ms": dict(self._since_ms),
        }

    @classmethod
    def from_snapshot(cls, saved: Mapping[str, object]) -> Self:
        """Return the watch that `snapshot` described; `BadSnapshotError` for anything else."""
        match saved:
            case {
                "limit_ms": int() as limit_ms,
                "heard_ms": dict() as heard_ms,
                "limits_ms": dict() as limits_ms,
                "since_ms": dict() as since_ms,
            }:
                watch = cls(limit_ms)
                watch._heard_ms = dict(heard_ms)
                watch._limits_ms = dict(limits_ms)
                watch._since_ms = dict(since_ms)
                return watch
            case _:
                raise BadSnapshotError("a silence watch", saved)

    def _end(self, key: str, since_ms: int, heard_ms: int) -> SilenceChange:
        del self._since_ms[key]
        return _change(key, TransitionKind.RETURNED, since_ms, heard_ms)


def _change(key: str, kind: TransitionKind, since_ms: int, at_ms: int) -> SilenceChange:
    return SilenceChange(key=key, kind=kind, since_ms=since_ms, at_ms=at_ms)
