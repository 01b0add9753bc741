"""The keys as the registry has them now, and at no cost on the way of every batch."""

import timeit

from cloud.ingest.accept import check
from cloud.ingest.delivery import Checked, Delivery, Rejected
from cloud.ingest.keyring import PAUSE_S, Keyring
from cloud.ingest.reasons import REASONS
from device_registry.errors import StoreUnavailableError
from device_registry.records import GatewayRecord
from evidence.keys import PublicKey, SoftwareKey
from evidence.outcome import Retry
from tests.support.routes import RecordingRoute
from tests.support.signing import SigningGateway

HIT_US = 1.0


class ChangingSource:
    """A registry whose gateways and keys change under its readers; counts what it is asked."""

    def __init__(self, *gateways: SigningGateway) -> None:
        self.asked = 0
        self.is_away = False
        self.records: dict[str, GatewayRecord] = {}
        for gateway in gateways:
            self.enrol(gateway)

    def enrol(self, gateway: SigningGateway) -> None:
        """Add a key to its gateway, which keeps its older ones."""
        before = self.records.get(gateway.id)
        keys = (before.keys if before else ()) + (gateway.key.public,)
        self.records[gateway.id] = GatewayRecord(
            id=gateway.id, site=gateway.site, keys=keys, heartbeat_s=60
        )

    def gateway(self, gateway: str) -> GatewayRecord | None:
        self._ask()
        return self.records.get(gateway)

    def _ask(self) -> None:
        self.asked += 1
        if self.is_away:
            raise StoreUnavailableError("postgresql://registry", "no answer", "start it")

    def gateway_by_kid(self, kid: bytes) -> tuple[GatewayRecord, PublicKey] | None:
        self._ask()
        for record in self.records.values():
            for key in record.keys:
                if key.kid == kid:
                    return record, key
        return None


def _accepts(batch: bytes, keyring: Keyring) -> bool:
    result = check(Delivery(batch, "https", RecordingRoute("gw-demo-01")), keyring)
    return isinstance(result, Checked)


def test_a_key_enrolled_while_running_is_met_with_its_first_batch() -> None:
    source, gateway = ChangingSource(), SigningGateway()
    keyring = Keyring(source)
    assert not _accepts(gateway.batch(), keyring)
    assert not keyring.knows_gateway(gateway.id)
    source.enrol(gateway)
    assert _accepts(gateway.batch(), keyring)
    assert keyring.knows_gateway(gateway.id)


def test_a_superseded_key_still_brings_in_its_backlog_beside_the_new_one() -> None:
    gateway = SigningGateway()
    source = ChangingSource(gateway)
    keyring = Keyring(source)
    backlog = gateway.batches(2)
    assert _accepts(backlog[0], keyring)
    gateway.key = SoftwareKey(-9, bytes(31) + b"\x07")
    source.enrol(gateway)
    keyring.forget()
    assert _accepts(gateway.batch(), keyring)
    assert _accepts(backlog[1], keyring)


def test_a_gateway_that_moved_must_sign_for_its_new_site() -> None:
    gateway = SigningGateway()
    source = ChangingSource(gateway)
    keyring = Keyring(source)
    assert _accepts(gateway.batch(), keyring)
    assert keyring.site_of(gateway.id) == "chs-001"
    gateway.site = "chs-002"
    source.records.clear()
    source.enrol(gateway)
    keyring.forget()
    assert _accepts(gateway.batch(), keyring)
    assert keyring.site_of(gateway.id) == "chs-002"
    gateway.site = "chs-001"
    result = check(Delivery(gateway.batch(), "https", RecordingRoute("gw-demo-01")), keyring)
    assert isinstance(result, Rejected)
    assert result.code == "binding"


def test_a_change_of_one_gateway_costs_the_others_nothing() -> None:
    gateways = [SigningGateway("gw-demo-01", 1), SigningGateway("gw-demo-02", 2)]
    source = ChangingSource(*gateways)
    keyring = Keyring(source)
    kids = [gateway.key.kid for gateway in gateways]
    for kid in kids:
        keyring.find(kid)
    gateways[0].site = "chs-002"
    del source.records["gw-demo-01"]
    source.enrol(gateways[0])
    keyring.forget(frozenset({"gw-demo-01"}))
    asked = source.asked
    sites = [known.site for kid in kids if (known := keyring.find(kid)) is not None]
    assert sites == ["chs-002", "chs-001"]
    assert source.asked == asked + 1


def test_an_answer_from_before_a_change_does_not_outlive_it() -> None:
    gateway = SigningGateway()

    class Slow(ChangingSource):
        def gateway_by_kid(self, kid: bytes) -> tuple[GatewayRecord, PublicKey] | None:
            found = super().gateway_by_kid(kid)
            if self.asked == 1:  # the registry changes while the answer is on its way
                gateway.site = "chs-002"
                self.records.clear()
                self.enrol(gateway)
                keyring.forget()
            return found

    source = Slow(gateway)
    keyring = Keyring(source)
    assert keyring.find(gateway.key.kid) is not None
    known = keyring.find(gateway.key.kid)
    assert known is not None
    assert known.site == "chs-002"


def test_a_registry_that_is_away_stops_nobody_who_was_heard_before() -> None:
    gateway = SigningGateway()
    source = ChangingSource(gateway)
    keyring = Keyring(source)
    assert _accepts(gateway.batch(), keyring)
    source.is_away = True
    asked = source.asked
    assert _accepts(gateway.batch(), keyring)
    assert keyring.site_of(gateway.id) == "chs-001"
    assert source.asked == asked
    assert not keyring.is_away  # nobody had to ask


def test_a_registry_that_is_away_is_not_the_gateways_fault_and_seldom_asked() -> None:
    now_s = 1000.0
    gateway = SigningGateway()
    source = ChangingSource(gateway)
    source.is_away = True
    keyring = Keyring(source, lambda: now_s)
    for _ in range(10):
        result = check(
            Delivery(gateway.batch(), "https", RecordingRoute("gw-demo-01")), keyring
        )
        assert isinstance(result, Rejected)
        assert (result.code, REASONS[result.code].retry) == ("registry-away", Retry.LATER)
        assert not keyring.knows_gateway(gateway.id)
    assert source.asked == 1
    source.is_away = False
    now_s += PAUSE_S
    assert _accepts(gateway.batch(), keyring)


def test_a_known_key_is_found_without_asking_within_a_microsecond() -> None:
    gateways = [SigningGateway(f"gw-demo-{n:02d}", n) for n in range(1, 30)]
    source = ChangingSource(*gateways)
    keyring = Keyring(source)
    kids = [gateway.key.kid for gateway in gateways]
    for kid in kids:
        keyring.find(kid)
    asked = source.asked

    def find_all() -> None:
        for kid in kids:
            keyring.find(kid)

    # The best of many: other work on the machine only makes it longer.
    best_s = min(timeit.repeat(find_all, number=100, repeat=50))
    assert best_s / 100 / len(kids) * 1e6 < HIT_US
    assert source.asked == asked
