"""Random deliveries against a plain model: stored once, every receipt true, restarts unseen."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from evidence.outcome import is_receipt
from evidence.record import RecordKind
from tests.support.routes import RecordingRoute
from tests.support.sequencing import Cloud, receipt
from tests.support.signing import SigningGateway


class Deliveries(RuleBasedStateMachine):
    """Two gateways whose batches come late, twice, in any order, or not at all."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cw-model-"))
        self.gateways = [SigningGateway(), SigningGateway("gw-demo-02", 2)]
        for gateway in self.gateways:
            gateway.lowest_held = (gateway.epoch, 0)  # whoever restarts frees nothing
        self.cloud = Cloud(self.folder, self.gateways)
        self.made: list[tuple[SigningGateway, bytes]] = []
        self.delivered: set[bytes] = set()
        self.proven: set[tuple[str, bytes, int]] = set()
        self.epochs = 1

    @rule(who=st.integers(0, 1), count=st.integers(1, 4))
    def seal(self, who: int, count: int) -> None:
        gateway = self.gateways[who]
        self.made += [(gateway, gateway.batch()) for _ in range(count)]

    @rule(who=st.integers(0, 1))
    def restart_gateway(self, who: int) -> None:
        gateway = self.gateways[who]
        if gateway.seq:
            self.epochs += 1
            gateway.new_epoch(self.epochs, (gateway.epoch, gateway.seq - 1))

    @rule(picks=st.lists(st.integers(0, 10_000), min_size=1, max_size=12), waits=st.booleans())
    def deliver(self, picks: list[int], waits: bool) -> None:  # noqa: FBT001
        if not self.made:
            return
        routes = {g.id: RecordingRoute(g.id) for g in self.gateways}
        for pick in picks:
            gateway, batch = self.made[pick % len(self.made)]
            self.cloud.deliver(batch, route=routes[gateway.id])
            self.delivered.add(batch)
        self.cloud.sequencer.step()
        if waits:
            self.cloud.hands.pass_s(1)
            self.cloud.sequencer.step()
        for gateway in self.gateways:
            self._believe(gateway, routes[gateway.id])

    @rule()
    def segment_is_full(self) -> None:
        self.cloud.hands.pass_s(1)
        self.cloud.sequencer.step()
        self.cloud.sequencer.save()

    @rule()
    def crash_and_start(self) -> None:
        self.cloud.restart()

    @invariant()
    def every_delivered_batch_is_stored_once(self) -> None:
        if not hasattr(self, "cloud"):
            return
        records = self.cloud.reader.read_records(0, 1_000_000)
        stored = [r.raw for r in records if r.kind == RecordKind.BATCH]
        assert len(stored) == len(set(stored))
        assert set(stored) == self.delivered

    @invariant()
    def an_honest_gateway_is_never_accused(self) -> None:
        if hasattr(self, "cloud"):
            assert self.cloud.findings() == []

    def teardown(self) -> None:
        if not hasattr(self, "cloud"):
            return
        self.cloud.hands.pass_s(1)
        self.cloud.sequencer.step()
        report = self.cloud.verify()
        assert report.passed, report
        self.cloud.stream.close()
        shutil.rmtree(self.folder)

    def _believe(self, gateway: SigningGateway, route: RecordingRoute) -> None:
        for message in route.take():
            assert is_receipt(message)
            proven = receipt(message, gateway)
            gateway.checkpoint = (proven.size, proven.root)
            for run in proven.runs:
                for seq in range(run.lo, run.hi + 1):
                    assert gateway.sent[run.epoch, seq] in self.delivered


Deliveries.TestCase.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)
test_random_deliveries = Deliveries.TestCase
