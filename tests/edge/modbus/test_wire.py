"""Opening lines: what is tried, and what an operator is told."""

import asyncio
import errno
import select
import socket
import threading
from dataclasses import replace

import pytest

from edge.errors import UnreachableError
from edge.modbus import wire as module
from edge.modbus.errors import LineLostError
from edge.modbus.wire import MAX_EMPTY_READS, RtuWire, TcpWire, open_wire
from tests.support.modbus_builders import device, rtu_bus, spec, tcp_bus
from tests.support.modbus_peer import pty_peer, tcp_peer
from tests.support.ports import free_port
from tests.support.wait import until

DEVICE = device([spec(0)])


async def test_a_numeric_address_needs_no_thread() -> None:
    before = threading.active_count()
    port = free_port()
    async with tcp_peer(port):
        (await open_wire(tcp_bus(port, DEVICE))).close()
    assert threading.active_count() == before


async def test_every_address_of_a_name_is_tried() -> None:
    port = free_port()
    async with tcp_peer(port):  # listens on 127.0.0.1 only; the name may mean ::1 first
        bus = tcp_bus(port, DEVICE)
        line = await open_wire(replace(bus, host="localhost"))
        line.close()


async def test_a_name_that_means_nothing_is_told() -> None:
    bus = tcp_bus(502, DEVICE)
    with pytest.raises(
        UnreachableError, match=r"cannot connect to no\.such\.host\.invalid:502"
    ):
        await open_wire(replace(bus, host="no.such.host.invalid"))


async def test_a_host_that_does_not_answer_is_given_up() -> None:
    """A listener whose queue is full lets a connection wait, as a dead host does."""
    with socket.socket() as listener, socket.socket() as filler, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for sock in (filler, second):
            sock.settimeout(0)
            assert sock.connect_ex(("127.0.0.1", port)) in {0, errno.EINPROGRESS}
        with pytest.raises(UnreachableError, match=r"no connection within 3 s; check address"):
            await open_wire(tcp_bus(port, DEVICE))


async def test_a_cancelled_attempt_leaves_no_socket_behind() -> None:
    with socket.socket() as listener, socket.socket() as filler, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for sock in (filler, second):
            sock.settimeout(0)
            sock.connect_ex(("127.0.0.1", port))
        attempt = asyncio.ensure_future(open_wire(tcp_bus(port, DEVICE)))
        await asyncio.sleep(0)
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt


async def test_a_socket_that_takes_no_more_is_a_lost_line() -> None:
    near, far = socket.socketpair()
    near.settimeout(0)
    line = TcpWire(near)

    def flood() -> None:
        for _ in range(1000):
            line.write(bytes(65_536))

    with far, pytest.raises(LineLostError):
        flood()
    line.close()


async def test_nothing_to_read_is_nothing_and_the_end_is_a_lost_line() -> None:
    near, far = socket.socketpair()
    near.settimeout(0)
    line = TcpWire(near)
    assert line.read() == b""
    far.send(b"x")
    assert line.read() == b"x"
    far.close()
    with pytest.raises(LineLostError, match="closed by the device"):
        line.read()
    line.close()


async def test_the_silence_before_a_request_follows_the_baud_rate() -> None:
    async with pty_peer() as (_, near, _end):
        for baud, gap_s in ((9600, 35 / 9600), (19_200, 35 / 19_200), (115_200, 0.00175)):
            line = await open_wire(rtu_bus(near, DEVICE, baud=baud))
            assert isinstance(line, RtuWire)
            assert line.gap_s == pytest.approx(gap_s)
            line.close()


async def test_what_came_before_a_request_is_thrown_away_with_it() -> None:
    async with pty_peer() as (_, near, end):
        line = await open_wire(rtu_bus(near, DEVICE))
        end.send(b"late")
        await until(lambda: select.select([line.fileno()], [], [], 0)[0])
        line.write(b"")
        assert line.read() == b""
        line.close()


async def test_a_port_that_reads_empty_again_and_again_is_gone() -> None:
    async with pty_peer() as (_, near, _end):
        line = await open_wire(rtu_bus(near, DEVICE))
        for _ in range(MAX_EMPTY_READS):
            assert line.read() == b""
        with pytest.raises(LineLostError, match="serial port lost"):
            line.read()
        line.close()


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EACCES, "add this user to group dialout"),
        (errno.ENODEV, "plug the adapter in"),
        (errno.EAGAIN, "another program has it open"),
        (errno.EIO, "check `device`, baud and parity"),
    ],
)
def test_a_port_that_cannot_be_opened_carries_the_remedy(number: int, remedy: str) -> None:
    error = module._unusable(rtu_bus("/dev/ttyUSB0", DEVICE), OSError(number, "no"))
    assert remedy in str(error)
    assert "/dev/ttyUSB0" in str(error)
