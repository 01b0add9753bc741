"""A bar on a terminal while a long verification runs."""

from typing import TextIO

BAR_CHARS = 30


class Progress:
    """Shows how many of `total_bytes` were read; silent where no person looks."""

    def __init__(self, out: TextIO, total_bytes: int) -> None:
        self._out = out if out.isatty() else None
        self._total_bytes = max(total_bytes, 1)
        self._done_bytes = 0

    def add(self, size_bytes: int) -> None:
        """Note that so many more bytes were read."""
        self._done_bytes += size_bytes
        if self._out is not None:
            share = min(self._done_bytes / self._total_bytes, 1)
            bar = ("#" * int(share * BAR_CHARS)).ljust(BAR_CHARS, ".")
            self._out.write(f"\r[{bar}] {share:4.0%} of {self._total_bytes >> 20} MiB")
            self._out.flush()

    def end(self) -> None:
        """Clear the line."""
        if self._out is not None:
            self._out.write("\r" + " " * (BAR_CHARS + 30) + "\r")
            self._out.flush()
