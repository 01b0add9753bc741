"""Labels as ESC/POS, for receipt printers (paper roll, no gaps).

Pure. ESC @ initialises, FS & selects Chinese characters (GB 18030), GS ( k stores and prints a
QR code (model 2, module size, level M, data, print), GS V cuts the paper.
"""

from collections.abc import Iterable
from typing import Final

from device_registry.labels.content import Label
from device_registry.labels.layout import printable, wrap

COLUMNS: Final = 32
"""Of a roll of 58 mm in the normal font."""
MODULE_DOTS: Final = 6
INITIALISE: Final = b"\x1b@"
CHINESE: Final = b"\x1c&"
CENTRE: Final = b"\x1ba\x01"
LEFT: Final = b"\x1ba\x00"
TALL: Final = b"\x1b!\x10\x1c!\x08"
NORMAL: Final = b"\x1b!\x00\x1c!\x00"
CUT: Final = b"\x1dVB\x00"


def escpos(labels: Iterable[Label]) -> bytes:
    """Return the bytes that print each label once, each cut off."""
    return INITIALISE + CHINESE + b"".join(_label(label) for label in labels)


def _label(label: Label) -> bytes:
    lines = [wrapped for line in label.lines for wrapped in wrap(line, COLUMNS, 2)]
    return b"".join(
        (
            CENTRE,
            TALL,
            printable(label.heading),
            b"\n",
            NORMAL,
            qr_code(label.qr.encode()),
            printable(label.code),
            b"\n",
            LEFT,
            *(printable(line) + b"\n" for line in lines),
            b"\n",
            CUT,
        )
    )


def qr_code(data: bytes) -> bytes:
    """Return the commands that print `data` as a QR code."""
    size = len(data) + 3
    return b"".join(
        (
            b"\x1d(k\x04\x001A2\x00",
            b"\x1d(k\x03\x001C" + bytes((MODULE_DOTS,)),
            b"\x1d(k\x03\x001E1",
            b"\x1d(k" + bytes((size & 0xFF, size >> 8)) + b"1P0" + data,
            b"\x1d(k\x03\x001Q0",
            b"\n",
        )
    )
