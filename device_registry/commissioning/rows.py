"""Registry rows as the checks take them: rule packs of a point, certificates of a sensor.

Pure; used by commissioning, field jobs, the expiry engine and the import of certificates.
"""

from collections.abc import Mapping
from datetime import date

from domain.gsp.calibration import Certificate, points_of
from domain.rules.load import pack_names, rule_pack
from domain.rules.model import RulePack

Values = Mapping[str, object]
"""The fields of a registry row."""


def packs_of(point: Values) -> tuple[RulePack, ...]:
    """Return the rule packs that a point row names, `NAME` or `NAME@version`."""
    names = point.get("rule_packs") or []
    assert isinstance(names, list)  # noqa: S101 - the registry checked it
    bare = [str(name).partition("@")[0] for name in names]
    return tuple(rule_pack(name) for name in bare if name in pack_names())


def newest_certificate(sensor: str, calibrations: Mapping[str, Values]) -> Certificate | None:
    """Return what the newest calibration row of a sensor says."""
    own = [row for row in calibrations.values() if row.get("sensor") == sensor]
    if not sensor or not own:
        return None
    row = max(own, key=lambda r: (str(r["calibrated_on"]), str(r["certificate_no"])))
    return certificate_of(row)


def certificate_of(row: Values) -> Certificate:
    """Return a calibration row as a certificate."""
    points = row.get("points") or []
    assert isinstance(points, list)  # noqa: S101 - the registry checked it
    return Certificate(
        number=str(row["certificate_no"]),
        calibrated_on=date.fromisoformat(str(row["calibrated_on"])),
        valid_until=date.fromisoformat(str(row["valid_until"])),
        points=points_of(points),
        failed=str(row["result"]) != "pass",
    )
