"""What single fields cannot show, and what a text must be; used by the kinds' tables.

Pure. A check of a kind yields (field, what, remedy) for each mistake.
"""

from collections.abc import Iterator, Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from device_registry.errors import CodeError
from domain.errors import WrongUnitError
from domain.quantity import Quantity, check_unit
from domain.rules.load import pack_names

Mistakes = Iterator[tuple[str, str, str]]


def check_timezone(name: str) -> None:
    """Raise `CodeError` unless `name` is an IANA time zone."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        raise CodeError(f"unknown time zone {name!r}", "use one like Asia/Shanghai") from error


def check_coordinates(values: Mapping[str, object]) -> Mistakes:
    """Find a place on the map that is half given, off the globe or without its datum."""
    longitude, latitude = values.get("longitude"), values.get("latitude")
    if (longitude is None) != (latitude is None):
        yield "longitude", "given without the other coordinate", "give both or neither"
    if longitude is not None and not values.get("datum"):
        yield "datum", "missing beside coordinates", "say which datum they are in"
    if isinstance(longitude, float) and abs(longitude) > 180:
        yield "longitude", f"{longitude} is off the globe", "give degrees, -180 to 180"
    if isinstance(latitude, float) and abs(latitude) > 90:
        yield "latitude", f"{latitude} is off the globe", "give degrees, -90 to 90"


def check_quantity(values: Mapping[str, object]) -> Mistakes:
    """Find a unit that does not measure the quantity."""
    try:
        check_unit(Quantity(str(values.get("quantity"))), str(values.get("unit")))
    except WrongUnitError as error:
        yield "unit", str(error), "use a permitted unit"
    except ValueError:
        return


def check_point(values: Mapping[str, object]) -> Mistakes:
    """Find a unit that is not the quantity's, and rules that nobody could judge by."""
    yield from check_quantity(values)
    packs = values.get("rule_packs")
    for pack in packs if isinstance(packs, list) else ():
        if str(pack).partition("@")[0] not in pack_names():
            yield "rule_packs", f"no rule pack {pack!r}", f"use {', '.join(pack_names())}"


def check_interval(values: Mapping[str, object]) -> Mistakes:
    """Find something that ends before it begins."""
    pairs = (
        ("valid_from", "valid_until"),
        ("not_before", "not_after"),
        ("from_ms", "until_ms"),
    )
    for first, last in pairs:
        start, end = values.get(first), values.get(last)
        if isinstance(start, str) and isinstance(end, str) and end < start:
            yield last, f"{end} lies before {start}", "swap them or mend one"
        if isinstance(start, int) and isinstance(end, int) and end < start:
            yield last, f"{end} lies before {start}", "swap them or mend one"
