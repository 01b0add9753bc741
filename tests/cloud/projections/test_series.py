"""Series numbers: one for each registered channel, the same for ever, from any thread."""

import threading
from array import array

from cloud.projections.series import UNMAPPED, SeriesIndex
from tests.support.registries import gateway_name, point_name, registry_of

GATEWAYS = [gateway_name(i) for i in range(3)]


def numbers(index: SeriesIndex, gateway: str, channels: "array[int]") -> list[int]:
    return memoryview(index.packed_numbers(gateway, channels)).cast("q").tolist()


def test_every_channel_has_its_own_number_and_keeps_it() -> None:
    index = SeriesIndex(registry_of(GATEWAYS, [1, 2]))
    first = [index.number(gateway, channel) for gateway in GATEWAYS for channel in (1, 2)]
    assert sorted(first) == list(range(6))
    assert [index.number(g, c) for g in GATEWAYS for c in (1, 2)] == first
    assert [point.id for point in index.points] == [
        point_name(gateway, channel) for gateway in GATEWAYS for channel in (1, 2)
    ]


def test_a_channel_that_is_not_registered_takes_no_number() -> None:
    index = SeriesIndex(registry_of(GATEWAYS, [1]))
    assert numbers(index, GATEWAYS[0], array("B", [1, 9])) == [0, UNMAPPED]
    assert numbers(index, "gw-nobody", array("B", [1])) == [UNMAPPED]
    assert len(index.points) == 1


def test_columns_of_different_width_with_the_same_bytes_are_told_apart() -> None:
    index = SeriesIndex(registry_of(GATEWAYS, [0, 1]))
    assert numbers(index, GATEWAYS[0], array("B", [1, 0])) == [0, 1]
    assert numbers(index, GATEWAYS[0], array("H", [1])) == [0]


def test_threads_that_ask_at_once_get_the_same_numbers() -> None:
    index = SeriesIndex(registry_of(GATEWAYS, range(200)))
    got: list[list[int]] = []

    def ask() -> None:
        got.append([index.number(GATEWAYS[0], channel) for channel in range(200)])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [got[0]] * 4
    assert sorted(got[0]) == list(range(200))
