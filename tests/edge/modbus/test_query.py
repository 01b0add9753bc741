"""Answers become rows."""

from domain.profiles.model import Decoder, RegisterTable
from domain.quality import Quality
from edge.modbus.plan import PlannedPoint, plan_reads
from edge.modbus.query import BitBlock, Query, line_ms
from tests.support.modbus_builders import device, rtu_bus, spec, tcp_bus


def query_of(*specs: tuple[int, Decoder]) -> Query:
    wanted = [spec(a, d, band=(-400, 800), error_values={0x7FFF}) for a, d in specs]
    points = [PlannedPoint(channel=10 + i, spec=s) for i, s in enumerate(wanted)]
    (read,) = plan_reads(points, max_hole=10)
    return Query(tcp_bus(502, device(wanted)), 1, 1000, read)


def test_a_row_has_a_value_for_each_channel_of_its_frame() -> None:
    query = query_of((1, Decoder.S16), (0, Decoder.U16), (4, Decoder.S16))
    assert query.frame.channels == (11, 10, 12), "in order of address"
    assert query.frame.exps == (-1, -1, -1)
    values, quality = query.decode(bytes.fromhex("0292 ff9b 0000 0000 0010"))
    assert (tuple(values), quality) == ((658, -101, 16), None)


def test_error_values_and_values_out_of_range_are_marked() -> None:
    query = query_of((0, Decoder.S16), (1, Decoder.S16), (2, Decoder.S16))
    values, quality = query.decode(bytes.fromhex("7fff 0321 0320"))
    assert tuple(values) == (0, 801, 800)
    assert quality is not None
    assert tuple(quality) == (Quality.SENSOR_ERROR, Quality.OUT_OF_RANGE, Quality.GOOD)


def test_bits_come_lowest_address_first() -> None:
    bits = [spec(a, Decoder.BIT, RegisterTable.DISCRETE) for a in (3, 10, 12)]
    assert BitBlock(bits, 3).decode(b"\x81\x02") == ([1, 1, 1], None)
    assert BitBlock(bits, 3).decode(b"\x80\x00") == ([0, 1, 0], None)


def test_a_serial_line_is_given_the_time_that_its_bytes_need() -> None:
    slow = rtu_bus("/dev/null", device([spec(a) for a in range(100)]), baud=9600)
    (read,) = plan_reads(
        [PlannedPoint(channel=a, spec=spec(a)) for a in range(100)], max_hole=0
    )
    query = Query(slow, 1, 1000, read)
    assert line_ms(slow, query.request) == 222  # 213 characters of 10 bits
    assert query.patience_ms == slow.timeout_ms + 222
    assert line_ms(tcp_bus(502, device([spec(0)])), query.request) == 0
