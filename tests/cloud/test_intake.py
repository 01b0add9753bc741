"""The intake: bounded, in order for each gateway, nothing lost on the way to the sequencer."""

import threading

from cloud.ingest.delivery import Checked, Delivery, Rejected
from cloud.ingest.intake import HELD_BATCHES, HELD_BYTES, Intake, Outlets
from cloud.ingest.keyring import Keyring
from tests.support.routes import RecordingRoute
from tests.support.signing import SigningGateway, registry_of

GATEWAYS = [SigningGateway(f"gw-demo-{n:02}", n + 1) for n in range(8)]
KEYRING = Keyring(registry_of(*GATEWAYS))


class Sink:
    """Takes what the workers hand on."""

    def __init__(self) -> None:
        self.checked: list[Checked] = []
        self.rejected: list[Rejected] = []
        self._lock = threading.Lock()

    def outlets(self) -> Outlets:
        return Outlets(checked=self._take, rejected=self.rejected.append)

    def _take(self, checked: list[Checked]) -> None:
        with self._lock:
            self.checked += checked


def _delivery(gateway: SigningGateway, data: bytes) -> Delivery:
    return Delivery(data, "mqtt", RecordingRoute(gateway.id))


def test_each_gateways_batches_keep_their_order_on_two_workers() -> None:
    sink = Sink()
    intake = Intake(KEYRING, sink.outlets(), workers=2)
    intake.start()
    for _ in range(30):
        for gateway in GATEWAYS:
            assert intake.offer([_delivery(gateway, gateway.batch())])
    intake.stop()
    assert len(sink.checked) == 30 * len(GATEWAYS)
    for gateway in GATEWAYS:
        mine = [c.body.seq for c in sink.checked if c.key.gateway == gateway.id]
        assert mine == sorted(mine)


def test_a_rejected_batch_gives_its_room_back() -> None:
    sink = Sink()
    intake = Intake(KEYRING, sink.outlets())
    intake.start()
    for _ in range(100):
        intake.offer([_delivery(GATEWAYS[0], b"garbage")])
    intake.stop()
    assert len(sink.rejected) == 100
    assert intake.held == 0


def test_more_than_the_bound_is_not_taken_until_room_is_given_back() -> None:
    intake = Intake(KEYRING, Sink().outlets())
    one = [_delivery(GATEWAYS[0], b"x")]
    for _ in range(HELD_BATCHES):
        assert intake.offer(one)
    assert not intake.offer(one)
    assert intake.counts["slow"] == 1
    intake.release(one)
    assert intake.offer(one)


def test_the_bytes_held_are_bounded_too() -> None:
    intake = Intake(KEYRING, Sink().outlets())
    big = [_delivery(GATEWAYS[0], bytes(1 << 20)) for _ in range(4)]
    for _ in range(HELD_BYTES // (4 << 20)):
        assert intake.offer(big)
    assert not intake.offer(big)
