"""Gateways, sensors, measuring points, their keys and what they are told."""

import re
from typing import Final

from device_registry.kinds.checks import check_interval, check_point
from device_registry.kinds.field import GATEWAY_ID, VERSIONED_ID, FieldType, Kind, may, must
from device_registry.kinds.places import STORAGE_CLASSES
from device_registry.lifecycles import GATEWAY as GATEWAY_LIFE
from device_registry.lifecycles import KEY as KEY_LIFE
from device_registry.lifecycles import POINT as POINT_LIFE
from device_registry.lifecycles import SENSOR as SENSOR_LIFE
from device_registry.lifecycles import Lifecycle
from domain.profiles.model import PointClass
from domain.quantity import Quantity

HEX_ID: Final = re.compile(r"[0-9a-f]{8,64}")
"""Hexadecimal: a kid, a certificate's serial, a hash."""
_INT, _REAL, _MS = FieldType.INT, FieldType.REAL, FieldType.MS
_BOOL, _JSON = FieldType.BOOL, FieldType.JSON


def _states(lifecycle: Lifecycle) -> tuple[str, ...]:
    return lifecycle.states


GATEWAY: Final = Kind(
    name="gateway",
    owner="site",
    lifecycle=GATEWAY_LIFE,
    id_pattern=GATEWAY_ID,
    fields=(
        must("site", refers="site"),
        may("model"),
        may("serial"),
        may("heartbeat_s", _INT, minimum=1),
        must("state", choices=_states(GATEWAY_LIFE), indexed=True),
        may("links", _JSON, secret=True),
    ),
)
"""`links`: the buses and brokers it reads from; a broker's password may be among them."""
PROFILE: Final = Kind(name="profile", id_pattern=VERSIONED_ID, fields=(must("document"),))
SENSOR: Final = Kind(
    name="sensor",
    owner="site",
    lifecycle=SENSOR_LIFE,
    fields=(
        must("site", refers="site"),
        must("model"),
        must("serial"),
        may("maker"),
        may("profile"),
        may("refresh_s", _INT, minimum=1),
        must("state", choices=_states(SENSOR_LIFE)),
        may("spare", _BOOL),
        may("link", _JSON),
    ),
)
"""`link`: on which bus or broker of its gateway, and its unit number or topic there."""
POINT: Final = Kind(
    name="point",
    owner="site",
    lifecycle=POINT_LIFE,
    unique=("gateway", "channel"),
    check=check_point,
    fields=(
        must("site", refers="site"),
        may("place", refers="place"),
        must("gateway", refers="gateway"),
        must("channel", _INT, minimum=0),
        may("sensor", refers="sensor"),
        must("name_zh"),
        must("name_en"),
        must("quantity", choices=tuple(Quantity)),
        must("unit"),
        must("point_class", choices=tuple(PointClass)),
        may("storage_class", choices=STORAGE_CLASSES),
        may("rule_packs", _JSON),
        may("x_m", _REAL),
        may("y_m", _REAL),
        may("height_m", _REAL),
        may("photo", refers="file"),
        must("state", choices=_states(POINT_LIFE)),
        may("source"),
    ),
)
"""`source`: the name that the profile, or the message, has for it."""
KEY: Final = Kind(
    name="key",
    owner="gateway",
    lifecycle=KEY_LIFE,
    id_pattern=HEX_ID,
    fields=(
        must("gateway", refers="gateway"),
        must("public"),
        must("key_kind", choices=("software", "pkcs11")),
        must("state", choices=_states(KEY_LIFE)),
        may("logged_index", _INT, minimum=0),
        may("revoked_index", _INT, minimum=0),
    ),
)
CERTIFICATE: Final = Kind(
    name="certificate",
    owner="gateway",
    id_pattern=re.compile(r"[0-9a-f]{1,64}"),
    check=check_interval,
    fields=(
        must("gateway", refers="gateway"),
        must("subject"),
        must("not_before", _MS),
        must("not_after", _MS, indexed=True),
        must("pem"),
        must("state", choices=("valid", "superseded", "revoked")),
    ),
)
CLAIM: Final = Kind(
    name="claim",
    owner="site",
    fields=(
        must("site", refers="site"),
        must("gateway", refers="gateway"),
        must("secret_hash", secret=True),
        must("until_ms", _MS),
        must("state", choices=("open", "bound", "used", "expired", "cancelled"), indexed=True),
        may("csr_key_hash"),
        may("network", _JSON, secret=True),
        may("created_by"),
    ),
)
"""`network` holds a Wi-Fi password."""
REVOCATION: Final = Kind(
    name="revocation",
    owner="gateway",
    fields=(
        must("gateway", refers="gateway"),
        must("kid", refers="key"),
        must("reason"),
        must("requested_by"),
        may("approved_by"),
        must("state", choices=("requested", "approved", "effective", "declined"), indexed=True),
        may("effective_index", _INT, minimum=0),
    ),
)
CONFIGURATION: Final = Kind(
    name="configuration",
    owner="gateway",
    id_pattern=VERSIONED_ID,
    fields=(
        must("gateway", refers="gateway"),
        must("version", _INT, minimum=1),
        must("document", secret=True),
        must("sha256"),
        must("state", choices=("draft", "offered", "applied", "rolled_back", "superseded")),
        may("reason"),
    ),
)
"""`document` says what `links` says; its hash is in the audit trail."""

DEVICES: Final = (
    GATEWAY,
    PROFILE,
    SENSOR,
    POINT,
    KEY,
    CERTIFICATE,
    CLAIM,
    REVOCATION,
    CONFIGURATION,
)
