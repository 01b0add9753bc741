"""Regions, organisations, sites, and what stands at a site."""

from typing import Final

from device_registry.codes.datum import Datum
from device_registry.codes.region import Level, check_region
from device_registry.codes.uscc import check_uscc
from device_registry.kinds.checks import check_coordinates, check_interval, check_timezone
from device_registry.kinds.field import FieldType, Kind, may, must

SUBJECT_CLASSES: Final = (
    "wholesale",
    "chain_head",
    "retail",
    "hospital",
    "vaccination_point",
    "cdc",
    "carrier",
    "service",
    "regulator",
)
"""批发, 连锁总部, 零售门店, 医院, 接种点, 疾控中心, 承运, 技术服务, 监管部门."""
PLACE_KINDS: Final = (
    "room",
    "cold_room",
    "refrigerator",
    "freezer",
    "vehicle",
    "cold_box",
    "insulated_box",
)
STORAGE_CLASSES: Final = ("ambient", "cool", "cold", "frozen")
"""常温, 阴凉, 冷藏, 冷冻."""
_INT, _REAL, _DATE, _JSON = FieldType.INT, FieldType.REAL, FieldType.DATE, FieldType.JSON

REGION: Final = Kind(
    name="region",
    check_id=check_region,
    fields=(
        must("name_zh"),
        may("name_en"),
        must("level", choices=tuple(Level)),
    ),
)
ORGANISATION: Final = Kind(
    name="organisation",
    owner="id",
    unique=("uscc",),
    fields=(
        must("name_zh"),
        must("name_en"),
        may("uscc", check=check_uscc),
        must("subject_class", choices=SUBJECT_CLASSES),
        must("region", refers="region"),
        may("parent", refers="organisation"),
    ),
)
SITE: Final = Kind(
    name="site",
    owner="organisation",
    check=check_coordinates,
    fields=(
        must("organisation", refers="organisation"),
        must("region", refers="region"),
        must("subject_class", choices=SUBJECT_CLASSES),
        must("name_zh"),
        must("name_en"),
        may("address"),
        must("timezone", check=check_timezone),
        may("area_m2", _REAL, minimum=0),
        may("volume_m3", _REAL, minimum=0),
        may("rack_height_m", _REAL, minimum=0),
        may("longitude", _REAL),
        may("latitude", _REAL),
        may("datum", choices=tuple(Datum)),
        may("geofence_m", _REAL, minimum=0),
    ),
)
PLACE: Final = Kind(
    name="place",
    owner="site",
    fields=(
        must("site", refers="site"),
        must("place_kind", choices=PLACE_KINDS),
        must("name_zh"),
        must("name_en"),
        may("area_m2", _REAL, minimum=0),
        may("volume_m3", _REAL, minimum=0),
        may("rack_height_m", _REAL, minimum=0),
        may("storage_class", choices=STORAGE_CLASSES),
        may("plate"),
        may("floor_plan", refers="file"),
    ),
)
FACILITY: Final = Kind(
    name="facility",
    owner="site",
    fields=(
        must("site", refers="site"),
        may("place", refers="place"),
        must("facility_kind", choices=("cold_room", "compressor", "generator", "ups", "other")),
        must("name_zh"),
        must("name_en"),
        may("maker"),
        may("model"),
        may("serial"),
    ),
)
SPECIAL_EQUIPMENT: Final = Kind(
    name="special_equipment",
    owner="site",
    fields=(
        must("site", refers="site"),
        must("name_zh"),
        must("name_en"),
        must("category"),
        must("registration_number"),
        may("inspection_until", _DATE, indexed=True),
        may("safety_accessories", _JSON),
        may("operators", _JSON),
    ),
)
AUTHORITY: Final = Kind(
    name="authority",
    owner="organisation",
    check=check_interval,
    fields=(
        must("region", refers="region"),
        must("subject_class", choices=SUBJECT_CLASSES),
        must("organisation", refers="organisation"),
        may("valid_from", _DATE),
        may("valid_until", _DATE),
    ),
)
"""The organisation competent for a class of firms in a region and below; the nearest counts."""

PLACES: Final = (
    REGION,
    ORGANISATION,
    AUTHORITY,
    SITE,
    PLACE,
    FACILITY,
    SPECIAL_EQUIPMENT,
)
