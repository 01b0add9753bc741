"""Registries as small or as large as a test needs."""

from collections.abc import Iterable

from device_registry.records import GatewayRecord, PointRecord, SiteRecord, TenantRecord
from domain.profiles.model import PointClass
from domain.quantity import Quantity
from tests.support.fixed_registry import FixedRegistry

TENANT = "chs"
SITE = "chs-001"


def gateway_name(number: int) -> str:
    """Return the id of the gateway that `registry_of` makes as its `number`-th."""
    return f"gw-{number:05}"


def point_name(gateway: str, channel: int) -> str:
    """Return the id of the point that `registry_of` makes for a channel."""
    return f"{gateway}-p{channel}"


def registry_of(
    gateways: Iterable[str] = (gateway_name(0),),
    channels: Iterable[int] = range(1, 9),
    *,
    quantity: Quantity = Quantity.TEMPERATURE,
    rule_packs: tuple[str, ...] = ("CN_COLD_2_8",),
    heartbeat_s: int = 60,
) -> FixedRegistry:
    """Return one site whose gateways all have the same channels."""
    names, numbers = list(gateways), list(channels)
    return FixedRegistry(
        tenants=[TenantRecord(id=TENANT, name_zh="华仁堂", name_en="Chain")],
        sites=[
            SiteRecord(
                id=SITE,
                tenant=TENANT,
                name_zh="一号药房",
                name_en="Pharmacy 1",
                timezone="Asia/Shanghai",
            )
        ],
        gateways=[
            GatewayRecord(id=name, site=SITE, keys=(), heartbeat_s=heartbeat_s)
            for name in names
        ],
        points=[
            PointRecord(
                id=point_name(name, channel),
                site=SITE,
                gateway=name,
                channel=channel,
                name_zh=f"冷藏柜{channel}",
                name_en=f"fridge {channel}",
                quantity=quantity,
                unit="Cel",
                rule_packs=rule_packs,
                point_class=PointClass.COMPLIANCE,
            )
            for name in names
            for channel in numbers
        ],
    )
