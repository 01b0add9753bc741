"""Draws a text as a QR symbol."""

from itertools import groupby
from typing import Final

import segno

from dashboards.registry.work_models import QrCode

QUIET: Final = 4
"""Modules of white around the symbol, by ISO/IEC 18004."""


def qr_code(text: str) -> QrCode:
    """Return the symbol of `text`, which survives 15 % of damage."""
    symbol = segno.make(text, error="m", micro=False)
    rows = [[bool(module) for module in row] for row in symbol.matrix]
    size = len(rows) + 2 * QUIET
    return QrCode(size=size, path="".join(_row(y, row) for y, row in enumerate(rows, QUIET)))


def _row(y: int, row: list[bool]) -> str:
    path, x = "", QUIET
    for is_dark, run in groupby(row):
        length = len(list(run))
        if is_dark:
            path += f"M{x} {y}h{length}v1h-{length}z"
        x += length
    return path
