"""Each field job changes the registry in one change and leaves a signed, hashed record."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from device_registry.commissioning.document import sha256_of
from device_registry.commissioning.errors import NotSignedError
from device_registry.commissioning.sheet import Printing
from device_registry.jobs.catalogue import JOBS
from device_registry.jobs.errors import JobOutdatedError, JobRefusedError, UnknownJobError
from device_registry.jobs.pdf import record_pdf
from device_registry.jobs.service import apply_job, prepare_job
from device_registry.store.row import Row
from device_registry.store.store import RegistryStore
from tests.support.job_world import (
    BATTERY,
    EVERY_JOB,
    GATEWAY,
    MOVE,
    NOON_MS,
    REPLACE,
    ROTATE,
    SITE,
    job_world,
    order,
    signed,
)
from tests.support.registry_world import POINT, ROOT, changing


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RegistryStore]:
    with job_world(tmp_path) as opened:
        yield opened


def do(store: RegistryStore, job: str, answers: dict[str, str], id_: str = "cr-1") -> Row:
    wanted = order(job, answers, id_)
    prepared = prepare_job(store, wanted)
    return apply_job(store, ROOT, wanted, signed(prepared, *JOBS[job].signers), NOON_MS)


def value(store: RegistryStore, kind: str, id_: str, field: str) -> object:
    row = store.get(kind, id_)
    assert row is not None
    return row.maybe(field)


@pytest.mark.parametrize("job", JOBS)
def test_every_job_ends_in_one_change_with_a_signed_record(
    store: RegistryStore, job: str
) -> None:
    before = store.revision()
    row = do(store, job, EVERY_JOB[job])
    document = row.maybe("document")
    assert isinstance(document, dict)
    assert row.text("sha256") == sha256_of(document["record"])
    assert [s["part"] for s in document["signatures"]] == list(JOBS[job].signers)
    entries = store.audit(after_seq=before)
    assert {entry.why for entry in entries} == {f"{job} cr-1"}
    printed = record_pdf(
        document["record"], (), Printing(lang="zh-CN", timezone="Asia/Shanghai", pictures={})
    )
    assert "变更记录" in PdfReader(BytesIO(printed)).pages[0].extract_text()


def test_a_replaced_probe_serves_both_points_of_the_old_one(store: RegistryStore) -> None:
    row = do(store, "replace_probe", REPLACE)
    assert value(store, "point", f"{SITE}-t", "sensor") == "spare-1"
    assert value(store, "point", f"{SITE}-h", "sensor") == "spare-1"
    assert value(store, "sensor", f"{SITE}-probe", "state") == "rejected"
    assert value(store, "sensor", "spare-1", "state") == "in_service"
    assert value(store, "sensor", "spare-1", "spare") is False
    document = row.maybe("document")
    assert isinstance(document, dict)
    told = document["record"]["findings"][-1]
    assert told["args"] == {"old": f"C-{SITE}", "new": "JZ-1"}


def test_a_rotated_probe_goes_to_calibration_and_is_the_next_spare(
    store: RegistryStore,
) -> None:
    do(store, "rotate_probe", ROTATE)
    assert value(store, "sensor", f"{SITE}-probe", "state") == "calibration"
    assert value(store, "sensor", f"{SITE}-probe", "spare") is True
    assert value(store, "point", f"{SITE}-t", "state") == "in_service"


def test_a_new_gateway_takes_over_every_point(store: RegistryStore) -> None:
    do(store, "replace_gateway", GATEWAY)
    assert {r.id for r in store.find("point", where={"gateway": "gw-new"})} == {
        f"{SITE}-t",
        f"{SITE}-h",
    }
    assert value(store, "gateway", f"gw-{SITE}", "state") == "retired"
    assert value(store, "gateway", "gw-new", "state") == "commissioned"


def test_a_new_probe_is_told_on_channels_that_never_meant_anything(
    store: RegistryStore,
) -> None:
    with changing(store, 2_000) as change:
        change.put("point", f"{SITE}-h", channel=7)
        change.put("sensor", f"{SITE}-probe", link={"bus": "bus1", "unit": 3, "device": "a"})
    do(store, "replace_probe", REPLACE)
    assert value(store, "point", f"{SITE}-h", "channel") == 3, "2 was its own, 7 is"
    assert value(store, "point", f"{SITE}-t", "channel") == 4
    assert value(store, "sensor", "spare-1", "link") == {"bus": "bus1", "unit": 3}


def test_a_new_gateway_never_gives_a_channel_a_second_meaning(store: RegistryStore) -> None:
    with changing(store, 2_000) as change:
        change.put("gateway", f"gw-{SITE}", links={"broker": {"password": "hunter2"}})
        values = {**POINT, "state": "in_service", "site": SITE}
        change.put("point", "elsewhere", gateway="gw-new", channel=1, **values)
    with changing(store, 3_000) as change:
        change.put("point", "elsewhere", channel=3)
    record = do(store, "replace_gateway", GATEWAY)
    assert value(store, "point", f"{SITE}-t", "channel") == 4, "1 and 3 mean another point"
    assert value(store, "point", f"{SITE}-h", "channel") == 2, "as before: free there"
    assert value(store, "gateway", "gw-new", "links") == {"broker": {"password": "hunter2"}}
    assert "hunter2" not in str(record.maybe("document"))


def test_a_moved_refrigerator_opens_a_special_verification(store: RegistryStore) -> None:
    do(store, "move_refrigerator", MOVE)
    (verification,) = store.find("verification", where={"place": "fridge-1"})
    assert verification.text("verification_kind") == "special"
    (task,) = store.find("task", where={"site": SITE})
    assert (task.text("due"), task.text("state")) == ("2026-11-29", "open")


def test_a_new_supply_has_a_new_serial_number(store: RegistryStore) -> None:
    do(store, "change_battery", BATTERY)
    assert value(store, "facility", "ups-1", "serial") == "U2"


@pytest.mark.parametrize(
    ("job", "change", "key"),
    [
        ("replace_probe", {"new_sensor": "spare-2"}, "suitability.too_slow"),
        ("replace_probe", {"new_sensor": f"{SITE}-probe"}, "job_probe.same"),
        ("replace_probe", {"new_sensor": "ynk-dc-probe"}, "job.unknown"),
        ("replace_probe", {"point": "ynk-dc-t"}, "job.unknown"),
        ("replace_probe", {"photo": ""}, "input.photo"),
        ("replace_probe", {"old_fate": "lost"}, "input.old_fate"),
        ("replace_gateway", {"new_gateway": f"gw-{SITE}"}, "job_gateway.same"),
        ("replace_gateway", {"new_gateway": "gw-ynk-dc"}, "job.unknown"),
        ("replace_gateway", {"all_report": "no"}, "input.all_report"),
        ("move_refrigerator", {"refrigerator": "fridge-9"}, "job.unknown"),
        ("change_battery", {"device": "ups-9"}, "job.unknown"),
    ],
)
def test_what_speaks_against_a_job_is_named_and_nothing_changes(
    store: RegistryStore, job: str, change: dict[str, str], key: str
) -> None:
    before = store.revision()
    with pytest.raises(JobRefusedError) as raised:
        do(store, job, {**EVERY_JOB[job], **change})
    assert key in raised.value.keys
    assert store.revision() == before


def test_a_spare_must_be_a_spare_and_its_calibration_in_date(store: RegistryStore) -> None:
    with changing(store, 2_000) as change:
        change.put("sensor", "spare-1", spare=False)
    with pytest.raises(JobRefusedError, match="not_spare"):
        do(store, "rotate_probe", ROTATE)
    with changing(store, 3_000) as change:
        change.put("calibration", "cal-spare-1", valid_until="2026-11-21")
    with pytest.raises(JobRefusedError, match=r"calibration\.expired"):
        do(store, "replace_probe", REPLACE)


def test_a_probe_on_duty_elsewhere_is_refused(store: RegistryStore) -> None:
    with changing(store, 2_000) as change:
        values = {**POINT, "sensor": "spare-1", "state": "in_service"}
        change.put("point", "third", site=SITE, gateway="gw-new", channel=9, **values)
    with pytest.raises(JobRefusedError, match=r"job_probe\.in_use"):
        do(store, "replace_probe", REPLACE)


def test_a_record_sent_twice_is_applied_once(store: RegistryStore) -> None:
    wanted = order("replace_probe", REPLACE)
    signatures = signed(prepare_job(store, wanted))
    first = apply_job(store, ROOT, wanted, signatures, NOON_MS)
    after = store.revision()
    assert apply_job(store, ROOT, wanted, signatures, NOON_MS + 1) == first
    assert store.revision() == after


def test_a_record_signed_over_older_rows_is_refused_whole(store: RegistryStore) -> None:
    wanted = order("replace_probe", REPLACE)
    signatures = signed(prepare_job(store, wanted))
    with changing(store, 2_000) as change:
        change.put("sensor", f"{SITE}-probe", state="calibration")
    before = store.revision()
    with pytest.raises(JobOutdatedError, match="cr-1"):
        apply_job(store, ROOT, wanted, signatures, NOON_MS)
    assert store.revision() == before


def test_every_part_must_sign(store: RegistryStore) -> None:
    wanted = order("move_refrigerator", MOVE)
    prepared = prepare_job(store, wanted)
    with pytest.raises(NotSignedError, match="approver"):
        apply_job(store, ROOT, wanted, signed(prepared, "technician"), NOON_MS)
    with pytest.raises(NotSignedError):
        apply_job(store, ROOT, wanted, (), NOON_MS)
    assert store.get("change_record", "cr-1") is None


def test_an_unknown_job_names_those_that_exist(store: RegistryStore) -> None:
    with pytest.raises(UnknownJobError, match="replace_probe"):
        prepare_job(store, order("paint_wall", {}))
