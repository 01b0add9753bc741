r"""Labels as TSPL, for TSC printers and their many relatives.

Pure. Text is GB 18030 in the built-in font TSS24.BF2 (24 dots, half as wide for Latin); the QR
code is drawn by the printer. TSPL and TSPL2 programming manual: SIZE, GAP, DIRECTION, CLS,
TEXT, QRCODE, PRINT; a quotation mark in a text is written \["].
"""

from collections.abc import Iterable
from typing import Final

import segno

from device_registry.labels.content import Label
from device_registry.labels.layout import Size, printable, wrap

FONT: Final = "TSS24.BF2"
COLUMN_DOTS: Final = 12
LINE_DOTS: Final = 28
MARGIN_DOTS: Final = 16


def tspl(labels: Iterable[Label], size: Size) -> bytes:
    """Return the commands that print each label once."""
    head = [
        b"SIZE %d mm,%d mm" % (size.width_mm, size.height_mm),
        b"GAP %d mm,0 mm" % size.gap_mm,
        b"DIRECTION 1",
    ]
    lines = [*head, *(line for label in labels for line in _label(label, size))]
    return b"".join(line + b"\r\n" for line in lines)


def _label(label: Label, size: Size) -> list[bytes]:
    cell, qr_dots = _cell(label.qr, size)
    left = MARGIN_DOTS + qr_dots + MARGIN_DOTS
    width = (size.width_dots - left - MARGIN_DOTS // 2) // COLUMN_DOTS
    rows = (size.height_dots - MARGIN_DOTS) // LINE_DOTS
    texts = _texts(label, width, rows)
    return [
        b"CLS",
        b'QRCODE %d,%d,M,%d,A,0,"%s"' % (MARGIN_DOTS, MARGIN_DOTS, cell, _quoted(label.qr)),
        *(
            b'TEXT %d,%d,"%s",0,1,1,"%s"'
            % (left, MARGIN_DOTS // 2 + row * LINE_DOTS, FONT.encode(), _quoted(text))
            for row, text in enumerate(texts)
        ),
        b"PRINT 1,1",
    ]


def _texts(label: Label, width: int, rows: int) -> list[str]:
    """Return what fits: the heading, the lines, and the id whatever happens."""
    code = wrap(label.code, width, 2)
    room = max(rows - len(code), 1)
    texts = [label.heading]
    for line in label.lines:
        texts += wrap(line, width, 2)
    return [*(wrap(text, width, 1)[0] for text in texts[:room] if text), *code]


def _cell(text: str, size: Size) -> tuple[int, int]:
    """Return dots per module and dots in all of the largest QR code in a third of the label."""
    modules = len(segno.make(text, error="m", micro=False).matrix)
    room = min(size.height_dots - 2 * MARGIN_DOTS, size.width_dots * 2 // 5)
    cell = max(min(room // modules, 10), 1)
    return cell, cell * modules


def _quoted(text: str) -> bytes:
    return printable(text).replace(b'"', b'\\["]')
