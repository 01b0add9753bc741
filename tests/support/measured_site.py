"""A registered site whose gateway is told how to read its probes: buses, broker, an input."""

from device_registry.store.audit import Actor
from device_registry.store.change import Change
from device_registry.store.store import RegistryStore
from tests.support.cloud_core import AT_MS, register
from tests.support.signing import SigningGateway

LEAD = Actor(account="lead", role="technician", via="web")
LINKS = {
    "seal": {"period_s": 60},
    "modbus": [
        {"name": "bus1", "kind": "rtu", "serial_port": "/dev/ttyUSB0", "baud": 9600},
        {"name": "unused", "kind": "tcp", "host": "127.0.0.1", "port": 502},
    ],
    "mqtt": [{"name": "z2m", "host": "127.0.0.1", "port": 1883}],
    "digital": [{"name": "door", "line": 17}],
}
SENSORS: dict[str, dict[str, object]] = {
    "probe-1": {"profile": "XY-MD02@1", "link": {"bus": "bus1", "unit": 3}, "refresh_s": 20},
    "probe-2": {
        "profile": "",
        "link": {
            "bus": "z2m",
            "format": "json",
            "topic": "site/t",
            "points": {"t": {"path": "$.temperature", "exp": -2}},
        },
    },
}


def equip(store: RegistryStore, gateway: SigningGateway) -> None:
    """Enter the gateway with two sensors, a door contact and four points."""
    register(store, gateway)
    with store.change(LEAD, "equipped", AT_MS) as change:
        change.put("gateway", gateway.id, links=LINKS)
        for name, fields in SENSORS.items():
            put_sensor(change, gateway, name, **fields)
        change.end("point", f"{gateway.id}-p1")
        temperature = {"quantity": "temperature", "unit": "Cel"}
        put_point(change, gateway, 1, sensor="probe-1", source="temperature", **temperature)
        put_point(
            change,
            gateway,
            2,
            sensor="probe-1",
            source="humidity",
            quantity="humidity",
            unit="%",
        )
        put_point(change, gateway, 3, sensor="probe-2", source="t", **temperature)
        put_point(change, gateway, 4, source="door", quantity="door", unit="1")


def put_sensor(change: Change, gateway: SigningGateway, name: str, **fields: object) -> None:
    """Enter a sensor."""
    known = {"site": gateway.site, "model": "m", "serial": f"SN-{name}", "state": "in_service"}
    change.put("sensor", name, **known, **{k: v for k, v in fields.items() if v})


def put_point(change: Change, gateway: SigningGateway, channel: int, **fields: object) -> None:
    """Enter a point."""
    packs = ["CN_COLD_2_8@1"] if fields.get("quantity") == "temperature" else []
    change.put(
        "point",
        f"{gateway.id}-q{channel}",
        **{
            "site": gateway.site,
            "gateway": gateway.id,
            "channel": channel,
            "name_zh": "测点",
            "name_en": "point",
            "rule_packs": packs,
            "point_class": "compliance",
            "state": "in_service",
            **fields,
        },
    )
