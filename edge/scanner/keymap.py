"""What the keys of a keyboard wedge mean: Linux key codes of a US keyboard to characters.

Used by `edge.scanner.wedge`. Pure. Scanners that pretend to be keyboards are set to the US
layout by their makers. GS, which no key has, is sent as Ctrl-] or F8.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

ENTER: Final = 28
KEYPAD_ENTER: Final = 96
LEFT_CTRL, RIGHT_CTRL = 29, 97
LEFT_SHIFT, RIGHT_SHIFT = 42, 54
CAPS_LOCK: Final = 58
F8: Final = 66
RIGHT_BRACE: Final = 27
GS: Final = "\x1d"

SHIFTS: Final = frozenset({LEFT_SHIFT, RIGHT_SHIFT})
CTRLS: Final = frozenset({LEFT_CTRL, RIGHT_CTRL})

# Rows of the keyboard: the code of the first key, what the keys give, and with shift.
_ROWS: Final = (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (57, " ", " "),
    (15, "\t", "\t"),
    (71, "789-456+1230.", "789-456+1230."),  # the keypad
    (55, "*", "*"),
    (98, "/", "/"),
)


def _table(column: int) -> Mapping[int, str]:
    table = {row[0] + n: text for row in _ROWS for n, text in enumerate(str(row[column]))}
    table.update({ENTER: "\r", KEYPAD_ENTER: "\r", F8: GS})
    return MappingProxyType(table)


PLAIN: Final = _table(1)
SHIFTED: Final = _table(2)
CONTROL: Final[Mapping[int, str]] = MappingProxyType({RIGHT_BRACE: GS, F8: GS})
