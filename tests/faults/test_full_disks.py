"""A disk without room: a gateway counts what it cannot keep, a cloud takes nothing it cannot.

Real file systems of a few MiB, which only root may mount; elsewhere `tests/edge/outbox` and
`tests/cloud/test_sequencer_faults` play the same through the seam of `evidence.disk`.
"""

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cloud.errors import OperatorError
from cloud.opening import open_core
from evidence.batch import Body, decode_body
from evidence.cose import parse1
from simulators.tally import outbox_batches
from tests.support.cloud_core import make_installation
from tests.support.history import DAY_MS, History
from tests.support.stack import Stack, Wishes, stack

ALMOST_FULL_BYTES = 6000

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")


@contextmanager
def small_disk(folder: Path, kib: int) -> Iterator[None]:
    """Put what lies in a folder on a file system of its own."""
    aside = folder.with_name(f"{folder.name}.aside")
    folder.rename(aside)
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(folder))
    try:
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_a_gateway_whose_disk_is_full_says_so_counts_and_recovers(
    tmp_path: Path,
) -> None:
    async with stack(tmp_path, Wishes(start=False)) as running:
        outbox = running.installation.outbox
        with small_disk(outbox, 24 << 10):
            past = History(running.installation, DAY_MS)
            await past.fill(ALMOST_FULL_BYTES)
            await past.close()
            _fill(outbox / "filler")
            running.link.cut()
            running.cloud.start()
            running.gateway.start()
            await running.eventually(lambda: _dropped(outbox), "a summary that counts", 25)
            await running.cloud_up()
            # What the cloud has may go: that makes the room.
            await running.link.restore()
            await running.eventually(
                lambda: _last(outbox).count and _dropped(outbox), "readings to be kept again"
            )
            found = await running.audit()
            assert found.tally.lost == _dropped(outbox) > 0
            assert (found.tally.duplicated, found.tally.missing, found.tally.surplus) == (
                0,
                0,
                0,
            )
            assert found.archive["passed"], found.archive
            assert found.outbox["passed"], found.outbox
            assert {a["kind"] for a in found.alarms} <= {"silent", "gap"}, found.alarms
            assert "outbox_full" in running.gateway.log.read_text()


async def test_a_cloud_whose_disk_is_full_slows_the_gateways_and_loses_nothing(
    tmp_path: Path,
) -> None:
    async with stack(tmp_path, Wishes(start=False)) as running:
        built = running.installation
        disk = built.folder / "disk"
        _move_archive(running, disk)
        past = History(built, DAY_MS)
        await past.fill(2 << 20)  # of a segment of 4 MiB: twice what the cloud can take
        await past.close()
        with small_disk(disk, 1500):
            running.cloud.start()
            await running.cloud_up()
            running.gateway.start()
            await running.eventually(
                lambda: _fault(running), "the cloud to say that it is full"
            )
            await running.eventually(
                lambda: '"slowdown"' in built.gateway_status.read_text(), "slow to be said"
            )
            assert running.cloud.alive
            _mount("-o", "remount,size=64m", str(disk))
            await running.eventually(
                lambda: _recovered(running, len(set(outbox_batches(built.outbox)))),
                "the cloud to go on",
            )
            (await running.audit()).assert_clean()


def test_an_archive_that_is_a_disk_of_its_own_is_refused_with_the_remedy(
    tmp_path: Path,
) -> None:
    config = make_installation(tmp_path)
    with (
        small_disk(config.archive_dir, 8 << 10),
        pytest.raises(OperatorError, match=r"set \[archive\] dir = .*archive/archive"),
        open_core(config),
    ):
        pass


def _move_archive(running: Stack, disk: Path) -> None:
    """Let the archive begin anew on another disk, in small segments."""
    built = running.installation
    config = built.folder / "cloud.toml"
    text = config.read_text().replace("segment_mib = 32 ", "segment_mib = 1 ")
    config.write_text(text.replace('dir = "archive" ', f'dir = "{disk}/archive" '))
    shutil.rmtree(built.archive)
    disk.mkdir()
    built.archive.symlink_to(disk / "archive")


async def _fault(running: Stack) -> bool:
    return "room" in str((await running.cloud_status()).get("fault"))


async def _recovered(running: Stack, batches: int) -> bool:
    status = await running.cloud_status()
    return not status.get("fault") and int(str(status.get("batches", 0))) >= batches


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _fill(file: Path) -> None:
    """Write zeros until the disk takes no more."""
    with file.open("wb", buffering=0) as out, pytest.raises(OSError, match="No space"):
        out.writelines(itertools.repeat(bytes(1 << 12)))


def _last(outbox: Path) -> Body:
    return _bodies(outbox)[-1]


def _dropped(outbox: Path) -> int:
    last = {body.epoch: body.dropped_total for body in _bodies(outbox)}
    return sum(last.values())


def _bodies(outbox: Path) -> list[Body]:
    return [decode_body(parse1(batch).payload) for batch in outbox_batches(outbox)]
