"""Cuts text to the width of a label: Chinese characters are two columns wide, others one.

Pure. Also the sizes of labels, and text as printers take it.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

DOTS_PER_MM: Final = 8
"""Label printers of 203 dpi; those of 300 dpi print the same commands smaller."""
ELLIPSIS: Final = "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A label on its roll."""

    width_mm: int = 50
    height_mm: int = 30
    gap_mm: int = 2

    @property
    def width_dots(self) -> int:
        """Width in dots of 203 dpi."""
        return self.width_mm * DOTS_PER_MM

    @property
    def height_dots(self) -> int:
        """Height in dots of 203 dpi."""
        return self.height_mm * DOTS_PER_MM


def columns(text: str) -> int:
    """Return how many columns a text takes."""
    return sum(_width(char) for char in text)


def plain(text: str) -> str:
    """Return a text without control characters, which a printer would obey."""
    return "".join(" " if _is_control(c) else c for c in text)


def wrap(text: str, width: int, most: int) -> list[str]:
    """Return a text in at most `most` lines of `width` columns; the last one tells a cut."""
    lines = list(_cut(plain(text).strip(), width))
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    while columns(last) + columns(ELLIPSIS) > width:
        last = last[:-1]
    return [*lines[: most - 1], last + ELLIPSIS]


def printable(text: str) -> bytes:
    """Return a text in GB 18030, which Chinese printers read; every character has its code."""
    return plain(text).encode("gb18030", errors="replace")


def _cut(text: str, width: int) -> Iterator[str]:
    """Yield lines; a date or a code moves to the next line whole when it fits there."""
    line, used = "", 0
    for word in _WORDS.findall(text):
        pieces = [word] if columns(word) <= width else word
        for piece in pieces:
            if used + columns(piece) > width:
                yield line.rstrip()
                line, used = "", 0
            line += piece
            used += columns(piece)
    if line:
        yield line


_WORDS: Final = re.compile(r"[!-~]+|.", re.DOTALL)
"""A run of Latin letters, digits and signs, or one other character."""


def _width(char: str) -> int:
    return 2 if unicodedata.east_asian_width(char) in {"W", "F", "A"} else 1


def _is_control(char: str) -> bool:
    return unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"}
