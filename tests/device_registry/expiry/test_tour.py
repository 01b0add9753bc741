"""The daily tour over a real registry: tasks, states, renewals, and a kill in between."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from device_registry.access.scope import Scope
from device_registry.expiry.reading import expiring
from device_registry.expiry.term import TermKind
from device_registry.expiry.tour import Tour, make_tour
from device_registry.store.audit import Actor
from device_registry.store.row import Row
from device_registry.store.store import RegistryStore
from tests.support.postgres import postgres
from tests.support.registry_world import build_world, changing

SYSTEM = Actor(account="expiry", via="system")
TODAY = date(2026, 11, 22)


def day(offset: int) -> str:
    return (TODAY + timedelta(days=offset)).isoformat()


def ms(offset: int) -> int:
    at = datetime(2026, 11, 22, 6, tzinfo=UTC) + timedelta(days=offset)
    return int(at.timestamp()) * 1000


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.engine)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RegistryStore]:
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/registry.db" if sqlite else postgres().registry()
    opened = RegistryStore.open(url, now_ms=lambda: ms(0))
    with changing(opened, 1_000) as change:
        build_world(change)
        for site in ("chs-001", "chs-002", "ynk-dc"):
            change.put("calibration", f"{site}-cal", valid_until=day(400))
        licence = {"licence_kind": "药品经营许可证", "number": "川-1", "state": "valid"}
        change.put("licence", "lic-1", organisation="chs", valid_until=day(60), **licence)
        change.put("licence", "lic-far", organisation="chs", valid_until=day(500), **licence)
        change.put("staff", "li", organisation="chs", name="李强", post="pharmacist")
        change.put(
            "staff_certificate",
            "cert-li",
            staff="li",
            certificate_kind="执业药师",
            number="Z1",
            valid_until=day(-3),
        )
        change.put(
            "special_equipment",
            "tank",
            site="ynk-dc",
            name_zh="储气罐",
            name_en="Air receiver",
            category="vessel",
            registration_number="R1",
            inspection_until=day(7),
        )
        change.put(
            "account",
            "wang",
            name="王芳",
            organisation="chs",
            state="active",
            phone="13800000000",
            phone_verified_ms=ms(-90),
        )
        change.put(
            "certificate",
            "0a",
            gateway="gw-chs-001",
            subject="CN=gw-chs-001",
            not_before=ms(-85),
            not_after=ms(5),
            pem="x",
            state="valid",
        )
        change.put(
            "verification",
            "ver-1",
            site="chs-002",
            verification_kind="periodic",
            done_on=day(-340),
            due=day(25),
        )
    yield opened
    opened.close()


def tour(store: RegistryStore, today: date = TODAY, at_ms: int | None = None) -> Tour:
    return make_tour(store, SYSTEM, today, ms(0) if at_ms is None else at_ms)


def steps(done: Tour) -> dict[str, int]:
    return {str(warn.term.kind): warn.step for warn in done.warned}


def task_about(store: RegistryStore, start: str) -> Row:
    (row,) = [t for t in store.each("task") if t.text("about").startswith(start)]
    return row


def test_everything_that_runs_out_is_told_with_its_step(store: RegistryStore) -> None:
    done = tour(store)
    assert steps(done) == {
        "licence": 60,
        "staff_certificate": 0,
        "equipment_inspection": 7,
        "phone": 0,
        "tls_certificate": 7,
        "verification": 30,
    }
    licence = task_about(store, "licence:")
    assert (licence.text("due"), licence.text("site")) == (day(60), "chs-001")
    assert licence.text("title_zh") == f"许可证将于 {day(60)} 到期：药品经营许可证 川-1"
    assert task_about(store, "verification:").text("site") == "chs-002"
    assert task_about(store, "tls_certificate:").text("site") == "chs-001"


def test_the_same_day_again_tells_nothing_and_writes_nothing(store: RegistryStore) -> None:
    tour(store)
    after = store.revision()
    assert tour(store, at_ms=ms(0) + 1).warned == ()
    assert store.revision() == after


def test_the_next_step_is_told_also_when_somebody_ticked_the_task_off(
    store: RegistryStore,
) -> None:
    tour(store)
    with changing(store, ms(1)) as change:
        change.put("task", task_about(store, "licence:").id, state="done")
    assert "licence" not in steps(tour(store, TODAY + timedelta(days=1), ms(1)))
    later = tour(store, TODAY + timedelta(days=30), ms(30))
    assert steps(later)["licence"] == 30
    assert task_about(store, "licence:").text("state") == "open"


def test_a_renewal_closes_the_task(store: RegistryStore) -> None:
    tour(store)
    with changing(store, ms(1)) as change:
        change.put("licence", "lic-1", valid_until=day(1000))
        change.put("account", "wang", phone_verified_ms=ms(1))
    done = tour(store, TODAY + timedelta(days=1), ms(1))
    assert done.renewed == 2
    assert task_about(store, "licence:").text("state") == "done"
    licence = store.get("licence", "lic-1")
    assert licence is not None
    assert licence.text("state") == "valid"


def test_licences_grow_old_and_young_again_along_their_lifecycle(store: RegistryStore) -> None:
    def state() -> str:
        row = store.get("licence", "lic-1")
        assert row is not None
        return row.text("state")

    tour(store)
    assert state() == "expiring"
    tour(store, TODAY + timedelta(days=61), ms(61))
    assert state() == "expired"
    with changing(store, ms(62)) as change:
        change.put("licence", "lic-1", valid_until=day(120))
    tour(store, TODAY + timedelta(days=62), ms(62))
    assert state() == "expiring"


def test_an_expired_calibration_chases_the_owner_and_the_point_stays_on_duty(
    store: RegistryStore,
) -> None:
    with changing(store, ms(0)) as change:
        change.put("calibration", "chs-001-cal", valid_until=day(-1))
    assert steps(tour(store))["calibration"] == 0
    assert task_about(store, "calibration:").text("site") == "chs-001"
    point = store.get("point", "chs-001-t")
    assert point is not None
    assert point.text("state") == "in_service"


def test_a_newer_certificate_hides_the_older_and_a_probe_in_stock_is_nobodys_worry(
    store: RegistryStore,
) -> None:
    with changing(store, ms(0)) as change:
        change.put("calibration", "chs-001-cal", valid_until=day(-1))
        change.put(
            "calibration",
            "newer",
            sensor="chs-001-probe",
            certificate_no="N",
            laboratory="L",
            calibrated_on=day(-1),
            valid_until=day(364),
            result="pass",
        )
        change.put("calibration", "ynk-dc-cal", valid_until=day(-1))
        change.put("point", "ynk-dc-t", sensor=None)
    kinds = [t.kind for t in expiring(store, TODAY)]
    assert TermKind.CALIBRATION not in kinds


def test_a_special_verification_to_be_done_is_not_hidden_by_a_later_one(
    store: RegistryStore,
) -> None:
    with changing(store, ms(0)) as change:
        change.put(
            "verification",
            "special",
            site="chs-002",
            verification_kind="special",
            due=day(6),
        )
    found = [t.id for t in expiring(store, TODAY) if t.kind is TermKind.VERIFICATION]
    assert found == ["special", "ver-1"]


def test_lists_show_only_what_the_scope_covers(store: RegistryStore) -> None:
    def kinds(*within: Scope) -> set[str]:
        return {str(t.kind) for t in expiring(store, TODAY, within=within)}

    assert kinds(Scope(organisation="ynk")) == {"equipment_inspection"}
    assert "equipment_inspection" not in kinds(Scope(organisation="chs"))
    assert kinds() == set()


def test_a_firm_without_a_site_is_reported_not_forgotten(store: RegistryStore) -> None:
    with changing(store, ms(0)) as change:
        change.put(
            "licence",
            "lic-mpa",
            organisation="mab",
            licence_kind="x",
            number="1",
            valid_until=day(1),
            state="valid",
        )
    done = tour(store)
    # The authority itself has no site; the shop it watches over is not asked in its stead.
    assert [t.id for t in done.homeless] == ["lic-mpa"]
