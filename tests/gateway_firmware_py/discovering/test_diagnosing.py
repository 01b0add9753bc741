"""What is wrong with a serial line is named: settings, wires, addresses."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.profiles.load import profile
from domain.profiles.model import RegisterTable
from edge.modbus.config import LinkKind, ModbusBus, ModbusDevice, ModbusPoint
from edge.modbus.frames import read_request
from edge.modbus.rtu_codec import crc16
from gateway_firmware_py.discovering.diagnosing import diagnose_line
from gateway_firmware_py.discovering.line_settings import SETTINGS, LineSettings
from gateway_firmware_py.discovering.verdict import Cause, Diagnosis, Sign, is_doubled, sign_of
from tests.support.rs485 import Line, Probe, rs485

CLIMATE = {4: {1: 305, 2: 546}}
REQUEST = read_request(1, RegisterTable.INPUT, 1, 1)
ANSWER = Probe(unit=1, words=CLIMATE).answer(REQUEST.pdu)


def bus(line: Line, unit: int = 1, settings: LineSettings = SETTINGS[0]) -> ModbusBus:
    device = ModbusDevice(
        name="probe",
        unit=unit,
        profile=profile("XY-MD02"),
        period_ms=10_000,
        points=(ModbusPoint(name="temperature", channel=1),),
    )
    plain = ModbusBus(name="bus1", kind=LinkKind.RTU, device=line.path, devices=(device,))
    return settings.on(plain, 30)


async def diagnosed(line: Line, unit: int = 1) -> Diagnosis:
    of = bus(line, unit)
    return await diagnose_line(of, of.devices[0], line.open, quick_ms=20)


async def test_a_device_that_answers_is_fine() -> None:
    async with rs485(Probe(unit=1, words=CLIMATE)) as line:
        found = await diagnosed(line)
    assert (found.cause, found.remedy) == (Cause.FINE, "")
    assert len(line.asked) == 4, "nothing else is tried"


@pytest.mark.parametrize(
    "settings",
    [
        LineSettings(baud=4800),
        LineSettings(baud=9600, parity="E"),
        LineSettings(baud=19200, stop_bits=2),
    ],
)
async def test_another_baud_or_parity_is_named(settings: LineSettings) -> None:
    async with rs485(Probe(unit=1, words=CLIMATE, settings=settings)) as line:
        found = await diagnosed(line)
    assert found.cause is Cause.WRONG_SETTINGS
    assert found.what == f"unit 1 answers at {settings}, not at 9600 baud 8N1"


@pytest.mark.parametrize("late", [0, 1, 3, 9])
async def test_two_devices_on_one_address_are_named(late: int) -> None:
    one, other = {4: {1: 305, 2: 546}}, {4: {1: 41, 2: 612}}
    async with rs485(Probe(unit=1, words=one), Probe(unit=1, words=other, late=late)) as line:
        found = await diagnosed(line)
    assert found.cause is Cause.TWO_DEVICES
    assert "more than one device answers as unit 1" in found.what


async def test_swapped_wires_are_named() -> None:
    async with rs485(Probe(unit=1, words=CLIMATE), swapped=True) as line:
        found = await diagnosed(line)
    assert found.cause is Cause.SWAPPED
    assert "A and B are swapped" in found.remedy


async def test_another_unit_number_is_named() -> None:
    async with rs485(Probe(unit=5, words=CLIMATE)) as line:
        found = await diagnosed(line)
    assert found.cause is Cause.WRONG_UNIT
    assert found.what == "unit 1 is silent, but there is an answer from unit 5"


async def test_a_line_without_anybody_is_named() -> None:
    async with rs485() as line:
        found = await diagnosed(line)
    assert found.cause is Cause.NOTHING
    assert "power" in found.remedy


async def test_noise_is_named() -> None:
    async with rs485(noise=bytes(range(40, 60))) as line:
        found = await diagnosed(line)
    assert found.cause is Cause.NOISE


async def test_only_reads_are_asked() -> None:
    async with rs485() as line:
        await diagnosed(line)
    assert {message[1] for message in line.asked} == {4}


@given(st.binary(max_size=40))
def test_any_bytes_have_a_sign(raw: bytes) -> None:
    assert sign_of(REQUEST, raw) in Sign


@given(st.binary(max_size=2), st.binary(max_size=2))
def test_an_answer_with_a_switching_transceiver_around_it_is_clean(
    before: bytes, after: bytes
) -> None:
    total = len(before) + len(after)
    sign = sign_of(REQUEST, before + ANSWER + after)
    assert sign is (Sign.CLEAN if total <= 2 else Sign.BROKEN)


def test_an_echo_is_no_answer() -> None:
    sent = bytes((1,)) + REQUEST.pdu
    assert sign_of(REQUEST, sent + crc16(sent)) is Sign.SILENT
    assert sign_of(REQUEST, sent + crc16(sent) + ANSWER) is Sign.CLEAN


def test_two_whole_answers_are_two_devices() -> None:
    assert sign_of(REQUEST, ANSWER + ANSWER) is Sign.DOUBLED
    assert is_doubled([Sign.CLEAN, Sign.DOUBLED])


def test_one_damaged_answer_among_silence_is_no_proof_of_two() -> None:
    assert not is_doubled([Sign.BROKEN, Sign.SILENT, Sign.SILENT])
    assert not is_doubled([Sign.CLEAN] * 4)


def test_settings_are_told_apart() -> None:
    assert len(set(SETTINGS)) == len(SETTINGS)
    shuffled = random.Random(1).sample(SETTINGS, len(SETTINGS))
    assert {str(s) for s in shuffled} == {str(replace(s)) for s in SETTINGS}
