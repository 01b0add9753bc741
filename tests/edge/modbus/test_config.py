"""What an operator may say about a bus."""

from dataclasses import replace

import pytest

from domain.profiles.load import profile
from domain.profiles.model import Decoder
from domain.quantity import Quantity
from edge.errors import SourceConfigError
from edge.modbus.config import LinkKind, ModbusBus, ModbusDevice, ModbusPoint, channels_of
from tests.support.modbus_builders import device, rtu_bus, spec, tcp_bus

FRIDGE = ModbusDevice(
    name="fridge-1",
    unit=1,
    profile=profile("RS-WS-N01"),
    period_ms=10_000,
    serial="SN42",
    points=(
        ModbusPoint(name="temperature", channel=1),
        ModbusPoint(name="humidity", channel=2),
    ),
)


def test_channels_tell_an_auditor_what_a_number_means() -> None:
    temperature, humidity = channels_of(rtu_bus("/dev/ttyUSB0", FRIDGE))
    assert temperature.number == 1
    assert (temperature.device, temperature.serial) == ("fridge-1", "SN42")
    assert temperature.source == "holding:0x0001"
    assert (temperature.quantity, temperature.unit) == (Quantity.TEMPERATURE, "Cel")
    assert temperature.exp == -1
    assert temperature.profile == FRIDGE.profile.ref
    assert humidity.source == "holding:0x0000"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unit": 0}, "unit 0 is not in 1..247"),
        ({"unit": 248}, "unit 248 is not in 1..247"),
        ({"period_ms": 5}, "period_ms 5 is not in"),
        ({"points": ()}, "has no point"),
        (
            {"points": (ModbusPoint(name="pressure", channel=1),)},
            r"RS-WS-N01@\d+ has no point 'pressure'; use one of: .*temperature",
        ),
    ],
)
def test_a_device_that_cannot_work_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(SourceConfigError, match=message):
        rtu_bus("/dev/ttyUSB0", replace(FRIDGE, **change))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"host": ""}, "needs a host"),
        ({"port": 0}, "port 0 is not in"),
        ({"kind": LinkKind.RTU}, "needs a device such as"),
        ({"kind": LinkKind.RTU, "device": "/dev/x", "baud": 9601}, "baud 9601 is not one of"),
        ({"kind": LinkKind.RTU, "device": "/dev/x", "parity": "M"}, "parity 'M' is not"),
        ({"kind": LinkKind.RTU, "device": "/dev/x", "stop_bits": 3}, "stop_bits 3 is not"),
        ({"timeout_ms": 0}, "timeout_ms 0 is not in"),
        ({"max_hole": 121}, "max_hole 121 is not in"),
        ({"devices": ()}, "has no device"),
        ({"devices": (FRIDGE, FRIDGE)}, "device name 'fridge-1' is used 2 times"),
        (
            {"devices": (FRIDGE, replace(FRIDGE, name="fridge-2", unit=2))},
            "channel 1 is used 2 times",
        ),
    ],
)
def test_a_bus_that_cannot_work_is_refused(change: dict[str, object], message: str) -> None:
    good = tcp_bus(502, FRIDGE)
    with pytest.raises(SourceConfigError, match=message) as caught:
        replace(good, **change)  # type: ignore[arg-type]
    assert "bus-502" in str(caught.value)


def test_a_value_beyond_the_last_register_is_refused() -> None:
    with pytest.raises(SourceConfigError, match="beyond register 65535"):
        tcp_bus(502, device([spec(0xFFFF, Decoder.U32)]))


def test_a_line_is_named_as_a_person_would() -> None:
    assert tcp_bus(502, FRIDGE).where == "127.0.0.1:502"
    assert rtu_bus("/dev/ttyUSB0", FRIDGE).where == "/dev/ttyUSB0"


def test_a_character_has_start_parity_and_stop_bits() -> None:
    bus: ModbusBus = rtu_bus("/dev/ttyUSB0", FRIDGE)
    assert bus.bits_per_char == 10
    assert replace(bus, parity="E").bits_per_char == 11
    assert replace(bus, stop_bits=2).bits_per_char == 11
