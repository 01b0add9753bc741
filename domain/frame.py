"""What is sampled together: the channels that one request or message fills at one instant."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The shape of one row of readings; rows of a frame share one time column.

    `channels` and `exps` have the same length, at least one; `period_ms` is the cadence that
    is intended, 0 when the device decides.
    """

    channels: tuple[int, ...]
    exps: tuple[int, ...]
    period_ms: int

    def __post_init__(self) -> None:
        if not self.channels or len(self.channels) != len(self.exps):
            raise ValueError(f"one exponent per channel: {self.channels} {self.exps}")
        if len(set(self.channels)) != len(self.channels):
            raise ValueError(f"a channel is in a frame once: {self.channels}")
        if self.period_ms < 0:
            raise ValueError(f"a period is not negative: {self.period_ms}")

    @property
    def width(self) -> int:
        """Number of channels."""
        return len(self.channels)
