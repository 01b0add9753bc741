"""Simulated Modbus devices, asked byte by byte over TCP and over a serial line."""

import asyncio
import os
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulators.errors import UnavailableError
from simulators.ledger import Ledger
from simulators.modbus_device import ModbusLine
from simulators.modbus_unit import Excepting, SensorFailed, Silent, Slow, Unit
from simulators.refrigerator import Sample
from simulators.registers import EKC_202B, HMT330, RS_WS_N01, XY_MD02
from simulators.serial_pair import SerialPair
from tests.support.wait import until

SAMPLE = Sample(
    at_s=0.0,
    probe_c=-10.1,
    air_c=4.2,
    rh=65.8,
    door_open=False,
    mains_on=True,
    compressor_on=False,
    defrosting=False,
    ambient_c=28.0,
)
READ_RENKE = "010300000002"
RENKE_ANSWER = "0103040292FF9B"


def units() -> list[Unit]:
    kinds = (RS_WS_N01, XY_MD02, HMT330, EKC_202B)
    return [
        Unit(number=n, name=kind.name, kind=kind, sample=lambda: SAMPLE, serial=f"S{n}")
        for n, kind in enumerate(kinds, start=1)
    ]


class Client:
    """A Modbus TCP client of a few lines, so that no library stands on both ends."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, request: str, transaction: int = 7) -> None:
        pdu = bytes.fromhex(request)
        self.writer.write(struct.pack(">HHH", transaction, 0, len(pdu)) + pdu)

    async def receive(self) -> tuple[int, str]:
        transaction, _, size = struct.unpack(">HHH", await self.reader.readexactly(6))
        return transaction, (await self.reader.readexactly(size)).hex().upper()

    async def ask(self, request: str) -> str:
        self.send(request)
        return (await asyncio.wait_for(self.receive(), 10))[1]


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(lambda: 1_700_000_000_000)


@pytest.fixture
async def line(ledger: Ledger) -> AsyncIterator[ModbusLine]:
    line = ModbusLine(units(), ledger)
    yield line
    await line.close()


@pytest.fixture
async def client(line: ModbusLine) -> AsyncIterator[Client]:
    port = await line.serve_tcp("127.0.0.1")
    client = Client(*await asyncio.open_connection("127.0.0.1", port))
    yield client
    client.writer.close()
    await client.writer.wait_closed()


async def test_many_units_answer_behind_one_port(client: Client, ledger: Ledger) -> None:
    assert await client.ask(READ_RENKE) == RENKE_ANSWER
    assert await client.ask("020400010002") == "020404FF9B0292"
    assert (await client.ask("030300020002")).startswith("030304")
    assert await client.ask("04030A1C0001") == "040302002A"
    assert [entry["device"] for entry in ledger] == [u.name for u in units()]
    assert next(iter(ledger))["words"] == [0x0292, 0xFF9B]


async def test_missing_registers_functions_and_units_are_told_apart(client: Client) -> None:
    assert await client.ask("010300010002") == "018302"
    assert await client.ask("010100000001") == "018101"
    assert await client.ask("090300000001") == "09830B"


async def test_writing_is_refused_and_entered(client: Client, ledger: Ledger) -> None:
    assert (await client.ask("02060103000A"))[:4] == "0286"
    assert [entry["what"] for entry in ledger] == ["write refused"]
    assert await client.ask("020301030001") == "0203020000"


async def test_identity_is_read_by_function_43(client: Client) -> None:
    answer = bytes.fromhex(await client.ask("032B0E0100"))
    assert b"Vaisala" in answer
    assert b"HMT330" in answer


async def test_a_unit_can_misbehave(client: Client, line: ModbusLine, ledger: Ledger) -> None:
    line.units[1].condition = Excepting(6)
    assert await client.ask(READ_RENKE) == "018306"
    line.units[1].condition = SensorFailed()
    assert await client.ask(READ_RENKE) == "010304FFFF7FFF"
    line.units[1].condition = Silent()
    client.send(READ_RENKE)
    await until(lambda: "silence" in ledger.counts)
    assert await client.ask("020400010001") == "020402FF9B"


async def test_a_slow_answer_keeps_its_own_transaction(
    client: Client, line: ModbusLine
) -> None:
    line.units[1].condition = Slow(0.05)
    client.send(READ_RENKE, transaction=1)
    client.send("020400010001", transaction=2)
    answers = dict([await client.receive()])
    while len(answers) < 2:
        client.send("020400010001", transaction=2)
        answers.update([await client.receive()])
    assert answers == {1: RENKE_ANSWER, 2: "020402FF9B"}


async def test_a_taken_port_is_named(line: ModbusLine, ledger: Ledger) -> None:
    port = await line.serve_tcp("127.0.0.1")
    with pytest.raises(UnavailableError, match=str(port)):
        await ModbusLine(units(), ledger).serve_tcp("127.0.0.1", port)


async def test_a_serial_line_answers_the_printed_frame(
    line: ModbusLine, ledger: Ledger
) -> None:
    pair = SerialPair()
    pair.start()
    await line.serve_rtu(pair.near, 9600)
    port = os.open(pair.far, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    answer = bytearray()
    asyncio.get_running_loop().add_reader(port, lambda: answer.extend(os.read(port, 256)))
    os.write(port, bytes.fromhex("070300000001846C"))
    await until(lambda: list(ledger)[-1:] and list(ledger)[-1]["device"] == "nobody")
    os.write(port, bytes.fromhex("010300000002C40B"))
    await until(lambda: len(answer) >= 9)
    asyncio.get_running_loop().remove_reader(port)
    os.close(port)
    await line.close()
    pair.close()
    assert answer.hex().upper() == "0103040292FF9B5A3D"


def test_the_ledger_is_also_a_file(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(lambda: 5, path)
    ledger.served("fridge", "registers", words=[1])
    ledger.close()
    assert path.read_text() == (
        '{"at_ms":5,"device":"fridge","what":"registers","words":[1]}\n'
    )
