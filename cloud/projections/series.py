"""Numbers for the registered series, so that columns can carry them.

Shared by all projections of one process. A series is a measuring point: the channel of a
gateway that the registry maps to it, and those that it had before its probe or its gateway was
replaced. Any other channel is `UNMAPPED`. The numbers mean nothing outside the process: what is
stored names gateway and channel, or the point.
"""

import threading
from array import array
from collections.abc import Sequence
from typing import Final

from device_registry.records import PointRecord
from device_registry.registry import Registry
from evidence.batch import Column

UNMAPPED: Final = -1
MAX_CACHED_COLUMNS: Final = 100_000  # ten columns for each of ten thousand gateways


class SeriesIndex:
    """Gives out numbers from 0 on; a number is never given to another series. Thread-safe."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._points: list[PointRecord] = []
        self._numbers: dict[tuple[str, int], int] = {}
        self._of_point: dict[str, int] = {}
        self._columns: dict[tuple[str, str, bytes], bytes] = {}
        self._giving = threading.Lock()

    @property
    def registry(self) -> Registry:
        """The registry that says what a channel measures."""
        return self._registry

    @property
    def points(self) -> list[PointRecord]:
        """The point of every number given so far; it only grows, and only here."""
        return self._points

    def number(self, gateway: str, channel: int) -> int:
        """Return the number of one series, or `UNMAPPED`."""
        number = self._numbers.get((gateway, channel))
        if number is None:
            with self._giving:
                number = self._give(gateway, channel)
        return number

    def numbers_of_points(self, points: Sequence[str]) -> list[int]:
        """Return the number of each point's series, `UNMAPPED` where the registry has none."""
        unknown = [point for point in points if point not in self._of_point]
        found = self._registry.points_by_id(unknown) if unknown else {}
        with self._giving:
            for record in found.values():
                number = self._give_to(record)
                if record.state != "retired":  # its channel may be another point's by now
                    self._numbers.setdefault((record.gateway, record.channel), number)
            return [self._of_point.get(point, UNMAPPED) for point in points]

    def packed_numbers(self, gateway: str, channels: Column) -> bytes:
        """Return the numbers of a batch's channel column as little-endian 64-bit integers.

        A gateway's batches name the same channels again and again: it is one look-up then.
        """
        view = memoryview(channels)
        key = (gateway, view.format, view.tobytes())
        packed = self._columns.get(key)
        if packed is None:
            if len(self._columns) >= MAX_CACHED_COLUMNS:
                self._columns.clear()
            numbers = array("q", (self.number(gateway, channel) for channel in channels))
            packed = self._columns[key] = numbers.tobytes()
        return packed

    def forget(self, gateways: frozenset[str]) -> None:
        """Ask the registry again about these gateways' channels.

        A series keeps its number and learns its point's new names and rules, and its new
        channel; a channel that nobody knew, or that means another point now, gets a number when
        it is next heard.
        """
        if not gateways:
            return
        with self._giving:
            for place, number in list(self._numbers.items()):
                point = self._now(place) if place[0] in gateways else None
                if point is None:
                    continue
                if point.id != self._points[number].id:
                    del self._numbers[place]
                    continue
                self._points[number] = point
                self._numbers.setdefault((point.gateway, point.channel), number)
            for key in [key for key in self._columns if key[0] in gateways]:
                del self._columns[key]

    def _give(self, gateway: str, channel: int) -> int:
        known = self._numbers.get((gateway, channel))
        if known is not None:
            return known
        point = self._now((gateway, channel))
        if point is None:
            return UNMAPPED
        number = self._give_to(point)
        self._numbers[point.gateway, point.channel] = number
        self._numbers[gateway, channel] = number
        return number

    def _give_to(self, point: PointRecord) -> int:
        # By the point: its new channel may be heard before anybody said that it has one.
        number = self._of_point.get(point.id)
        if number is None:
            self._points.append(point)
            number = self._of_point[point.id] = len(self._points) - 1
        return number

    def _now(self, place: tuple[str, int]) -> PointRecord | None:
        """Return the point that a channel measures or measured, as it is today."""
        point = self._registry.point(*place)
        if point is None or not point.is_former:
            return point
        return self._registry.point_by_id(point.id) or point
