"""All rows or none, errors by row, a dry run that writes nothing, and twice is once."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from device_registry.access.scope import Scope
from device_registry.certificates_import.package import read_zip
from device_registry.certificates_import.plan import RESULTS, calibration_id
from device_registry.certificates_import.service import (
    Imported,
    check_certificates,
    import_certificates,
    told,
)
from device_registry.store.store import RegistryStore
from tests.support.certificate_packages import PDF, archive, package, row, sheet
from tests.support.job_world import NOON_MS, SITE, job_world
from tests.support.registry_world import ROOT, changing

DIGEST = hashlib.sha256(PDF).hexdigest()


class Vault:
    """Keeps bytes by their hash."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def keep(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self.files[digest] = data
        return digest


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RegistryStore]:
    with job_world(tmp_path) as opened:
        yield opened


def bring(store: RegistryStore, data: bytes, vault: Vault | None = None) -> Imported:
    keep = (vault or Vault()).keep
    return import_certificates(store, ROOT, read_zip(data), keep, None, NOON_MS)


def keys(found: Imported) -> list[tuple[int, str]]:
    return [(p.row, p.key) for p in found.problems]


def test_a_good_package_is_imported_with_its_pdf(store: RegistryStore) -> None:
    vault = Vault()
    found = bring(store, package(row(), pdfs=("A.pdf", "extra.pdf")), vault)
    assert (found.applied, keys(found)) == (True, [])
    assert found.plan.unused == ("extra.pdf",)
    calibration = store.get("calibration", calibration_id("spare-1", "JZ-9"))
    assert calibration is not None
    assert calibration.text("sensor") == "spare-1"
    assert calibration.text("valid_until") == "2027-10-31"
    assert calibration.text("file") == DIGEST
    assert vault.files == {DIGEST: PDF}
    file = store.get("file", DIGEST)
    assert file is not None
    assert (file.text("site"), file.number("size_bytes")) == (SITE, len(PDF))


def test_importing_the_same_package_again_changes_nothing(store: RegistryStore) -> None:
    bring(store, package(row()))
    after = store.revision()
    assert bring(store, package(row())).applied
    assert store.revision() == after


def test_a_dry_run_finds_the_same_and_writes_nothing(store: RegistryStore) -> None:
    before = store.revision()
    good = check_certificates(store, read_zip(package(row())), None, NOON_MS)
    assert (good.applied, len(good.plan.certificates), keys(good)) == (False, 1, [])
    bad = check_certificates(store, read_zip(package(row("nobody"))), None, NOON_MS)
    assert keys(bad) == [(2, "sensor_unknown")]
    assert store.revision() == before


@pytest.mark.parametrize(
    ("cells", "key"),
    [
        ({"certificate_no": ""}, "empty"),
        ({"calibrated_on": "spring"}, "date"),
        ({"calibrated_on": "2026-11-23"}, "future"),
        ({"valid_until": "2026-10-31"}, "order"),
        ({"valid_until": "2027-02-30"}, "date"),
        ({"result": "尚可"}, "result"),
        ({"error_1": "0.6"}, "beyond"),
        ({"error_1": "much"}, "point"),
        ({"error_1": "nan"}, "point"),
        ({"quantity_1": "颜色"}, "point"),
        ({"file": "b.pdf"}, "file_missing"),
    ],
)
def test_each_mistake_is_told_with_its_row_and_nothing_is_imported(
    store: RegistryStore, cells: dict[str, object], key: str
) -> None:
    before = store.revision()
    found = bring(store, package(row("SP2", "JZ-8"), row(**cells)))
    assert (3, key) in keys(found)
    assert not found.applied
    assert store.revision() == before
    for problem in found.problems:
        for lang in ("zh-CN", "en"):
            assert "{" not in told(problem, lang)


def test_all_mistakes_of_all_rows_are_found_at_once(store: RegistryStore) -> None:
    found = bring(store, package(row("nobody"), row(result="?"), row("SP1", "JZ-9")))
    assert keys(found) == [(2, "sensor_unknown"), (3, "result")]
    assert keys(bring(store, package(row(), row()))) == [(3, "twice")]


def test_a_file_that_is_no_pdf_is_refused(store: RegistryStore) -> None:
    data = archive({"s.xlsx": sheet(row()), "a.pdf": b"<html>"})
    assert keys(bring(store, data)) == [(2, "not_pdf")]


def test_a_spreadsheet_that_cannot_be_read_is_told_for_the_package(
    store: RegistryStore,
) -> None:
    found = bring(store, archive({"s.xlsx": b"no", "a.pdf": PDF}))
    assert keys(found) == [(0, "not_sheet")]
    assert told(found.problems[0], "zh-CN") == "不是有效的电子表格"


def test_a_probe_back_from_calibration_is_a_spare_again_or_rejected(
    store: RegistryStore,
) -> None:
    with changing(store, 2_000) as change:
        for sensor in ("spare-1", "spare-2"):
            change.put("sensor", sensor, state="calibration", spare=False)
    bring(store, package(row(), row("SP2", "JZ-8", result="不合格")))
    states = {r.id: (r.text("state"), r.flag("spare")) for r in store.find("sensor")}
    assert states["spare-1"] == ("stock", True)
    assert states["spare-2"] == ("rejected", False)


def test_a_probe_on_duty_that_failed_stays_on_duty_and_somebody_is_asked(
    store: RegistryStore,
) -> None:
    bring(store, package(row(f"SN-{SITE}", "JZ-7", result="fail", error_1=3)))
    sensor = store.get("sensor", f"{SITE}-probe")
    assert sensor is not None
    assert sensor.text("state") == "in_service"
    (task,) = store.find("task", where={"site": SITE})
    assert task.text("title_zh") == f"校准不合格，请更换探头：SN-{SITE}"


def test_sensors_of_others_are_unknown(store: RegistryStore) -> None:
    theirs = read_zip(package(row("SN-ynk-dc", "JZ-1")))
    chs = (Scope(organisation="chs"),)
    assert keys(check_certificates(store, theirs, chs, NOON_MS)) == [(2, "sensor_unknown")]
    assert keys(check_certificates(store, theirs, None, NOON_MS)) == []


def test_validity_is_a_year_where_the_row_says_nothing_or_more(store: RegistryStore) -> None:
    for until in ("", "2030-01-01"):
        (planned,) = check_certificates(
            store, read_zip(package(row(valid_until=until))), None, NOON_MS
        ).plan.certificates
        assert planned.fields["valid_until"] == "2027-11-01"


def test_results_are_understood_in_both_languages() -> None:
    assert set(RESULTS.values()) == {"pass", "fail"}
