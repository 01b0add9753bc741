"""What a link can be told, as one JSON object; the same words in a schedule and on stdin.

    {"do": "cut", "seconds": 40}              also stall, hold; without seconds until restore
    {"do": "restore"}   {"do": "drop"}
    {"do": "lose", "direction": "down", "count": 1}            also repeat, swap
    {"do": "slow", "direction": "up", "seconds": 0.3}

A schedule is a list of these, each with `at_s`, seconds after the start. Used by
`simulators.link_process` and the demo. Pure but for `obey`, which only calls the link.
"""

import json
from dataclasses import dataclass
from typing import Literal, get_args

from simulators.chance import uniform
from simulators.errors import UsageError
from simulators.link import Link
from simulators.link_state import Direction, Fault

Verb = Literal["cut", "stall", "hold", "restore", "drop", "lose", "repeat", "swap", "slow"]
VERBS: tuple[Verb, ...] = get_args(Verb)
KNOWN_KEYS = {"do", "at_s", "seconds", "direction", "count"}
LONGEST_S = 7 * 86_400.0
MOST_MESSAGES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One order to a link; `at_s` counts only in a schedule."""

    do: Verb
    at_s: float = 0.0
    seconds: float | None = None
    direction: Direction = Direction.UP
    count: int = 1


def parse(text: str) -> Command:
    """Return the order in `text`; raise `UsageError` saying what was wrong with it."""
    try:
        return _from_object(json.loads(text))
    except (ValueError, RecursionError) as exc:
        raise UsageError(f"an order is one JSON object, got {text[:80]!r}") from exc


def parse_schedule(text: str) -> list[Command]:
    """Return the orders of a schedule by the time they are due."""
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise UsageError("a schedule is a JSON list of orders") from exc
    if not isinstance(entries, list):
        raise UsageError("a schedule is a JSON list of orders")
    return sorted((_from_object(entry) for entry in entries), key=lambda order: order.at_s)


def storm(seed: int, length_s: float, mean_gap_s: float = 20.0) -> list[Command]:
    """Return a schedule of cuts, stalls, holds and drops by chance, over `length_s`."""
    orders: list[Command] = []
    at_s, n = 0.0, 0
    kinds: tuple[Verb, ...] = ("cut", "stall", "hold", "drop")
    while (at_s := at_s + (0.2 + 1.6 * uniform(seed, "gap", n)) * mean_gap_s) < length_s:
        do = kinds[int(uniform(seed, "kind", n) * len(kinds))]
        lasts_s = None if do == "drop" else (0.1 + 0.6 * uniform(seed, "for", n)) * mean_gap_s
        orders.append(Command(do=do, at_s=at_s, seconds=lasts_s))
        at_s += lasts_s or 0.0
        n += 1
    return orders


async def obey(link: Link, order: Command) -> None:
    """Let `link` do what the order says."""
    match order.do:
        case "cut":
            link.cut(order.seconds)
        case "stall":
            link.stall(order.seconds)
        case "hold":
            link.hold(order.seconds)
        case "restore":
            await link.restore()
        case "drop":
            link.drop()
        case "lose" | "repeat" | "swap":
            link.fault(Fault(order.do), order.direction, order.count)
        case "slow":
            link.slow(order.direction, order.seconds or 0.0)


def _from_object(entry: object) -> Command:
    if not isinstance(entry, dict) or entry.get("do") not in VERBS:
        raise UsageError(f'"do" is one of {", ".join(VERBS)}; got {_shown(entry)}')
    unknown = set(entry) - KNOWN_KEYS
    if unknown:
        raise UsageError(f"an order has no {min(unknown)!r}; known: {sorted(KNOWN_KEYS)}")
    seconds = entry.get("seconds")
    direction = entry.get("direction", "up")
    if direction not in tuple(Direction):
        raise UsageError(f'"direction" is up or down, got {_shown(direction)}')
    return Command(
        do=entry["do"],
        at_s=_number(entry.get("at_s", 0.0), "at_s", LONGEST_S),
        seconds=None if seconds is None else _number(seconds, "seconds", LONGEST_S),
        direction=Direction(direction),
        count=int(_number(entry.get("count", 1), "count", MOST_MESSAGES)),
    )


def _number(value: object, name: str, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise UsageError(f'"{name}" is a number from 0 to {most:g}, got {_shown(value)}')
    return float(value)


def _shown(value: object) -> str:
    return repr(value)[:80]
