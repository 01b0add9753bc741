"""The registry of the simulated pharmacy, as `coldwarden-cloud registry import` takes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from domain.quantity import UCUM, Quantity
from evidence.keys import PublicKey
from simulators.points import (
    MODBUS_PARTS,
    MQTT_PARTS,
    ModbusPart,
    MqttPart,
    SitePoint,
    site_points,
)

ORGANISATION, REGION, OPERATOR = "chs", "510502", "operator"
BUS, BROKER = "cabinets", "sensors"

Document = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """Where the simulated devices are found, and how often everything is read."""

    host: str
    modbus_port: int
    mqtt: tuple[str, int]
    scanner_port: int
    listen: str
    period_s: int
    seal_s: float


def pharmacy(site: str, gateway: str, *, with_mqtt: bool, heartbeat_s: int = 60) -> Document:
    """Return a pharmacy of a chain in Luzhou, with one gateway that is not enrolled yet."""
    return {
        **organisations(),
        "site": [
            {
                "id": site,
                "organisation": ORGANISATION,
                "region": REGION,
                "subject_class": "retail",
                "name_zh": "春和堂药房人民路店",
                "name_en": "Chunhetang Pharmacy, Renmin Road",
                "timezone": "Asia/Shanghai",
                "area_m2": 180.0,
            }
        ],
        "gateway": [
            {"id": gateway, "site": site, "heartbeat_s": heartbeat_s, "state": "ordered"}
        ],
        "point": points(site, gateway, site_points(with_mqtt=with_mqtt)),
    }


def organisations() -> Document:
    """Return the regions, the chain, and the authority that is competent for its shops."""
    return {
        "region": [
            {"id": "510000", "name_zh": "四川省", "name_en": "Sichuan", "level": "province"},
            {"id": "510500", "name_zh": "泸州市", "name_en": "Luzhou", "level": "city"},
            {"id": "510502", "name_zh": "江阳区", "name_en": "Jiangyang", "level": "county"},
        ],
        "organisation": [
            {
                "id": "jyamr",
                "name_zh": "江阳区市场监督管理局",
                "name_en": "Jiangyang Administration for Market Regulation",
                "subject_class": "regulator",
                "region": REGION,
            },
            {
                "id": ORGANISATION,
                "name_zh": "春和堂药房",
                "name_en": "Chunhetang Pharmacy",
                "subject_class": "chain_head",
                "region": REGION,
            },
        ],
        "authority": [
            {
                "id": "510502-retail",
                "region": REGION,
                "subject_class": "retail",
                "organisation": "jyamr",
            }
        ],
    }


def wired(document: Document, wiring: Wiring) -> Document:
    """Return the document with the devices that measure its points, and how they are read.

    It is all that the gateway will ever be told: its configuration is made from it.
    """
    (gateway,), (site,) = document["gateway"], document["site"]
    sensors, sources = [], {}
    for part in MODBUS_PARTS + MQTT_PARTS:
        sensor = f"{site['id']}-{part.name}"
        sensors.append(_sensor(site["id"], sensor, part, wiring))
        sources.update({point.channel: (sensor, point.name) for point in part.points})
    placed = []
    for point in document["point"]:
        sensor, source = sources[point["channel"]]
        placed.append({**point, "sensor": sensor, "source": source})
    links = {
        "modbus": [
            {
                "name": BUS,
                "kind": "tcp",
                "host": wiring.host,
                "port": wiring.modbus_port,
            }
        ],
        "mqtt": [{"name": BROKER, "host": wiring.mqtt[0], "port": wiring.mqtt[1]}],
        "scanner": [
            {"name": "counter", "kind": "tcp", "host": wiring.host, "port": wiring.scanner_port}
        ],
        "broker": {"listen": wiring.listen},
        "seal": {"period_s": wiring.seal_s},
    }
    return {
        **document,
        "gateway": [{**gateway, "links": links}],
        "sensor": sensors,
        "point": placed,
    }


def _sensor(
    site: str, sensor: str, part: ModbusPart | MqttPart, wiring: Wiring
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": sensor,
        "site": site,
        "serial": f"SIM-{sensor}",
        "state": "stock",
        "refresh_s": wiring.period_s,
    }
    if isinstance(part, ModbusPart):
        link = {"bus": BUS, "unit": part.unit}
        return {**row, "model": part.profile, "profile": part.profile, "link": link}
    link = {"bus": BROKER, "format": part.format, "topic": part.topic}
    paths = {p.name: {"path": p.path} for p in part.points if p.path}
    return {**row, "model": part.format, "link": {**link, "points": paths}}


def points(site: str, gateway: str, known: Sequence[SitePoint]) -> list[dict[str, Any]]:
    """Return the measuring points of a gateway's channels."""
    return [
        {
            "id": f"{site}-{point.channel:02d}",
            "site": site,
            "gateway": gateway,
            "channel": point.channel,
            "name_zh": point.title_zh,
            "name_en": point.title_en,
            "quantity": point.quantity,
            "unit": UCUM[Quantity(point.quantity)][0],
            "point_class": point.kind,
            "rule_packs": [point.rule_pack] if point.rule_pack else [],
            "state": "planned",
        }
        for point in known
    ]


def with_key(document: Document, gateway: str, key: PublicKey) -> Document:
    """Return the document with a gateway that needs no enrolment: its key is known."""
    gateways = [
        {**entry, "state": "in_service"} if entry["id"] == gateway else entry
        for entry in document["gateway"]
    ]
    row = {
        "id": key.kid.hex(),
        "gateway": gateway,
        "public": key.to_text(),
        "key_kind": "software",
        "state": "active",
    }
    return {**document, "gateway": gateways, "key": [row]}


def with_operator(document: Document, token: str) -> Document:
    """Return the document with an operator who is asked for nothing but a token.

    A token is `cwt_ID_SECRET`; the registry keeps the SHA-256 of the secret.
    """
    _, identity, secret = token.split("_", 2)
    return {
        **document,
        "account": [
            {
                "id": OPERATOR,
                "name": "Demo operator",
                "organisation": ORGANISATION,
                "state": "active",
            }
        ],
        "grant": [{"id": f"{OPERATOR}-operator", "account": OPERATOR, "role": "operator"}],
        "api_token": [
            {
                "id": identity,
                "account": OPERATOR,
                "token_hash": sha256(secret.encode()).hexdigest(),
                "actions": ["operate", "view_site", "view_readings", "view_registry"],
                "label": "demo",
            }
        ],
    }
