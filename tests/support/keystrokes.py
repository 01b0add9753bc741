"""What the Linux kernel reports when a scanner types: `struct input_event`s, built by hand."""

import struct

EV_SYN, EV_KEY = 0, 1
SHIFT = 42
# The US layout, written out from the kernel's input-event-codes.h.
KEYS = {
    **dict(zip("1234567890-=", range(2, 14), strict=True)),
    **dict(zip("\tqwertyuiop[]\r", range(15, 29), strict=True)),
    **dict(zip("asdfghjkl;'`", range(30, 42), strict=True)),
    **dict(zip("\\zxcvbnm,./", range(43, 54), strict=True)),
    " ": 57,
    "\x1d": 66,
}
SHIFTED = dict(zip('!@#$%^&*()_+{}:"~|<>?', "1234567890-=[];'`\\,./", strict=True))


def event(kind: int, code: int, value: int) -> bytes:
    return struct.pack("llHHi", 1_700_000_000, 1, kind, code, value)


def pressed(code: int) -> bytes:
    down, up = event(EV_KEY, code, 1), event(EV_KEY, code, 0)
    return down + event(EV_SYN, 0, 0) + up + event(EV_SYN, 0, 0)


def typed(text: str) -> bytes:
    """Return the events of typing `text`, with shift where it needs it."""
    parts = []
    for letter in text:
        plain = SHIFTED.get(letter) or letter.lower()
        stroke = pressed(KEYS[plain])
        if plain != letter:
            stroke = event(EV_KEY, SHIFT, 1) + stroke + event(EV_KEY, SHIFT, 0)
        parts.append(stroke)
    return b"".join(parts)
