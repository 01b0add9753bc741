"""The signed point table: what each channel number of a gateway means (SPEC.md section 5).

It travels as an event at sequence number 0 of each epoch and at every change; every batch
carries its hash. Rows are in ascending channel number, so one table has one hash.
"""

import hashlib
from collections.abc import Sequence

from domain.channel import Channel
from domain.quantity import Quantity
from evidence import cbor
from evidence.errors import WireError

MAX_TEXT_BYTES = 256
MAX_CHANNEL = (1 << 32) - 1
EXPONENTS = range(-128, 128)
_ROW_FIELDS = (int, str, str, str, str, str, int, str)


def encode_table(channels: Sequence[Channel]) -> list[object]:
    """Return the rows as they are put into an event, sorted by channel number."""
    return [
        [c.number, c.device, c.serial, c.source, str(c.quantity), c.unit, c.exp, c.profile]
        for c in sorted(channels, key=lambda c: c.number)
    ]


def table_hash(channels: Sequence[Channel]) -> bytes:
    """Return SHA-256 of the encoded table: body key 11."""
    return hashlib.sha256(cbor.encode(encode_table(channels))).digest()


def check_table(table: object) -> None:
    """Accept the shape of a table, whatever its quantities are called.

    Raises:
        WireError: "field", naming the row.
    """
    if not isinstance(table, list):
        raise WireError("field", "point table is not an array")
    before = -1
    for index, row in enumerate(table):
        if not isinstance(row, list) or tuple(map(type, row)) != _ROW_FIELDS:
            raise WireError("field", f"point table row {index} does not have its eight fields")
        if not before < row[0] <= MAX_CHANNEL or row[6] not in EXPONENTS:
            raise WireError("field", f"point table row {index}: channel or exponent is wrong")
        if any(len(text.encode()) > MAX_TEXT_BYTES for text in row if isinstance(text, str)):
            raise WireError("field", f"point table row {index} has a text over its limit")
        before = row[0]


def decode_table(table: object) -> tuple[Channel, ...]:
    """Return the rows of an encoded table.

    Raises:
        WireError: "field" as `check_table`; "unsupported" for a quantity not known here.
    """
    check_table(table)
    assert isinstance(table, list)  # noqa: S101 - what check_table has just established
    return tuple(_channel(row) for row in table)


def _channel(row: list[object]) -> Channel:
    match row:
        case [
            int() as number,
            str() as device,
            str() as serial,
            str() as source,
            str() as quantity,
            str() as unit,
            int() as exp,
            str() as profile,
        ] if quantity in Quantity.__members__.values():
            return Channel(
                number=number,
                device=device,
                serial=serial,
                source=source,
                quantity=Quantity(quantity),
                unit=unit,
                exp=exp,
                profile=profile,
            )
        case _:
            raise WireError("unsupported", f"quantity {row[4]!r} is not known to this version")
