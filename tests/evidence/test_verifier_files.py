"""Files of an archive that no records make: named, wherever they would have their place."""

import shutil
from pathlib import Path

import pytest

from evidence.verifier.archive import verify_archive
from evidence.verifier.report import Report
from tests.support.archives import ArchiveMaker, trust_of
from tests.support.batches import chain_of


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    maker = ArchiveMaker(tmp_path / "archive", segment_bytes=1 << 13)
    maker.batches(chain_of(30, readings=40))
    maker.publish()
    maker.close()
    return tmp_path / "archive"


def verified(folder: Path) -> Report:
    return verify_archive(folder, trust_of(), lambda _: None)


def failed(report: Report) -> dict[str, str]:
    return {
        str(check.name): str(check.first.place)
        for check in report.in_order()
        if check.first is not None
    }


@pytest.mark.parametrize(
    "name",
    ["0/009", "0/000", "0/000.p/32", "2/000.p/1", "entries/000.p/200", "entries/001.p/1"],
)
def test_a_tile_that_no_records_make_is_named(archive: Path, name: str) -> None:
    path = archive / "log/tile" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(archive / "log/tile/0/000.p/31", path)
    assert failed(verified(archive)) == {"tiles": f"file log/tile/{name}, byte 0"}


def test_what_a_former_checkpoint_left_behind_passes_while_it_is_right(archive: Path) -> None:
    whole = (archive / "log/tile/0/000.p/31").read_bytes()
    left = archive / "log/tile/0/000.p/7"
    left.write_bytes(whole[: 7 * 32])
    assert verified(archive).passed
    left.write_bytes(whole[32 : 8 * 32])
    assert failed(verified(archive)) == {"tiles": "file log/tile/0/000.p/7, byte 0"}


def test_an_index_of_the_last_segment_or_of_none_is_named(archive: Path) -> None:
    records = archive / "records"
    index = next(records.glob("*.idx"))
    last = max(records.glob("*.seg")).with_suffix(".idx")
    for name in (last.name, "00000000000000ff.idx"):
        shutil.copy(index, records / name)
        assert failed(verified(archive))["files"] == f"file records/{name}"
        (records / name).unlink()
    assert verified(archive).passed


def test_a_segment_under_another_name_is_named(archive: Path) -> None:
    path = max((archive / "records").glob("*.seg"))
    path.rename(path.with_name("00000000000000ff.seg"))
    said = failed(verified(archive))
    assert said["segments"].startswith("file records/")
    assert not verified(archive).passed
