"""What a status page learns about a bus."""

from edge.modbus.status import Tally
from tests.support.modbus_builders import device, spec, tcp_bus

BUS = tcp_bus(
    502,
    device([spec(0)], unit=1, first_channel=1),
    device([spec(0)], unit=2, first_channel=2),
)


def test_a_bus_that_has_done_nothing_says_so() -> None:
    status = Tally(BUS).snapshot(0)
    assert (status.name, status.where) == ("bus-502", "127.0.0.1:502")
    assert not status.is_up
    assert status.fault == "not opened yet"
    assert {d.fault for d in status.devices} == {"not asked yet"}


def test_a_fault_is_told_until_the_next_answer() -> None:
    tally = Tally(BUS)
    tally.answered(0, 1000)
    tally.timed_out(1)
    tally.timed_out(1)
    first, second = tally.snapshot(0).devices
    assert (first.fault, first.last_answer_ms) == ("", 1000)
    assert second.fault.startswith(
        "unit 2 did not answer 2 polls within 2000 ms; check its power"
    )
    tally.refused(0, "exception 4 (device failure)")
    tally.answered(1, 2000)
    first, second = tally.snapshot(0).devices
    assert first.fault == "exception 4 (device failure)"
    assert first.last_answer_ms == 1000, "when it last answered is not forgotten"
    assert second.fault == ""
    tally.timed_out(1)
    assert "did not answer 1 polls" in tally.snapshot(0).devices[1].fault


def test_every_end_of_a_poll_is_counted_in_its_own_place() -> None:
    tally = Tally(BUS)
    tally.polls = 4
    tally.answered(0, 1)
    tally.refused(0, "x")
    tally.timed_out(0)
    tally.cut_off(0, "connection lost")
    tally.strays = 2
    status = tally.snapshot(3)
    assert (status.answers, status.exceptions, status.timeouts) == (1, 1, 2)
    assert status.strays == 5, "those of the open line included"
    assert status.devices[0].fault == "connection lost"
