"""When the status file is written, and what is read back."""

from itertools import pairwise
from pathlib import Path

from gateway_firmware_py.status_file import (
    MAX_GAP_MS,
    MIN_GAP_MS,
    StatusFile,
    read_status,
    rss_kib,
)


def test_what_is_written_is_read_back_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "status.json"
    StatusFile(path).write({"gateway": "gw-1"}, (), 0)
    assert read_status(path) == {"gateway": "gw-1"}
    assert [p.name for p in path.parent.iterdir()] == ["status.json"]


def test_a_new_status_lies_where_the_old_one_was_and_leaves_nothing_of_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "s"
    status = StatusFile(path)
    status.write({"long": "x" * 5000}, (), 0)
    place = path.stat().st_ino
    for short in ({"a": 1}, {"b": 2}):
        status.write(short, (), 0)
        assert read_status(path) == short
        assert (path.stat().st_ino, path.stat().st_size) == (place, 4096)


def test_a_gateway_at_rest_spares_the_card(tmp_path: Path) -> None:
    status, writes = StatusFile(tmp_path / "s"), 0
    for now_ms in range(0, 3_600_000, 1000):
        if status.may_be_due(now_ms) and status.is_due(("up",), now_ms):
            status.write({}, ("up",), now_ms)
            writes += 1
    assert writes == 3_600_000 // MAX_GAP_MS


def test_a_change_is_written_soon_but_never_faster_than_its_gap(tmp_path: Path) -> None:
    status, written = StatusFile(tmp_path / "s"), []
    for now_ms in range(0, 60_000, 1000):
        facts = (now_ms // 2000,)
        if status.may_be_due(now_ms) and status.is_due(facts, now_ms):
            status.write({}, facts, now_ms)
            written.append(now_ms)
    gaps = {after - before for before, after in pairwise(written)}
    assert gaps == {MIN_GAP_MS}


def test_a_file_that_is_no_status_is_none(tmp_path: Path) -> None:
    path = tmp_path / "s"
    assert read_status(path) is None
    path.write_text("[1, 2")
    assert read_status(path) is None
    path.write_text("[1, 2]")
    assert read_status(path) is None


def test_the_memory_of_this_process_is_known() -> None:
    assert 1000 < rss_kib() < 10_000_000
