"""A rejected batch: kept, answered, acknowledged, and reported without flooding the archive."""

from pathlib import Path

import pytest

from cloud.archive.finding import BAD_SIGNATURE, WRONG_ROUTE, FindingRecord
from cloud.ingest.accept import check
from cloud.ingest.answers import Answers
from cloud.ingest.delivery import Delivery, Rejected
from cloud.ingest.keyring import Keyring
from cloud.ingest.quarantine import Quarantine
from cloud.ingest.reasons import REASONS
from cloud.ingest.rejections import FINDING_EVERY_MS, Rejections
from evidence.outcome import Refusal
from tests.support.routes import RecordingRoute
from tests.support.sequencing import CONTROL_KEY, control
from tests.support.signing import SigningGateway, registry_of, spoiled

GATEWAY = SigningGateway()
SPOILED = spoiled(GATEWAY.batch())
KEYRING = Keyring(registry_of(GATEWAY))


class Desk:
    """Rejections with a clock moved by hand."""

    def __init__(self, folder: Path) -> None:
        self.now_ms = 1_000_000
        self.findings: list[FindingRecord] = []
        self.quarantine = Quarantine(folder, ring_bytes=640)
        answers = Answers(CONTROL_KEY, KEYRING)
        self.rejections = Rejections(
            self.quarantine, answers, self.findings.append, lambda: self.now_ms
        )

    def take(self, data: bytes, gateway: str = GATEWAY.id) -> RecordingRoute:
        route = RecordingRoute(gateway)
        rejected = check(Delivery(data, "mqtt", route, route.committed), KEYRING)
        assert isinstance(rejected, Rejected)
        self.rejections.take(rejected)
        return route


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_refusal_names_the_batch_by_its_hash_and_what_to_do(desk: Desk) -> None:
    route = desk.take(SPOILED)
    refusal = control(route.messages[0], GATEWAY)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.retry) == ("signature", REASONS["signature"].retry)
    assert (refusal.epoch, refusal.seq) == (GATEWAY.epoch, 0)
    assert (route.settled, route.acknowledged) == (1, 1)


def test_the_same_offence_is_reported_once_an_hour(desk: Desk) -> None:
    for _ in range(100):
        desk.take(SPOILED)
    assert [f.kind for f in desk.findings] == [BAD_SIGNATURE]
    desk.now_ms += FINDING_EVERY_MS
    desk.take(SPOILED)
    assert len(desk.findings) == 2
    assert desk.quarantine.counts["signature"] == 101


def test_another_offence_of_the_same_key_is_reported_too(desk: Desk) -> None:
    desk.take(SPOILED)
    desk.take(GATEWAY.sent[GATEWAY.epoch, 0], "gw-other")
    assert [f.kind for f in desk.findings] == [BAD_SIGNATURE, WRONG_ROUTE]


def test_a_stranger_gets_no_answer_and_makes_no_finding(desk: Desk) -> None:
    route = desk.take(SigningGateway("gw-nobody", 9).batch(), "gw-nobody")
    assert (route.messages, route.acknowledged) == ([], 1)
    assert desk.findings == []
    assert desk.quarantine.unknown_seen == 1


def test_every_reason_says_what_and_the_remedy() -> None:
    for code, reason in REASONS.items():
        assert reason.what, code
        assert reason.remedy, code
        assert len(code.encode()) <= 32
