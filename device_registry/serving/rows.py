"""Turns rows of the registry into the records its readers work with. Pure."""

import json
from typing import Final

from sqlalchemy import RowMapping

from device_registry.access.scope import Subject
from device_registry.records import GatewayRecord, PointRecord, SiteRecord, TenantRecord
from domain.profiles.model import PointClass
from domain.quantity import Quantity
from domain.rules.load import pack_names
from evidence.keys import PublicKey

DEFAULT_HEARTBEAT_S: Final = 60

Values = RowMapping


def tenant_record(row: Values) -> TenantRecord:
    """Return an organisation."""
    return TenantRecord(id=row["id"], name_zh=row["name_zh"], name_en=row["name_en"])


def site_record(row: Values) -> SiteRecord:
    """Return a site, with where it belongs."""
    return SiteRecord(
        id=row["id"],
        tenant=row["organisation"],
        name_zh=row["name_zh"],
        name_en=row["name_en"],
        timezone=row["timezone"],
        subject=Subject(
            org_path=row["org_path"] or "",
            authority_path=row["authority_path"] or "",
            region=row["region"] or "",
            subject_class=row["subject_class"] or "",
        ),
    )


def gateway_record(row: Values, keys: tuple[PublicKey, ...]) -> GatewayRecord:
    """Return a gateway with every key that ever signed for it."""
    return GatewayRecord(
        id=row["id"],
        site=row["site"],
        keys=keys,
        heartbeat_s=row["heartbeat_s"] or DEFAULT_HEARTBEAT_S,
        state=row["state"],
    )


def point_record(row: Values) -> PointRecord:
    """Return a measuring point; a rule pack of another version of this program is left out."""
    named = [str(pack).partition("@")[0] for pack in json.loads(row["rule_packs"] or "[]")]
    return PointRecord(
        id=row["id"],
        site=row["site"],
        gateway=row["gateway"],
        channel=row["channel"],
        name_zh=row["name_zh"],
        name_en=row["name_en"],
        quantity=Quantity(row["quantity"]),
        unit=row["unit"],
        rule_packs=tuple(name for name in named if name in pack_names()),
        point_class=PointClass(row["point_class"]),
        is_former=row["valid_to_ms"] is not None,
        state=row["state"],
    )
