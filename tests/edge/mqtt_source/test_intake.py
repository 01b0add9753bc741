"""What becomes of a publication: a row at its arrival, or a count, and never an exception."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.quality import Quality
from edge.mqtt_source.config import Format
from edge.mqtt_source.intake import MAX_AGE_MS, Arrival, Intake
from tests.edge.mqtt_source.builders import device
from tests.support.edge_fakes import CollectingSink

FRIDGE = device(Format.ZIGBEE2MQTT, "zigbee2mqtt/fridge", "temperature", "humidity")
OTHER = device(Format.ZIGBEE2MQTT, "zigbee2mqtt/other", "temperature", first=7)
SHELLY = device(Format.SHELLY, "shelly", "temperature", first=9)
TOPIC = FRIDGE.topic
WALL_MS = 1_700_000_000_000
BOTH = {"temperature": 4.3, "humidity": 51.2}


@pytest.fixture
def sink() -> CollectingSink:
    return CollectingSink()


@pytest.fixture
def intake(sink: CollectingSink) -> Intake:
    return Intake([FRIDGE, OTHER, SHELLY], sink)


def publish(
    intake: Intake, topic: str, said: object, at_ms: int = 5_000, *, retained: bool = False
) -> None:
    payload = said if isinstance(said, bytes) else json.dumps(said).encode()
    intake.message(topic, payload, Arrival(at_ms, WALL_MS + at_ms), retained=retained)


def test_a_message_is_one_row_at_its_arrival(intake: Intake, sink: CollectingSink) -> None:
    publish(intake, TOPIC, BOTH)
    (row,) = sink.rows
    assert (row[0].channels, row[1], row[2]) == ((1, 2), 5_000, (430, 5120))


def test_the_frame_of_a_device_is_always_the_same_object(
    intake: Intake, sink: CollectingSink
) -> None:
    publish(intake, TOPIC, BOTH)
    publish(intake, TOPIC, BOTH, 6_000)
    assert sink.rows[0][0] is sink.rows[1][0]


def test_a_part_of_the_points_is_rows_of_that_part(
    intake: Intake, sink: CollectingSink
) -> None:
    publish(intake, TOPIC, {"humidity": 50})
    assert [(row[0].channels, row[2]) for row in sink.rows] == [((2,), (5000,))]


def test_two_messages_in_one_millisecond_are_told_apart(
    intake: Intake, sink: CollectingSink
) -> None:
    publish(intake, TOPIC, BOTH)
    publish(intake, TOPIC, {"humidity": 50})
    assert [row[1] for row in sink.rows] == [5_000, 5_001]


def test_a_retained_message_is_no_reading(intake: Intake, sink: CollectingSink) -> None:
    publish(intake, TOPIC, BOTH, retained=True)
    assert not sink.rows
    assert intake.counts.retained == 1


def test_a_repeat_is_known_by_the_devices_own_stamp(
    intake: Intake, sink: CollectingSink
) -> None:
    said = {**BOTH, "last_seen": WALL_MS}
    publish(intake, TOPIC, said)
    publish(intake, TOPIC, said, 6_000)
    publish(intake, TOPIC, {**said, "temperature": 4.4}, 7_000)
    publish(intake, TOPIC, BOTH, 8_000)
    publish(intake, TOPIC, BOTH, 9_000)
    assert [row[1] for row in sink.rows] == [5_000, 7_000, 8_000, 9_000]
    assert intake.counts.repeated == 1


def test_a_report_kept_from_before_is_dropped_when_the_clock_is_set(
    intake: Intake, sink: CollectingSink
) -> None:
    old = {**BOTH, "last_seen": WALL_MS + 5_000 - MAX_AGE_MS - 1}
    publish(intake, TOPIC, old)
    assert (len(sink.rows), intake.counts.stale) == (0, 1)
    intake.message(TOPIC, json.dumps(old).encode(), Arrival(5_000, None), retained=False)
    assert len(sink.rows) == 1


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"7", b"\xff"])
def test_a_malformed_message_is_counted_and_disturbs_nothing(
    intake: Intake, sink: CollectingSink, payload: bytes
) -> None:
    publish(intake, TOPIC, payload)
    publish(intake, OTHER.topic, {"temperature": 5})
    assert (intake.counts.malformed, sink.good(7)) == (1, [500])
    assert FRIDGE.name in intake.counts.last_malformed


def test_what_says_nothing_of_our_points_is_counted_apart(intake: Intake) -> None:
    publish(intake, TOPIC, {"linkquality": 120})
    publish(intake, "somebody/else", BOTH)
    assert (intake.counts.empty, intake.counts.unknown_topic) == (1, 1)


def test_a_device_that_goes_offline_gives_one_row_without_values(
    intake: Intake, sink: CollectingSink
) -> None:
    for at_ms, said in enumerate([b"online", b"offline", b"offline", b"online", b"offline"]):
        publish(intake, f"{TOPIC}/availability", said, at_ms)
    assert [row[1:] for row in sink.rows] == [
        (1, (0, 0), (Quality.TIMEOUT, Quality.TIMEOUT)),
        (4, (0, 0), (Quality.TIMEOUT, Quality.TIMEOUT)),
    ]


def test_presence_may_be_retained(intake: Intake, sink: CollectingSink) -> None:
    publish(intake, f"{TOPIC}/availability", {"state": "offline"}, retained=True)
    assert sink.qualities(1) == [Quality.TIMEOUT]


def test_the_bridge_speaks_for_all_its_devices(intake: Intake, sink: CollectingSink) -> None:
    publish(intake, "zigbee2mqtt/bridge/state", {"state": "offline"})
    assert [row[0].channels for row in sink.rows] == [(1, 2), (7,)]
    assert "zigbee2mqtt/bridge/state" in intake.topics


def test_silence_is_a_row_for_each_span_it_lasts(sink: CollectingSink) -> None:
    intake = Intake([replace(FRIDGE, silent_after_s=60)], sink)
    intake.tick(0)
    publish(intake, TOPIC, BOTH, 30_000)
    for at_ms in (60_000, 89_999, 90_000, 100_000, 150_000):
        intake.tick(at_ms)
    assert [row[1] for row in sink.rows] == [30_000, 90_000, 150_000]
    assert intake.counts.missed == 2


def test_a_sleeper_is_missed_after_two_of_the_spans_it_announced(
    intake: Intake, sink: CollectingSink
) -> None:
    params = {"ts": 1, "temperature:0": {"tC": 4}, "sys": {"wakeup_period": 600}}
    publish(intake, "shelly/events/rpc", {"method": "NotifyFullStatus", "params": params}, 0)
    intake.tick(1_199_999)
    assert sink.qualities(9) == [0]
    intake.tick(1_200_000)
    assert sink.qualities(9) == [0, Quality.TIMEOUT]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([TOPIC, f"{TOPIC}/availability", "shelly/events/rpc", "x"]),
            st.binary(max_size=40)
            | st.sampled_from([b'{"temperature":4}', b'{"humidity":4}', b"offline", b"online"]),
            st.integers(0, 3),
            st.booleans(),
        )
    )
)
def test_any_traffic_keeps_the_contract_of_the_sink(
    traffic: list[tuple[str, bytes, int, bool]],
) -> None:
    sink = CollectingSink()  # checks each row: as wide as its frame, times that grow
    intake = Intake([FRIDGE, OTHER, SHELLY], sink)
    now_ms = 0
    for topic, payload, later_ms, retained in traffic:
        now_ms += later_ms
        intake.message(topic, payload, Arrival(now_ms), retained=retained)
        intake.tick(now_ms)
    assert intake.counts.rows == len(sink.rows)
