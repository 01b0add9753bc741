"""What kind of space points stand in; the rules for their number and place follow from it."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final, assert_never


class SpaceKind(StrEnum):
    """Kinds of space that the rules tell apart; the rack height divides stores further."""

    STORE = "store"
    """Ambient or cool store, shop floor."""
    COLD_STORE = "cold_store"
    REFRIGERATOR = "refrigerator"
    """Refrigerator or freezer: a cabinet, not a room."""
    VEHICLE = "vehicle"
    BOX = "box"


class PlaceKind(StrEnum):
    """The registry's kinds of place."""

    ROOM = "room"
    COLD_ROOM = "cold_room"
    REFRIGERATOR = "refrigerator"
    FREEZER = "freezer"
    VEHICLE = "vehicle"
    COLD_BOX = "cold_box"
    INSULATED_BOX = "insulated_box"


COLD_CLASSES: Final = frozenset({"cold", "frozen"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """A room, cabinet, compartment or box; None is what nobody has recorded yet."""

    place_kind: PlaceKind
    storage_class: str = ""
    """ambient, cool, cold or frozen; a room for cold goods is a cold store."""
    area_m2: Decimal | None = None
    volume_m3: Decimal | None = None
    rack_height_m: Decimal | None = None
    """Height of the racks or stacks; the highest goods lie at this height."""

    @property
    def kind(self) -> SpaceKind:
        """What the rules call it."""
        match self.place_kind:
            case PlaceKind.ROOM if self.storage_class in COLD_CLASSES:
                return SpaceKind.COLD_STORE
            case PlaceKind.ROOM:
                return SpaceKind.STORE
            case PlaceKind.COLD_ROOM:
                return SpaceKind.COLD_STORE
            case PlaceKind.REFRIGERATOR | PlaceKind.FREEZER:
                return SpaceKind.REFRIGERATOR
            case PlaceKind.VEHICLE:
                return SpaceKind.VEHICLE
            case PlaceKind.COLD_BOX | PlaceKind.INSULATED_BOX:
                return SpaceKind.BOX
            case _:
                assert_never(self.place_kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a point or a probe of a verification is, in metres from one corner of the floor."""

    x_m: Decimal | None = None
    y_m: Decimal | None = None
    height_m: Decimal | None = None


def metres(value: object) -> Decimal | None:
    """Return a registry number as an exact decimal; None for what is not recorded."""
    return None if value is None else Decimal(str(value))
