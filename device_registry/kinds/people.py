"""Staff and their certificates, accounts, what they may do, and what they are asked to do."""

from typing import Final

from device_registry.kinds.checks import check_interval
from device_registry.kinds.field import FieldType, Kind, may, must
from device_registry.kinds.places import SUBJECT_CLASSES

_DATE, _MS, _JSON = FieldType.DATE, FieldType.MS, FieldType.JSON

STAFF: Final = Kind(
    name="staff",
    owner="organisation",
    fields=(
        must("organisation", refers="organisation"),
        must("name"),
        must("post"),
        may("phone"),
    ),
)
STAFF_CERTIFICATE: Final = Kind(
    name="staff_certificate",
    owner="staff",
    fields=(
        must("staff", refers="staff"),
        must("certificate_kind"),
        must("number"),
        must("valid_until", _DATE, indexed=True),
    ),
)
ACCOUNT: Final = Kind(
    name="account",
    owner="organisation",
    fields=(
        must("name"),
        must("organisation", refers="organisation"),
        must("state", choices=("active", "locked", "closed")),
        may("password_hash", secret=True),
        may("totp_secret", secret=True),
        may("phone", indexed=True),
        may("phone_verified_ms", _MS, indexed=True),
        may("pin_hash", secret=True),
        may("badge_hash", secret=True, indexed=True),
        may("lang"),
        may("external_id", indexed=True),
    ),
)
GRANT: Final = Kind(
    name="grant",
    owner="account",
    fields=(
        must("account", refers="account"),
        must("role", indexed=True),
        may("organisation", refers="organisation"),
        may("region", refers="region"),
        may("subject_class", choices=SUBJECT_CLASSES),
        may("until_ms", _MS),
        may("work_order", refers="work_order"),
    ),
)
API_TOKEN: Final = Kind(
    name="api_token",
    owner="account",
    fields=(
        must("account", refers="account"),
        must("token_hash", secret=True, indexed=True),
        must("actions", _JSON),
        may("until_ms", _MS),
        may("label"),
    ),
)
WORK_ORDER: Final = Kind(
    name="work_order",
    owner="site",
    check=check_interval,
    fields=(
        must("site", refers="site"),
        must("account", refers="account"),
        must("from_ms", _MS),
        must("until_ms", _MS),
        must("state", choices=("open", "closed"), indexed=True),
        may("what"),
    ),
)
TASK: Final = Kind(
    name="task",
    owner="site",
    fields=(
        must("site", refers="site"),
        must("task_kind"),
        must("title_zh"),
        must("title_en"),
        may("due", _DATE, indexed=True),
        must("state", choices=("open", "done", "cancelled"), indexed=True),
        may("about"),
        may("reason"),
    ),
)

PEOPLE: Final = (ACCOUNT, STAFF, STAFF_CERTIFICATE, WORK_ORDER, GRANT, API_TOKEN, TASK)
