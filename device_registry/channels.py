"""Which channels of a gateway ever had a meaning: none of them is ever given another.

Whoever reads an old batch takes a channel's meaning, the device and its serial number with it,
from the signed point table. So a point that is measured by another device gets a new channel.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import count
from typing import Final, Protocol

from device_registry.store.row import Row

FIRST: Final = 1
MEANING: Final = ("sensor", "quantity", "unit")
"""Fields of a point that say what its channel means."""


class Remembering(Protocol):
    """What both the store and a change of it can do."""

    def ever(self, kind: str, *, where: Mapping[str, object]) -> list[Row]:
        """Return every version, current or not, with these values."""


def channels_ever(reader: Remembering, gateways: Iterable[str]) -> dict[str, frozenset[int]]:
    """Return every channel that some gateways ever had, in any version of any point."""
    wanted = sorted(set(gateways))
    found: dict[str, set[int]] = {gateway: set() for gateway in wanted}
    for point in reader.ever("point", where={"gateway": wanted}):
        found[point.text("gateway")].add(point.number("channel"))
    return {gateway: frozenset(channels) for gateway, channels in found.items()}


def free_channels(used: Collection[int]) -> Iterator[int]:
    """Yield channels that were never used, the lowest first."""
    return (channel for channel in count(FIRST) if channel not in used)


def renumbered(
    reader: Remembering, row: Row, values: Mapping[str, object]
) -> Mapping[str, object]:
    """Return the new channel of a point to which `values` give another meaning, else {}."""
    if row.kind != "point" or all(
        values.get(name, row.maybe(name)) == row.maybe(name) for name in MEANING
    ):
        return {}
    gateway = row.text("gateway")
    return {"channel": next(free_channels(channels_ever(reader, [gateway])[gateway]))}
