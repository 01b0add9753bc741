"""Each gateway's readings on one line of time, whatever its wall clock does.

Pure. Used where readings are taken in live (alarms, latest), never for what is stored. A batch
is *newest* when its monotonic clock says so. A newest batch is believed even if the wall clock
was set back: then `restart_ms` says that everything remembered from that time on is void. A
batch of unknown time (`sync` 0) is placed by its boot's anchor; without one, a newest batch is
placed at its arrival, which is never far off.

State is small and per gateway; `snapshot` is plain JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from evidence.batch import Body

MAX_SLIP_MS: Final = 5_000  # CONTRACT, CLOCK-JUMP: wall against monotonic clock
NEVER_MS: Final = -(2**62)


@dataclass(slots=True)
class _Clock:
    """What is known of one gateway: its newest batch, and how its boot counts."""

    epoch: bytes
    seq: int
    boot: int
    end_mono_ms: int
    anchor_ms: int
    """Wall minus monotonic clock, in this boot."""
    newest_ms: int
    """Time of the newest reading or batch."""


class Place(NamedTuple):
    """Where a batch belongs. A named tuple: one is made per batch."""

    t0_ms: int
    """Time of the batch's t0."""
    begin_ms: int
    """Time of its first reading, or of t0 when it has none."""
    end_ms: int
    """Time of its last reading, or of t0 when it has none."""
    is_newest: bool
    continues: bool
    """It follows the newest batch before it without a hole: what is missing is missing."""
    restart_ms: int | None
    """The clock was set back: forget times from this one on."""


class Timelines:
    """The clocks of all gateways; a batch is given to `place` once, in archive order."""

    def __init__(self) -> None:
        self._clocks: dict[str, _Clock] = {}

    def place(
        self, gateway: str, body: Body, span_ms: tuple[int, int], recv_ms: int
    ) -> Place | None:
        """Return where a batch belongs, or None when nothing tells.

        `span_ms` are the times from t0 of its first and last reading, (0, 0) without any.
        """
        clock = self._clocks.get(gateway)
        first, last = span_ms
        end_mono_ms = body.mono_ms + max(last, 0)
        t0_ms = body.t0
        if not body.sync:
            anchor_ms = _blind_anchor(clock, body, end_mono_ms, recv_ms)
            if anchor_ms is None:
                return None
            t0_ms = anchor_ms + body.mono_ms
        begin_ms, end_ms = t0_ms + first, t0_ms + max(last, 0)
        if clock is None:
            self._clocks[gateway] = _clock_of(body, end_mono_ms, t0_ms, end_ms)
            return Place(
                t0_ms, begin_ms, end_ms, is_newest=True, continues=False, restart_ms=None
            )
        if not _is_newest(clock, body, end_mono_ms, end_ms):
            return Place(
                t0_ms, begin_ms, end_ms, is_newest=False, continues=False, restart_ms=None
            )
        slip_ms = abs(t0_ms - body.mono_ms - clock.anchor_ms)
        follows = body.seq == clock.seq + 1 and body.epoch == clock.epoch
        back_to_ms = begin_ms if begin_ms <= clock.newest_ms else None
        self._clocks[gateway] = _clock_of(body, end_mono_ms, t0_ms, end_ms)
        return Place(
            t0_ms,
            begin_ms,
            end_ms,
            is_newest=True,
            continues=follows and slip_ms <= MAX_SLIP_MS,
            restart_ms=back_to_ms,
        )

    def newest_ms(self, gateway: str) -> int:
        """Return the time of the gateway's newest batch, or `NEVER_MS`."""
        clock = self._clocks.get(gateway)
        return NEVER_MS if clock is None else clock.newest_ms

    def snapshot(self) -> dict[str, list[Any]]:
        """Return everything remembered, as values that JSON can carry."""
        return {
            gateway: [c.epoch.hex(), c.seq, c.boot, c.end_mono_ms, c.anchor_ms, c.newest_ms]
            for gateway, c in self._clocks.items()
        }

    def restore(self, saved: Mapping[str, list[Any]]) -> None:
        """Take over a snapshot."""
        self._clocks = {
            gateway: _Clock(bytes.fromhex(epoch), *numbers)
            for gateway, (epoch, *numbers) in saved.items()
        }


def _blind_anchor(
    clock: _Clock | None, body: Body, end_mono_ms: int, recv_ms: int
) -> int | None:
    if clock is not None and clock.boot == body.boot:
        return clock.anchor_ms
    if clock is None or body.boot > clock.boot:
        return recv_ms - end_mono_ms
    return None


def _is_newest(clock: _Clock, body: Body, end_mono_ms: int, end_ms: int) -> bool:
    if body.boot == clock.boot:
        return end_mono_ms > clock.end_mono_ms
    # a replaced gateway counts its boots from the beginning; only its wall clock tells then
    return body.boot > clock.boot or (bool(body.sync) and end_ms > clock.newest_ms)


def _clock_of(body: Body, end_mono_ms: int, t0_ms: int, end_ms: int) -> _Clock:
    return _Clock(
        epoch=body.epoch,
        seq=body.seq,
        boot=body.boot,
        end_mono_ms=end_mono_ms,
        anchor_ms=t0_ms - body.mono_ms,
        newest_ms=end_ms,
    )
