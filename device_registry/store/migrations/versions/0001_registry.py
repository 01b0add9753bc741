"""The registry's first tables: one per kind with its validity, and the audit trail.

Frozen: this is what was, whatever `device_registry.kinds` says today.
"""

from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KINDS: Final = {
    "-region": ("name_zh:text! name_en:text level:text!"),
    "organisation": (
        "name_zh:text! name_en:text! uscc:text subject_class:text! region:text! parent:text"
    ),
    "authority": (
        "region:text! subject_class:text! organisation:text! valid_from:text valid_until:text"
    ),
    "site": (
        "organisation:text! region:text! subject_class:text! name_zh:text! "
        "name_en:text! address:text timezone:text! area_m2:real volume_m3:real "
        "rack_height_m:real longitude:real latitude:real datum:text geofence_m:real"
    ),
    "file": ("media_type:text! size_bytes:int! name:text site:text"),
    "place": (
        "site:text! place_kind:text! name_zh:text! name_en:text! area_m2:real "
        "volume_m3:real rack_height_m:real storage_class:text plate:text "
        "floor_plan:text"
    ),
    "facility": (
        "site:text! place:text facility_kind:text! name_zh:text! name_en:text! "
        "maker:text model:text serial:text"
    ),
    "special_equipment": (
        "site:text! name_zh:text! name_en:text! category:text! "
        "registration_number:text! inspection_until:text safety_accessories:text "
        "operators:text"
    ),
    "gateway": ("site:text! model:text serial:text heartbeat_s:int state:text!"),
    "-profile": ("document:text!"),
    "sensor": (
        "site:text! model:text! serial:text! maker:text profile:text refresh_s:int "
        "state:text! spare:bool"
    ),
    "point": (
        "site:text! place:text gateway:text! channel:int! sensor:text name_zh:text! "
        "name_en:text! quantity:text! unit:text! point_class:text! "
        "storage_class:text rule_packs:text x_m:real y_m:real height_m:real "
        "photo:text state:text!"
    ),
    "key": (
        "gateway:text! public:text! key_kind:text! state:text! logged_index:int "
        "revoked_index:int"
    ),
    "certificate": (
        "gateway:text! subject:text! not_before:int! not_after:int! pem:text! state:text!"
    ),
    "claim": (
        "site:text! gateway:text! secret_hash:text! until_ms:int! state:text! "
        "csr_key_hash:text network:text created_by:text"
    ),
    "revocation": (
        "gateway:text! kid:text! reason:text! requested_by:text! approved_by:text "
        "state:text! effective_index:int"
    ),
    "configuration": (
        "gateway:text! version:int! document:text! sha256:text! state:text! reason:text"
    ),
    "account": (
        "name:text! organisation:text! state:text! password_hash:text "
        "totp_secret:text phone:text phone_verified_ms:int pin_hash:text "
        "badge_hash:text lang:text"
    ),
    "staff": ("organisation:text! name:text! post:text! phone:text"),
    "staff_certificate": ("staff:text! certificate_kind:text! number:text! valid_until:text!"),
    "work_order": ("site:text! account:text! from_ms:int! until_ms:int! state:text! what:text"),
    "grant": (
        "account:text! role:text! organisation:text region:text subject_class:text "
        "until_ms:int work_order:text"
    ),
    "api_token": ("account:text! token_hash:text! actions:text! until_ms:int label:text"),
    "task": (
        "site:text! task_kind:text! title_zh:text! title_en:text! due:text "
        "state:text! about:text reason:text"
    ),
    "calibration": (
        "sensor:text! certificate_no:text! laboratory:text! calibrated_on:text! "
        "valid_until:text! file:text points:text result:text!"
    ),
    "verification": (
        "site:text! place:text verification_kind:text! plan:text report:text "
        "deviations:text done_on:text due:text trigger:text"
    ),
    "licence": (
        "organisation:text! licence_kind:text! number:text! valid_from:text "
        "valid_until:text! scope_text:text state:text!"
    ),
    "report": (
        "site:text! gateway:text report_kind:text! document:text! sha256:text! "
        "signed_by:text signature:text"
    ),
    "change_record": ("site:text! job:text! document:text! sha256:text! signed_by:text!"),
}
"""Columns of each kind: name:type, "!" for one that is always there, "-" before a kind that
belongs to nobody and so has no scope columns."""
INDEXED: Final = {
    "organisation": "region parent",
    "authority": "region organisation",
    "site": "organisation region",
    "file": "site",
    "place": "site",
    "facility": "site place",
    "special_equipment": "site inspection_until",
    "gateway": "site state",
    "sensor": "site",
    "point": "site place gateway sensor",
    "key": "gateway",
    "certificate": "gateway not_after",
    "claim": "site gateway state",
    "revocation": "gateway kid state",
    "configuration": "gateway",
    "account": "organisation phone phone_verified_ms badge_hash",
    "staff": "organisation",
    "staff_certificate": "staff valid_until",
    "work_order": "site account state",
    "grant": "account role organisation region work_order",
    "api_token": "account token_hash",
    "task": "site due state",
    "calibration": "sensor valid_until",
    "verification": "site place due",
    "licence": "organisation valid_until",
    "report": "site gateway report_kind",
    "change_record": "site",
}
UNIQUE: Final = {
    "organisation": ("uscc", False),
    "point": ("gateway channel", True),
}
"""No two rows share these that are current and, where True, not retired."""
TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
KEY: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TYPES: Final[dict[str, TypeEngine[Any]]] = {
    "text": TEXT,
    "int": sa.BigInteger(),
    "real": sa.Double(),
    "bool": sa.Boolean(),
}
SCOPE: Final = ("org_path", "authority_path", "region_code", "subject_class_of")


