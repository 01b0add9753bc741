"""What the sealer hands on: a batch without its place in the chain.

The place (epoch, seq, previous hash, totals) is given by `edge.recorder`, because only a batch
that is durable moves the chain.
"""

from dataclasses import dataclass

from evidence.batch import Columns, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReading:
    """All clocks at one instant; `sync` is 0 none, 1 NTP, 2 NTS."""

    wall_ms: int
    mono_ms: int
    boot: int
    sync: int
    err_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A closed batch of `readings` readings.

    `alarm` asks for the fast lane; `dropped` readings were lost before this batch and are in
    none; `opens_epoch` asks for a new epoch that begins with it; `config` is the hash of
    the point table in force from it on, empty when that is as it was.
    """

    clock: ClockReading
    columns: Columns | None
    events: tuple[Event, ...]
    readings: int
    alarm: bool
    dropped: int = 0
    opens_epoch: bool = False
    config: bytes = b""
