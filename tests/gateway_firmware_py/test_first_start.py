"""The first start of a gateway on a full disk: an error with its remedy, exit code 2."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from evidence.errors import LogFullError
from gateway_firmware_py.channel_ledger import check_channels
from tests.gateway_firmware_py.test_cli import FRIDGE, gateway
from tests.support.batches import channel_table
from tests.support.faulty_disk import FaultyDisk


@contextmanager
def full_disk(folder: Path, free_blocks: int) -> Iterator[None]:
    """Mount a file system that takes `free_blocks` more blocks of 4 KiB."""
    folder.mkdir(exist_ok=True)
    option = f"nr_blocks={free_blocks + 8}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", option, "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_ledger_that_finds_no_room_says_what_to_do_and_leaves_nothing(tmp_path: Path) -> None:
    faulty = FaultyDisk()
    faulty.fail("pwrite", 28)
    with pytest.raises(LogFullError, match="free some space"):
        check_channels(tmp_path / "channels.json", channel_table(2), disk=faulty.disk())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")
@pytest.mark.parametrize("free_blocks", [0, 1, 2])
def test_a_first_start_on_a_full_disk_is_a_clear_error(
    tmp_path: Path, free_blocks: int
) -> None:
    one = gateway(tmp_path, sources=FRIDGE.format(port=1))
    with full_disk(one.state_dir, free_blocks):
        one.init()
        _fill(one.state_dir / "filler", free_blocks)
        done = one.command("run")
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "free some space" in done.stderr


def _fill(file: Path, free_blocks: int) -> None:
    with file.open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            filler.truncate(max(filler.tell() - 4096 * free_blocks, 0))
