"""Where one code ends and the next begins, in the characters of a scanner.

Used by `edge.scanner.source`. Pure: time is passed in. A code ends with CR or LF, or when
nothing followed it for a while. Every other byte is kept as it came, the GS (0x1D) between the
fields of a GS1 code above all.
"""

import re
from typing import Final

MAX_CODE_BYTES: Final = 4096
"""A QR code holds less; a longer read is a stuck key or not a scanner."""
_ENDINGS: Final = re.compile(rb"[\r\n]")


class Framer:
    """Collects the bytes of one scanner; `oversized` counts codes that were dropped."""

    def __init__(self, idle_ms: int) -> None:
        self._idle_ms = idle_ms
        self._pending = bytearray()
        self._last_ms = 0
        self._overflow = False
        self.oversized = 0

    def feed(self, data: bytes, at_ms: int) -> list[bytes]:
        """Return the codes that are complete with `data`, which came at `at_ms`."""
        codes = self.idle(at_ms)
        self._last_ms = at_ms
        *ended, rest = _ENDINGS.split(data)
        for part in ended:
            self._add(part)
            codes += self._end()
        self._add(rest)
        return codes

    def idle(self, at_ms: int) -> list[bytes]:
        """Return the code that is complete because nothing followed it up to `at_ms`."""
        return self.flush() if at_ms - self._last_ms >= self._idle_ms else []

    def flush(self) -> list[bytes]:
        """Return the code that has begun, as complete."""
        return self._end() if self.waiting else []

    @property
    def waiting(self) -> bool:
        """Return whether a code has begun and not ended."""
        return bool(self._pending) or self._overflow

    def reset(self) -> None:
        """Forget a code that was cut off, because the scanner went away."""
        self._pending.clear()
        self._overflow = False

    def _add(self, part: bytes) -> None:
        if self._overflow or len(self._pending) + len(part) > MAX_CODE_BYTES:
            self._overflow = True
            self._pending.clear()
        else:
            self._pending += part

    def _end(self) -> list[bytes]:
        code, overflow = bytes(self._pending), self._overflow
        self.reset()
        if overflow:
            self.oversized += 1
            return []
        return [code] if code else []
