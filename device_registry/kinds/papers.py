"""Papers with a term or a signature: calibrations, verifications, licences, reports, files."""

import re
from typing import Final

from device_registry.kinds.checks import check_interval
from device_registry.kinds.field import FieldType, Kind, may, must
from device_registry.lifecycles import LICENCE as LICENCE_LIFE

_INT, _DATE, _JSON = FieldType.INT, FieldType.DATE, FieldType.JSON

CALIBRATION: Final = Kind(
    name="calibration",
    owner="sensor",
    fields=(
        must("sensor", refers="sensor"),
        must("certificate_no"),
        must("laboratory"),
        must("calibrated_on", _DATE),
        must("valid_until", _DATE, indexed=True),
        may("file", refers="file"),
        may("points", _JSON),
        must("result", choices=("pass", "fail")),
    ),
)
"""`points` is a list of {quantity, reference, error, permitted}."""
VERIFICATION: Final = Kind(
    name="verification",
    owner="site",
    fields=(
        must("site", refers="site"),
        may("place", refers="place"),
        must("verification_kind", choices=("before_use", "special", "periodic", "after_stop")),
        may("plan"),
        may("report", refers="file"),
        may("deviations"),
        may("done_on", _DATE),
        may("due", _DATE, indexed=True),
        may("trigger"),
    ),
)
LICENCE: Final = Kind(
    name="licence",
    owner="organisation",
    lifecycle=LICENCE_LIFE,
    check=check_interval,
    fields=(
        must("organisation", refers="organisation"),
        must("licence_kind"),
        must("number"),
        may("valid_from", _DATE),
        must("valid_until", _DATE, indexed=True),
        may("scope_text"),
        must("state", choices=LICENCE_LIFE.states),
    ),
)
REPORT: Final = Kind(
    name="report",
    owner="site",
    fields=(
        must("site", refers="site"),
        may("gateway", refers="gateway"),
        must("report_kind", indexed=True),
        must("document", _JSON),
        must("sha256"),
        may("signed_by", _JSON),
        may("signature", refers="file"),
    ),
)
CHANGE_RECORD: Final = Kind(
    name="change_record",
    owner="site",
    fields=(
        must("site", refers="site"),
        must("job"),
        must("document", _JSON),
        must("sha256"),
        must("signed_by"),
    ),
)
FILE: Final = Kind(
    name="file",
    owner="site",
    id_pattern=re.compile(r"[0-9a-f]{64}"),
    fields=(
        must("media_type"),
        must("size_bytes", _INT, minimum=0),
        may("name"),
        may("site", refers="site"),
    ),
)
"""The bytes themselves lie beside the database, named by their hash."""

PAPERS: Final = (FILE, CALIBRATION, VERIFICATION, LICENCE, REPORT, CHANGE_RECORD)
