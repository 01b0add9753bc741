"""The evidence folder: bounded, oldest out first."""

import os
from pathlib import Path

from edge.outbox.refused import RefusedFolder


def test_the_oldest_batches_make_room_and_are_counted(tmp_path: Path) -> None:
    folder = RefusedFolder(tmp_path, max_bytes=2500)
    for seq in range(4):
        folder.keep(bytes(1000), b"epoch--1", seq, "field")
        newest = max(tmp_path.iterdir(), key=lambda path: path.name)
        os.utime(newest, (seq, seq))
    assert sorted(path.name[17:29] for path in tmp_path.iterdir()) == [
        "000000000002",
        "000000000003",
    ]
    assert (folder.count, folder.dropped) == (2, 2)
