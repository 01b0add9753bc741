"""How often one may be refused: buckets of tokens, one for each who asks.

Pure: time is handed in, in seconds. A refusal takes a token and tokens come back slowly; who
has none left is not looked at. Good requests are never counted, so a fleet behind one address
is not slowed down by its size.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

MAX_KEPT: Final = 10_000
"""Buckets remembered; the one least recently used is forgotten, which only makes it full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """`burst` refusals at once, then one every `every_s`."""

    burst: int
    every_s: float


class Buckets:
    """Tokens by name."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._kept: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, name: str, now_s: float) -> float:
        """Return how long `name` must wait before it is looked at, 0 for not at all."""
        tokens = self._tokens(name, now_s)
        return 0.0 if tokens >= 1 else (1 - tokens) * self._rate.every_s

    def take(self, name: str, now_s: float) -> None:
        """Take a token for a refusal."""
        self._kept[name] = (max(0.0, self._tokens(name, now_s) - 1), now_s)
        self._kept.move_to_end(name)
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)

    def _tokens(self, name: str, now_s: float) -> float:
        tokens, at_s = self._kept.get(name, (float(self._rate.burst), now_s))
        return min(self._rate.burst, tokens + (now_s - at_s) / self._rate.every_s)
