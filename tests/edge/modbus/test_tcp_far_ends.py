"""The same source against two other makers' Modbus TCP: pymodbus and libmodbus."""

from pathlib import Path

import pytest

from domain.profiles.model import Decoder, RegisterTable
from tests.support.modbus_builders import device, spec, tcp_bus
from tests.support.modbus_libmodbus import compile_server, libmodbus_server
from tests.support.modbus_pymodbus import MISSING, holding, pymodbus_tcp
from tests.support.modbus_running import running
from tests.support.ports import free_port
from tests.support.wait import until

INPUT, COIL, DISCRETE = RegisterTable.INPUT, RegisterTable.COIL, RegisterTable.DISCRETE


def signed(word: int) -> int:
    return word - 0x1_0000 if word >= 0x8000 else word


async def test_pymodbus_answers_for_every_table() -> None:
    port = free_port()
    specs = [
        spec(0),
        spec(19),
        spec(1, table=INPUT),
        spec(2, Decoder.F32_LW, INPUT, exp=-2),
        spec(1, Decoder.BIT, COIL),
        spec(33, Decoder.BIT, DISCRETE),
    ]
    bus = tcp_bus(port, device(specs, period_ms=50), max_hole=20)
    async with pymodbus_tcp(port, 1), running(bus) as run:
        await until(lambda: all(len(run.sink.good(c)) >= 3 for c in range(1, 7)))
        assert run.source.snapshot().exceptions == 0
    values = [set(run.sink.good(channel)) for channel in range(1, 7)]
    assert values == [{-50}, {7}, {8}, {3056}, {1}, {0}]


async def test_registers_that_pymodbus_does_not_have_cost_their_neighbours_nothing() -> None:
    port = free_port()
    bus = tcp_bus(port, device([spec(a) for a in range(100)], period_ms=100))
    async with pymodbus_tcp(port, 1), running(bus) as run:
        missing = {address + 1 for address in MISSING}
        await run.until_known({*range(1, 101)} - missing, missing)
    for address in set(range(100)) - set(MISSING):
        assert set(run.sink.good(address + 1)) == {signed(holding(address))}


async def test_a_unit_that_is_not_there_costs_that_unit_alone() -> None:
    port = free_port()
    bus = tcp_bus(
        port,
        device([spec(0)], unit=1, period_ms=50, first_channel=1),
        device([spec(0)], unit=9, period_ms=50, first_channel=9),
    )
    async with pymodbus_tcp(port, 1), running(bus) as run:
        await run.until_known(good=[1], refused=[9])  # pymodbus answers for it


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_server(tmp_path_factory.mktemp("libmodbus"))


@pytest.mark.engine
async def test_libmodbus_answers_for_every_table(program: Path) -> None:
    port = free_port()
    specs = [
        *(spec(a) for a in range(125)),
        spec(199),
        spec(3, table=INPUT),
        spec(50, Decoder.F32_LW, INPUT, exp=-1),
        spec(7, Decoder.BIT, COIL),
        spec(8, Decoder.BIT, DISCRETE),
    ]
    bus = tcp_bus(port, device(specs, period_ms=50))
    with libmodbus_server(program, port):
        async with running(bus) as run:
            await until(lambda: all(len(run.sink.good(c)) >= 3 for c in range(1, 131)))
            assert run.source.snapshot().exceptions == 0
    values = [set(run.sink.good(channel)) for channel in (1, 125, 126, 127, 128, 129, 130)]
    assert values == [{0}, {3 * 124}, {3 * 199}, {21}, {250}, {1}, {0}]


@pytest.mark.engine
async def test_what_libmodbus_refuses_costs_its_neighbours_nothing(program: Path) -> None:
    port = free_port()
    bus = tcp_bus(port, device([spec(a) for a in range(190, 203)], period_ms=50))
    with libmodbus_server(program, port):
        async with running(bus) as run:
            await run.until_known(range(1, 11), range(11, 14))
    for channel in range(1, 11):
        assert set(run.sink.good(channel)) == {3 * (189 + channel)}


@pytest.mark.engine
async def test_a_libmodbus_server_that_restarts_is_found_again(program: Path) -> None:
    port = free_port()
    bus = tcp_bus(port, device([spec(2)], period_ms=20), timeout_ms=100)
    async with running(bus) as run:
        for round_ in (1, 2):
            with libmodbus_server(program, port):
                await until(lambda n=5 * round_: len(run.sink.good(1)) >= n)  # type: ignore[misc]
        assert run.source.snapshot().reconnects >= 1
    assert set(run.sink.good(1)) == {6}
