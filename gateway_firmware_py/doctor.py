"""Looks for what would keep a gateway from working, and says what to do about each.

Used by `coldwarden-gateway doctor`. Changes nothing. May run beside the gateway: a serial port
that the gateway holds is left alone.
"""

import asyncio
import fcntl
import os
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from edge.errors import EdgeError, UnreachableError
from edge.modbus.config import LinkKind, ModbusBus, ModbusDevice
from edge.modbus.frames import Malformed, read_request
from edge.modbus.identify import exchange, identify
from edge.modbus.wire import open_wire
from edge.uplink.transport import RefusedError, Transport, UnreachedError
from evidence.segment import Rot
from evidence.segment_file import list_segments, open_segment
from gateway_firmware_py.clock import FixedSyncClock, SystemClock
from gateway_firmware_py.config.settings import Settings
from gateway_firmware_py.discovering.diagnosing import diagnose_line
from gateway_firmware_py.discovering.verdict import Cause, Diagnosis
from gateway_firmware_py.enrolment.folder import TLS, enrolment_folder
from gateway_firmware_py.errors import FirmwareError, IdentityError
from gateway_firmware_py.identity import load_key
from gateway_firmware_py.ways import ways_to_cloud

MIB = 1 << 20
LEAST_FREE_BYTES = 64 * MIB
PROBE_TIMEOUT_S = 10.0
OF_THE_LINE = frozenset({Cause.SWAPPED, Cause.WRONG_SETTINGS, Cause.NOTHING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at; `remedy` is empty when it is well."""

    name: str
    ok: bool
    what: str
    remedy: str = ""


async def examine(settings: Settings) -> AsyncIterator[Check]:
    """Yield every check, as it is done."""
    for check in _here(settings):
        yield check
    running = is_running(settings.identity.state_dir)
    for bus in settings.buses:
        async for check in _bus(bus, running=running):
            yield check
    for broker in settings.mqtt:
        is_own = (broker.host, broker.port) == settings.broker_listen
        yield (
            Check(name=f"mqtt {broker.name}", ok=True, what="the gateway's own, while it runs")
            if is_own and not running
            else await _port(f"mqtt {broker.name}", broker.host, broker.port)
        )
    for way in ways_to_cloud(settings, "-doctor"):
        yield await _cloud(way)


def is_running(state_dir: Path) -> bool:
    """Return whether a gateway holds this state directory now."""
    try:
        descriptor = os.open(state_dir / "outbox", os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _here(settings: Settings) -> Iterator[Check]:
    """Yield what can be seen on this machine alone."""
    yield _key(settings)
    yield _clock(settings)
    yield _room(settings)
    yield _outbox(settings)
    yield from _enrolment(settings)


def _key(settings: Settings) -> Check:
    try:
        key = load_key(settings.identity.key)
    except IdentityError as error:
        what, _, remedy = str(error).partition("; ")
        return Check(name="key", ok=False, what=what, remedy=remedy)
    return Check(name="key", ok=True, what=f"{key.public.to_text()} kid {key.kid.hex()}")


def _enrolment(settings: Settings) -> Iterator[Check]:
    """Yield how long the certificate is good, if this gateway was enrolled under a claim."""
    if enrolment_folder(settings.identity.state_dir).read(TLS) is None:
        return
    from gateway_firmware_py.enrolment.standing import certificate_life  # noqa: PLC0415

    name = "certificate"
    try:
        begins_s, ends_s = certificate_life(settings)
    except FirmwareError as error:
        what, _, remedy = str(error).partition("; ")
        yield Check(name=name, ok=False, what=what, remedy=remedy)
        return
    what = f"good until {datetime.fromtimestamp(ends_s, UTC):%Y-%m-%d %H:%M} UTC"
    if begins_s <= time.time() < ends_s:
        yield Check(name=name, ok=True, what=what)
        return
    remedy = "set the clock; if it is right: make a new claim, then coldwarden-gateway enrol"
    yield Check(name=name, ok=False, what=what, remedy=remedy)


def _clock(settings: Settings) -> Check:
    clock = FixedSyncClock(0) if settings.clock_vouched else SystemClock(0)
    sync, err_ms = clock.sync()
    if sync:
        return Check(name="clock", ok=True, what=f"synchronised within {err_ms} ms")
    return Check(
        name="clock",
        ok=False,
        what="the kernel's clock is not synchronised",
        remedy="run chrony or systemd-timesyncd, and see that it reaches a time server",
    )


def _room(settings: Settings) -> Check:
    state_dir = settings.identity.state_dir
    if not state_dir.is_dir():
        remedy = "run: coldwarden-gateway init"
        return Check(name="disk", ok=False, what=f"no directory {state_dir}", remedy=remedy)
    free = shutil.disk_usage(state_dir).free
    used = sum(p.stat().st_size for p in state_dir.rglob("*") if p.is_file())
    wanted = max(LEAST_FREE_BYTES, settings.outbox.max_bytes - used)
    what = f"{free // MIB} MiB free, the outbox may still take {wanted // MIB} MiB"
    remedy = "" if free >= wanted else "free some space, or lower outbox.max_mib"
    return Check(name="disk", ok=not remedy, what=what, remedy=remedy)


def _outbox(settings: Settings) -> Check:
    folder = settings.identity.state_dir / "outbox"
    if not folder.is_dir():
        return Check(name="outbox", ok=True, what="none yet")
    batches, rotten = 0, 0
    try:
        for path in list_segments(folder):
            for item in open_segment(path).walk():
                if isinstance(item, Rot):
                    rotten += 1
                else:
                    batches += hasattr(item, "payload")
    except OSError as error:
        remedy = "check the card, and who owns the state directory"
        return Check(name="outbox", ok=False, what=str(error), remedy=remedy)
    if rotten:
        what = f"{batches} batches can be read, {rotten} places are damaged"
        return Check(name="outbox", ok=False, what=what, remedy="replace the card soon")
    return Check(name="outbox", ok=True, what=f"{batches} batches can be read")


async def _bus(bus: ModbusBus, *, running: bool) -> AsyncIterator[Check]:
    line: Diagnosis | None = None  # what is wrong with the line is wrong with every device
    for device in bus.devices:
        name = f"modbus {bus.name}/{device.name}"
        if running and bus.kind is LinkKind.RTU:
            what = "the running gateway has the port; see: coldwarden-gateway status"
            yield Check(name=name, ok=True, what=what)
            continue
        try:
            if bus.kind is LinkKind.RTU:
                found = line or await diagnose_line(bus, device)
                line = found if found.cause in OF_THE_LINE else None
                if found.cause is not Cause.FINE:
                    yield Check(name=name, ok=False, what=found.what, remedy=found.remedy)
                    continue
            yield Check(name=name, ok=True, what=await _ask(bus, device))
        except EdgeError as error:
            what, _, remedy = str(error).partition("; ")
            remedy = remedy or "check power, wiring, unit number and line settings"
            yield Check(name=name, ok=False, what=what, remedy=remedy)


async def _ask(bus: ModbusBus, device: ModbusDevice) -> str:
    """Return what a device says of itself, or that it answers.

    Raises:
        EdgeError: it does not.
    """
    with suppress(EdgeError):  # many devices have no identification; then it is read from
        named = (await identify(bus, device.unit)).named()
        return ", ".join(f"{key} {text}" for key, text in named.items()) or "answers"
    spec = device.profile.points[device.points[0].name]
    wire = await open_wire(bus)
    try:
        request = read_request(device.unit, spec.table, spec.address, spec.words)
        outcome = await exchange(bus, wire, request)
    finally:
        wire.close()
    if isinstance(outcome, Malformed):
        raise UnreachableError(f"unit {device.unit}: {outcome.reason}; check the line settings")
    return f"answers at {spec.source}"


async def _port(name: str, host: str, port: int) -> Check:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port)
        writer.close()
    except (OSError, TimeoutError) as error:
        remedy = f"start the broker, or correct its host and port ({host}:{port})"
        return Check(name=name, ok=False, what=_why(error), remedy=remedy)
    return Check(name=name, ok=True, what=f"{host}:{port} accepts connections")


def _why(error: OSError | TimeoutError) -> str:
    errno = error.errno or 0  # negative when a name was not found
    return f"no connection: {os.strerror(errno) if errno > 0 else str(error) or 'no answer'}"


async def _cloud(way: Transport) -> Check:
    linked = asyncio.Event()

    async def connected() -> None:
        linked.set()

    async def inbox(_: bytes) -> None:
        """Leave what waits at the cloud to the gateway; it is sent again."""

    link = asyncio.create_task(_until_lost(way, connected, inbox), name="doctor.link")
    reached = asyncio.create_task(linked.wait(), name="doctor.reached")
    await asyncio.wait(
        {link, reached}, timeout=PROBE_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED
    )
    reached.cancel()
    name = f"cloud by {way.name.partition(' ')[0]}"
    if linked.is_set():
        check = Check(name=name, ok=True, what=f"reached by {way.name}")
    else:
        reason = link.result() if link.done() else "no answer"
        remedy = "check the network, the address and the certificates under [uplink]"
        check = Check(name=name, ok=False, what=reason, remedy=remedy)
    link.cancel()
    await asyncio.wait({link}, timeout=1)
    return check


async def _until_lost(way: Transport, connected: object, inbox: object) -> str:
    """Hold a link and return why it ended."""
    try:
        await way.run(connected, inbox)  # type: ignore[arg-type]
    except (UnreachedError, RefusedError) as error:
        return str(error)
