"""Characters from the events of a Linux input device that a scanner types into.

Used by `edge.scanner.source`. Pure. An event is `struct input_event`: two longs of time, type,
code, value, in the machine's own layout; a read may end in the middle of one.
"""

import struct
from typing import Final

from edge.scanner.keymap import CAPS_LOCK, CONTROL, CTRLS, PLAIN, SHIFTED, SHIFTS

EVENT: Final = struct.Struct("llHHi")
EV_SYN: Final = 0
EV_KEY: Final = 1
SYN_DROPPED: Final = 3
RELEASED, PRESSED = 0, 1  # 2 is the repetition of a key that is held


class KeyboardWedge:
    """The state of one keyboard: what is held down, and half an event."""

    def __init__(self) -> None:
        self._partial = b""
        self._held: set[int] = set()
        self._caps = False
        self.dropped = 0

    def feed(self, data: bytes) -> bytes:
        """Return the characters that `data` types; keys without a character give none."""
        data = self._partial + data
        whole = len(data) - len(data) % EVENT.size
        self._partial = data[whole:]
        typed = [self._event(*event[2:]) for event in EVENT.iter_unpack(data[:whole])]
        return "".join(typed).encode("latin-1")

    def reset(self) -> None:
        """Forget what was held: the device was plugged in anew."""
        self._partial = b""
        self._held.clear()
        self._caps = False

    def _event(self, kind: int, code: int, value: int) -> str:
        if kind == EV_SYN and code == SYN_DROPPED:
            self.dropped += 1  # the kernel's buffer ran over; keys may have been let go unseen
            self._held.clear()
        if kind != EV_KEY:
            return ""
        if value == RELEASED:
            self._held.discard(code)
        elif value == PRESSED:
            return self._pressed(code)
        return ""

    def _pressed(self, code: int) -> str:
        if code in SHIFTS or code in CTRLS:
            self._held.add(code)
            return ""
        if code == CAPS_LOCK:
            self._caps = not self._caps
            return ""
        if self._held & CTRLS:
            return CONTROL.get(code, "")
        shift = bool(self._held & SHIFTS)
        plain = PLAIN.get(code, "")
        if self._caps and plain.isalpha():
            shift = not shift
        return SHIFTED.get(code, "") if shift else plain
