"""Scanners by network, serial line and keyboard: one event for each read, through losses."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from edge.errors import SourceConfigError
from edge.scanner.config import ScannerConfig, ScannerKind
from edge.scanner.source import ScannerSource, scan_body
from evidence.event import EventKind
from simulators.ledger import Ledger
from simulators.scanner import Scanner
from simulators.serial_pair import SerialPair
from tests.support.edge_fakes import CollectingSink, HandClock
from tests.support.keystrokes import typed
from tests.support.ports import free_port
from tests.support.wait import until

TRACE = b"83857930000879766601"
GS1 = b"]d20106901234567892\x1d21SER"


@pytest.fixture
def sink() -> CollectingSink:
    return CollectingSink()


@asynccontextmanager
async def scanning(config: ScannerConfig, sink: CollectingSink) -> AsyncIterator[ScannerSource]:
    source = ScannerSource(config, sink, HandClock(), draw=lambda: 0.05)
    running = asyncio.create_task(source.run())
    try:
        yield source
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def network(port: int) -> ScannerConfig:
    return ScannerConfig(
        name="counter", kind=ScannerKind.TCP, host="127.0.0.1", port=port, location="till 1"
    )


def raw(sink: CollectingSink) -> list[object]:
    return [body[1] for _, _, _, body in sink.events]


async def test_a_network_scanner_signs_what_it_read_with_where(sink: CollectingSink) -> None:
    device = Scanner("counter", 3, Ledger(lambda: 0))
    async with scanning(network(await device.serve("127.0.0.1")), sink):
        await until(lambda: device.clients == 1)
        await device.scan(GS1)
        await until(lambda: sink.events)
    await device.close()
    assert sink.events == [
        (EventKind.SCAN, HandClock().now_ms, 0, {1: GS1, 2: "]d2", 4: "till 1"})
    ]


async def test_a_scanner_that_comes_back_is_read_again(sink: CollectingSink) -> None:
    port = free_port()
    async with scanning(network(port), sink) as source:
        for scanned in (TRACE, GS1):
            device = Scanner("counter", 3, Ledger(lambda: 0))
            await device.serve("127.0.0.1", port)
            await until(lambda device=device: device.clients == 1)  # type: ignore[misc]
            await device.scan(scanned)
            await until(lambda scanned=scanned: scanned in raw(sink))  # type: ignore[misc]
            await device.close()
            await until(lambda: not source.connected)
    assert raw(sink) == [TRACE, GS1]
    assert source.counts.opened == 2


async def test_a_code_cut_off_by_the_loss_is_dropped_and_counted(sink: CollectingSink) -> None:
    device = Scanner("counter", 3, Ledger(lambda: 0), ending=b"")
    config = replace(network(await device.serve("127.0.0.1")), idle_ms=5_000)
    async with scanning(config, sink) as source:
        await until(lambda: device.clients == 1)
        await device.scan(TRACE)
        await until(lambda: source._framer.waiting)
        await device.close()
        await until(lambda: source.counts.cut_off == 1)
    assert not sink.events


async def test_a_serial_scanner_ends_codes_by_silence(sink: CollectingSink) -> None:
    pair = SerialPair()
    pair.start()
    config = ScannerConfig(
        name="s", kind=ScannerKind.SERIAL, device=pair.far, idle_ms=20, channel=9
    )
    async with scanning(config, sink) as source:
        await until(lambda: source.connected)
        scanner = os.open(pair.near, os.O_WRONLY | os.O_NOCTTY)
        for scanned in (TRACE, GS1):
            os.write(scanner, scanned)
            await until(lambda scanned=scanned: scanned in raw(sink))  # type: ignore[misc]
        os.close(scanner)
    pair.close()
    assert raw(sink) == [TRACE, GS1]
    assert {channel for _, _, channel, _ in sink.events} == {9}


async def test_a_keyboard_wedge_is_read_from_its_events(
    sink: CollectingSink, tmp_path: Path
) -> None:
    path = tmp_path / "event0"
    os.mkfifo(path)
    config = ScannerConfig(name="k", kind=ScannerKind.KEYBOARD, device=str(path))
    async with scanning(config, sink) as source:
        await until(lambda: source.connected)
        with path.open("wb", buffering=0) as keyboard:
            keyboard.write(typed(GS1.decode() + "\r" + TRACE.decode() + "\r"))
            await until(lambda: len(sink.events) == 2)
    assert raw(sink) == [GS1, TRACE]


async def test_a_device_that_is_none_is_tried_again(
    sink: CollectingSink, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(b"123\r")
    for kind in (ScannerKind.KEYBOARD, ScannerKind.SERIAL):
        for device in (plain, tmp_path / "absent"):
            caplog.clear()
            config = ScannerConfig(name="x", kind=kind, device=str(device))
            async with scanning(config, sink) as source:
                await until(lambda: caplog.records)
                assert str(device) in caplog.text
                assert source.counts.scans == 0


def test_the_symbology_is_what_stands_before_the_code() -> None:
    assert scan_body(TRACE, "") == {1: TRACE}
    assert scan_body(b"]C1" + TRACE, "")[2] == "]C1"
    assert 2 not in scan_body(b"]\xff1", "")


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda: network(0), "port 0"),
        (lambda: replace(network(1), host=""), "host"),
        (lambda: replace(network(1), idle_ms=1), "idle_ms"),
        (lambda: replace(network(1), channel=-1), "channel"),
        (lambda: replace(network(1), location="x" * 65), "location"),
        (lambda: ScannerConfig(name="s", kind=ScannerKind.SERIAL), "ttyACM0"),
        (lambda: ScannerConfig(name="s", kind=ScannerKind.KEYBOARD), "event-kbd"),
        (
            lambda: ScannerConfig(name="s", kind=ScannerKind.SERIAL, device="/x", baud=1),
            "baud 1",
        ),
    ],
)
def test_what_cannot_work_is_refused_by_name(
    build: Callable[[], ScannerConfig], named: str
) -> None:
    with pytest.raises(SourceConfigError, match=named):
        build()