def upgrade() -> None:
    """Make the tables."""
    _audit()
    for name, columns in KINDS.items():
        _kind(name.lstrip("-"), columns, scoped=not name.startswith("-"))


def _audit() -> None:
    texts = ("actor", "role", "via", "device", "kind", "id", "action")
    op.create_table(
        "audit",
        sa.Column("seq", KEY, primary_key=True, autoincrement=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in texts),
        sa.Column("old", TEXT),
        sa.Column("new", TEXT),
        sa.Column("why", TEXT, nullable=False),
        sa.Column("prev_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("log_index", sa.BigInteger()),
        *(sa.Column(name, TEXT) for name in SCOPE),
    )
    op.create_index("audit_of", "audit", ["kind", "id"])
    for column in ("log_index", "org_path", "authority_path"):
        op.create_index(f"audit_by_{column}", "audit", [column])


def _kind(kind: str, columns: str, *, scoped: bool) -> None:
    op.create_table(
        kind,
        sa.Column("row_id", KEY, primary_key=True),
        sa.Column("id", TEXT, nullable=False),
        *_columns(columns),
        sa.Column("valid_from_ms", sa.BigInteger(), nullable=False),
        sa.Column("valid_to_ms", sa.BigInteger()),
        sa.Column("changed_by", sa.BigInteger(), sa.ForeignKey("audit.seq"), nullable=False),
        *(sa.Column(name, TEXT) for name in SCOPE if scoped),
    )
    _index(kind, "current", ["id"], unique=True)
    op.create_index(f"{kind}_versions", kind, ["id", "valid_from_ms"])
    for column in INDEXED.get(kind, "").split():
        _index(kind, f"by_{column}", [column])
    if scoped:
        _index(kind, "by_org_path", ["org_path", "id", "valid_to_ms"])
        _index(kind, "by_authority_path", ["authority_path", "org_path", "id", "valid_to_ms"])
        _index(kind, "by_region_code", ["region_code", "subject_class_of", "id", "valid_to_ms"])
    if kind in UNIQUE:
        names, outlives = UNIQUE[kind]
        alive = "valid_to_ms IS NULL" + (" AND state != 'retired'" if outlives else "")
        _index(kind, "unique", names.split(), unique=True, where=alive)


def _columns(columns: str) -> Iterator[sa.Column[Any]]:
    for column in columns.split():
        name, _, type_ = column.rstrip("!").partition(":")
        yield sa.Column(name, TYPES[type_], nullable=not column.endswith("!"))


def _index(
    kind: str,
    name: str,
    columns: list[str],
    *,
    unique: bool = False,
    where: str = "valid_to_ms IS NULL",
) -> None:
    current = sa.text(where)
    op.create_index(
        f"{kind}_{name}",
        kind,
        columns,
        unique=unique,
        sqlite_where=current,
        postgresql_where=current,
    )
