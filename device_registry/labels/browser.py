"""Labels for the browser's own print dialogue: one SVG each, and a page that holds them.

Pure. Lengths are millimetres, so that the print is true to size; nothing is loaded from
elsewhere and every text is escaped.
"""

from collections.abc import Iterable
from typing import Final
from xml.sax.saxutils import escape, quoteattr

import segno

from device_registry.labels.content import Label
from device_registry.labels.layout import Size, wrap

MARGIN_MM: Final = 2.0
QR_SHARE: Final = 0.4
"""Of the label's width, at most; the height bounds it too."""
HEADING_MM: Final = 3.4
TEXT_MM: Final = 2.9
LEADING: Final = 1.28
COLUMN_SHARE: Final = 0.55
"""Width of a column to the height of the letters."""


def label_svg(label: Label, size: Size) -> str:
    """Return one label as an SVG element of its true size."""
    side = min(size.height_mm - 2 * MARGIN_MM, size.width_mm * QR_SHARE)
    left = MARGIN_MM + side + MARGIN_MM
    width = int((size.width_mm - left - MARGIN_MM) / (TEXT_MM * COLUMN_SHARE))
    parts = [_qr(label.qr, side), *_texts(label, left, width, size)]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" '
        f"aria-label={quoteattr(label.code)} "
        f'width="{size.width_mm}mm" height="{size.height_mm}mm" '
        f'viewBox="0 0 {size.width_mm} {size.height_mm}">{"".join(parts)}</svg>'
    )


def label_page(labels: Iterable[Label], size: Size, lang: str, title: str) -> str:
    """Return a page to print: one label per sheet of the roll."""
    body = "".join(f'<div class="label">{label_svg(label, size)}</div>' for label in labels)
    style = (
        f"@page{{size:{size.width_mm}mm {size.height_mm}mm;margin:0}}"
        "body{margin:0}.label{break-after:page;line-height:0}"
    )
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body>{body}</body></html>"
    )


def _texts(label: Label, left: float, width: int, size: Size) -> list[str]:
    at = MARGIN_MM + HEADING_MM
    parts = [_text(label.heading, left, at, HEADING_MM, bold=True)]
    lines = [wrapped for line in label.lines for wrapped in wrap(line, width, 2)]
    code = wrap(label.code, width, 2)
    room = int((size.height_mm - MARGIN_MM - at) / (TEXT_MM * LEADING)) - len(code)
    for line in [*lines[: max(room, 0)], *code]:
        at += TEXT_MM * LEADING
        parts.append(_text(line, left, at, TEXT_MM, bold=False))
    return parts


def _text(text: str, x: float, y: float, height: float, *, bold: bool) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.2f}" y="{y:.2f}" font-size="{height}"{weight} '
        f'font-family="sans-serif">{escape(text)}</text>'
    )


def _qr(text: str, side: float) -> str:
    matrix = segno.make(text, error="m", micro=False).matrix
    scale = side / len(matrix)
    dots = "".join(
        f"M{x} {y}h1v1h-1z"
        for y, row in enumerate(matrix)
        for x, dark in enumerate(row)
        if dark
    )
    return (
        f'<path transform="translate({MARGIN_MM} {MARGIN_MM}) scale({scale:.4f})" '
        f'shape-rendering="crispEdges" d="{dots}"/>'
    )
