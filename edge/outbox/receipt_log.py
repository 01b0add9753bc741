"""The receipts that were verified, kept beside the batches they are for.

Never flushed by itself: losing the newest costs a duplicate after a power cut. After a kill
they are still in the page cache, and bring an older cursor up to date.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from evidence.disk import Disk
from evidence.errors import CorruptError, LogFullError, StorageFaultError
from evidence.segment_log import SegmentLog

SEGMENT_BYTES = 1 << 20
MAX_BYTES = 32 << 20  # a receipt a minute for three weeks


class ReceiptLog:
    """A log of receipts in `directory`; belongs to the disk thread."""

    def __init__(self, directory: Path, disk: Disk, scratch: Path) -> None:
        self._log = SegmentLog.open(
            directory, segment_bytes=SEGMENT_BYTES, disk=disk, scratch=scratch
        )

    def keep(self, receipt: bytes) -> None:
        """Append a receipt; a disk that refuses costs the receipt only."""
        try:
            self._log.append(receipt)
            closed = self._log.closed_segments
            if self._log.size_bytes > MAX_BYTES and len(closed) > 1:
                self._log.drop_before(closed[1].first_seq)
        except LogFullError:
            return
        except StorageFaultError:
            self._log.reopen_after_fault()

    def newest_first(self) -> Iterator[bytes]:
        """Yield the receipts that can be read."""
        for position in reversed([position for position, _ in self._log.scan()]):
            with suppress(CorruptError):
                yield self._log.read(position)

    def close(self) -> None:
        """Let go of the files."""
        self._log.close()
