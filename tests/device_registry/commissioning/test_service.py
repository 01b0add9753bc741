"""From the registry's rows to a gateway in service, in one change and once."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from device_registry.commissioning.document import Document, Signature, sha256_of
from device_registry.commissioning.errors import CommissioningError, NotPassedError
from device_registry.commissioning.facts import (
    AlarmFacts,
    ReadingFacts,
    Recipient,
    Warmed,
)
from device_registry.commissioning.gathering import Seen, gather
from device_registry.commissioning.report import Heading, build
from device_registry.commissioning.review import Review, review
from device_registry.commissioning.service import commission
from device_registry.store.store import RegistryStore
from domain.gsp.space import SpaceKind
from domain.profiles.model import PointClass
from tests.support.job_world import NOON_MS, POINTS_AT_5, SITE, job_world
from tests.support.registry_world import POINT, ROOT, changing

GATEWAY = "gw-new"
SEEN = Seen(
    readings={
        "new-t": ReadingFacts(
            quantity="temperature", unit="Cel", value=Decimal("5.2"), age_s=12
        )
    },
    proofs={"new-t": Warmed(before=Decimal("5.2"), after=Decimal("8.0"))},
    clock_offset_ms=120,
    power_loss_noticed=True,
    alarm=AlarmFacts(
        recipients=(Recipient(name="王芳", phone_verified=True, reached=True),), local=True
    ),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RegistryStore]:
    with job_world(tmp_path) as opened:
        with changing(opened, 2_000) as change:
            change.put("sensor", "spare-1", profile="XY-MD02@1")
            change.put(
                "point",
                "new-t",
                site=SITE,
                place="fridge-1",
                gateway=GATEWAY,
                channel=1,
                sensor="spare-1",
                height_m=0.8,
                state="planned",
                **POINT,
            )
        yield opened


def reviewed(store: RegistryStore, seen: Seen = SEEN) -> tuple[Review, Document]:
    facts = gather(store, GATEWAY, seen, NOON_MS)
    found = review(facts)
    heading = Heading(id="r-1", at_ms=NOON_MS, technician="赵工", account="zhao")
    return found, build(heading, facts, found)


def signed(document: Document) -> tuple[Signature, ...]:
    return tuple(
        Signature(
            part=part,
            name="王芳",
            at_ms=NOON_MS,
            meaning="signature.accepted",
            document_sha256=sha256_of(document),
        )
        for part in ("technician", "customer")
    )


def state(store: RegistryStore, kind: str, id_: str) -> str:
    row = store.get(kind, id_)
    assert row is not None
    return row.text("state")


def test_facts_come_from_the_rows(store: RegistryStore) -> None:
    facts = gather(store, GATEWAY, SEEN, NOON_MS)
    (point,) = facts.points
    assert facts.site.subject_class == "retail"
    assert facts.today.isoformat() == "2026-11-22"
    assert facts.gateway.has_ups
    assert facts.places[0].space.kind is SpaceKind.REFRIGERATOR
    assert point.position.height_m == Decimal("0.8")
    assert point.sensor is not None
    assert (point.sensor.low, point.sensor.high) == (Decimal(-40), Decimal(125))
    assert point.sensor.certificate is not None
    assert point.sensor.certificate.number == "JZ-1"
    assert len(point.sensor.certificate.points) == len(POINTS_AT_5)


def test_a_controllers_profile_makes_its_point_equipment(store: RegistryStore) -> None:
    with changing(store, 3_000) as change:
        change.put("sensor", "spare-1", profile="EKC202B@1")
    (point,) = gather(store, GATEWAY, SEEN, NOON_MS).points
    assert point.sensor is not None
    assert point.sensor.device_class is PointClass.EQUIPMENT
    assert "suitability.equipment" in {f.key for f in reviewed(store)[0].refusals}


def test_a_passed_and_signed_report_puts_everything_into_service(store: RegistryStore) -> None:
    found, document = reviewed(store)
    assert [f.key for f in found.refusals] == []
    row = commission(store, ROOT, document, signed(document), NOON_MS)
    assert row.text("sha256") == sha256_of(document)
    assert state(store, "point", "new-t") == "in_service"
    assert state(store, "gateway", GATEWAY) == "in_service"
    assert [r.text("state") for r in store.history("gateway", GATEWAY)] == [
        "enrolled",
        "commissioned",
        "in_service",
    ]
    assert store.count("task") == 0


def test_a_report_sent_twice_is_applied_once(store: RegistryStore) -> None:
    _, document = reviewed(store)
    first = commission(store, ROOT, document, signed(document), NOON_MS)
    after = store.revision()
    assert commission(store, ROOT, document, signed(document), NOON_MS + 5) == first
    assert store.revision() == after


def test_a_warning_becomes_a_task_of_the_site(store: RegistryStore) -> None:
    with changing(store, 3_000) as change:
        change.end("facility", "ups-1")
    _, document = reviewed(store)
    commission(store, ROOT, document, signed(document), NOON_MS)
    (task,) = store.find("task", where={"site": SITE})
    assert task.text("reason") == "power.no_ups"
    assert task.text("title_zh").startswith("未登记不间断电源")


def test_what_is_refused_is_not_put_into_service(store: RegistryStore) -> None:
    before = store.revision()
    found, document = reviewed(store, replace(SEEN, proofs={}))
    assert [f.key for f in found.refusals] == ["proof.absent"]
    with pytest.raises(NotPassedError):
        commission(store, ROOT, document, signed(document), NOON_MS)
    assert store.revision() == before


def test_a_point_added_after_the_review_is_not_slipped_in(store: RegistryStore) -> None:
    _, document = reviewed(store)
    with changing(store, 3_000) as change:
        change.put(
            "point", "late", site=SITE, gateway=GATEWAY, channel=7, state="planned", **POINT
        )
    with pytest.raises(CommissioningError, match="review again"):
        commission(store, ROOT, document, signed(document), NOON_MS)
    assert state(store, "gateway", GATEWAY) == "enrolled"


def test_a_gateway_that_never_enrolled_is_not_commissioned(store: RegistryStore) -> None:
    with changing(store, 3_000) as change:
        change.put("gateway", "gw-raw", site=SITE, state="claimed")
        change.put("point", "new-t", gateway="gw-raw")
    facts = gather(store, "gw-raw", SEEN, NOON_MS)
    heading = Heading(id="r-2", at_ms=NOON_MS, technician="赵工", account="zhao")
    document = build(heading, facts, review(facts))
    with pytest.raises(CommissioningError, match="not enrolled"):
        commission(store, ROOT, document, signed(document), NOON_MS)
    assert state(store, "point", "new-t") == "planned"


def test_an_unknown_gateway_is_told(store: RegistryStore) -> None:
    with pytest.raises(CommissioningError, match="no gateway 'gw-9999'"):
        gather(store, "gw-9999", SEEN, NOON_MS)
