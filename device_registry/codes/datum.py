"""What a pair of coordinates is measured against; without it a point may be 500 m off."""

from enum import StrEnum


class Datum(StrEnum):
    """The datums met in China."""

    WGS84 = "WGS84"
    """What a satellite receiver gives."""
    GCJ02 = "GCJ02"
    """What most Chinese maps show, shifted on purpose."""
    BD09 = "BD09"
    """Baidu's, shifted once more."""
    CGCS2000 = "CGCS2000"
    """The national one; within centimetres of WGS84."""
