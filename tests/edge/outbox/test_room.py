"""The reserve: space that only a summary may use."""

import errno
import os
from pathlib import Path

import pytest

from edge.outbox.room import RESERVE_SLACK_BYTES, Reserve

SIZE_BYTES = 1 << 16


def test_the_slack_is_given_up_where_a_small_file_took_some_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = SIZE_BYTES + RESERVE_SLACK_BYTES - 4096
    real = os.posix_fallocate

    def fallocate(descriptor: int, offset: int, size: int) -> None:
        if size > free:
            raise OSError(errno.ENOSPC, "no space left on device")
        real(descriptor, offset, size)

    monkeypatch.setattr(os, "posix_fallocate", fallocate)
    reserve = Reserve(tmp_path / "reserve", SIZE_BYTES)
    assert reserve.hold()
    assert (tmp_path / "reserve").stat().st_size == SIZE_BYTES
    assert reserve.hold()
    assert reserve.release()
    free = SIZE_BYTES - 1
    assert not reserve.hold()
    assert not (tmp_path / "reserve").exists()


def test_what_is_held_counts_the_slack_where_there_is_room(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", SIZE_BYTES)
    assert reserve.hold()
    assert (tmp_path / "reserve").stat().st_size == SIZE_BYTES + RESERVE_SLACK_BYTES
    assert reserve.release()
    assert not reserve.release()
