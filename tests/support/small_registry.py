"""A small, correct registry for tests."""

from device_registry.records import GatewayRecord, PointRecord, SiteRecord, TenantRecord
from domain.profiles.model import PointClass
from domain.quantity import Quantity
from evidence.keys import SoftwareKey
from tests.support.fixed_registry import FixedRegistry

GATEWAY_KEY = SoftwareKey(-19, bytes(range(32)))
OTHER_KEY = SoftwareKey(-19, bytes(range(1, 33)))

REGISTRY = FixedRegistry(
    tenants=[TenantRecord(id="chs", name_zh="春和堂药房", name_en="Chunhetang Pharmacy")],
    sites=[
        SiteRecord(
            id="chs-001",
            tenant="chs",
            name_zh="人民路店",
            name_en="Renmin Road",
            timezone="Asia/Shanghai",
        )
    ],
    gateways=[
        GatewayRecord(
            id="gw-chs-001", site="chs-001", keys=(GATEWAY_KEY.public,), heartbeat_s=30
        ),
        GatewayRecord(
            id="gw-chs-002", site="chs-001", keys=(OTHER_KEY.public,), heartbeat_s=60
        ),
    ],
    points=[
        PointRecord(
            id="fridge-1-t",
            site="chs-001",
            gateway="gw-chs-001",
            channel=1,
            name_zh="1 号冰箱 温度",
            name_en="Fridge 1 temperature",
            quantity=Quantity.TEMPERATURE,
            unit="Cel",
            rule_packs=("CN_COLD_2_8",),
            point_class=PointClass.COMPLIANCE,
        ),
        PointRecord(
            id="fridge-1-compressor",
            site="chs-001",
            gateway="gw-chs-001",
            channel=2,
            name_zh="1 号冰箱 压缩机",
            name_en="Fridge 1 compressor",
            quantity=Quantity.STATE,
            unit="1",
            rule_packs=(),
            point_class=PointClass.EQUIPMENT,
        ),
    ],
)
