"""Where one message ends and the next begins, for three protocols.

Used by `simulators.link`, which can only repeat or swap whole messages. Pure: a splitter takes
the bytes so far and returns the length of the first message, 0 when it is not complete yet.
What cannot be understood counts as one message: the link then carries it untouched.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

Splitter = Callable[[bytes], int]

MBAP_BYTES = 6
MQTT_LENGTH_BYTES = 4
MQTT_PUBLISH = 3
HTTP_HEAD_END = b"\r\n\r\n"
HTTP_LENGTH = b"content-length:"
HTTP_HEAD_LIMIT = 65_536


def whole(data: bytes) -> int:
    """Take whatever came in one piece as one message."""
    return len(data)


def modbus_tcp(data: bytes) -> int:
    """Return the length of the first Modbus TCP message: the MBAP header names it."""
    if len(data) < MBAP_BYTES:
        return 0
    size = MBAP_BYTES + int.from_bytes(data[4:6], "big")
    return size if size <= len(data) else 0


def mqtt(data: bytes) -> int:
    """Return the length of the first MQTT packet; the type byte is followed by the rest."""
    size = 0
    for n in range(MQTT_LENGTH_BYTES):
        if len(data) < n + 2:
            return 0
        size |= (data[n + 1] & 0x7F) << (7 * n)
        if data[n + 1] < 0x80:
            end = n + 2 + size
            return end if end <= len(data) else 0
    return len(data)


def http(data: bytes) -> int:
    """Return the length of the first HTTP/1.1 message that names its length."""
    head_end = data.find(HTTP_HEAD_END)
    if head_end < 0:
        return 0 if len(data) < HTTP_HEAD_LIMIT else len(data)
    body_at = head_end + len(HTTP_HEAD_END)
    for line in data[:head_end].lower().split(b"\r\n"):
        if line.startswith(HTTP_LENGTH):
            digits = line[len(HTTP_LENGTH) :].strip()
            end = body_at + int(digits) if digits.isdigit() else len(data)
            return end if end <= len(data) else 0
    return body_at


SPLITTERS: Mapping[str, Splitter] = MappingProxyType(
    {"bytes": whole, "modbus": modbus_tcp, "mqtt": mqtt, "http": http}
)


REPEATABLE = frozenset({"modbus", "mqtt"})
"""Where a message may come twice or late on one connection and still be understood."""


def may_be_repeated(protocol: str, message: bytes) -> bool:
    """Return whether `message` may be repeated or swapped.

    A Modbus message and an MQTT publication may; a second MQTT CONNECT may not, nor may a part
    of a stream.
    """
    is_publication = message[:1] != b"" and message[0] >> 4 == MQTT_PUBLISH
    return protocol in REPEATABLE and (protocol != "mqtt" or is_publication)
