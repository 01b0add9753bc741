"""What a simulated pharmacy measures: its points, and the configuration texts they need.

Used by `simulators.site` and the demo. The texts are what an operator would write by hand for
the gateway and the registry; pure.
"""

from dataclasses import dataclass

EQUIPMENT = "equipment"
COMPLIANCE = "compliance"


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePoint:
    """One measured quantity; `path` is a JSON path where the message has no fixed shape."""

    channel: int
    name: str
    quantity: str
    title_zh: str
    title_en: str
    rule_pack: str = ""
    path: str = ""

    @property
    def kind(self) -> str:
        """Return whether the point proves storage conditions or describes equipment."""
        return COMPLIANCE if self.rule_pack else EQUIPMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusPart:
    """One device of the Modbus line."""

    name: str
    unit: int
    profile: str
    points: tuple[SitePoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttPart:
    """One MQTT device."""

    name: str
    format: str
    topic: str
    points: tuple[SitePoint, ...]


def _climate(first: int, pack: str, zh: str, en: str) -> tuple[SitePoint, SitePoint]:
    return (
        SitePoint(
            channel=first,
            name="temperature",
            quantity="temperature",
            title_zh=f"{zh} 温度",
            title_en=f"{en} temperature",
            rule_pack=pack,
        ),
        SitePoint(
            channel=first + 1,
            name="humidity",
            quantity="humidity",
            title_zh=f"{zh} 湿度",
            title_en=f"{en} humidity",
            rule_pack=pack,
        ),
    )


def _single(channel: int, name: str, quantity: str, zh: str, en: str) -> SitePoint:
    return SitePoint(channel=channel, name=name, quantity=quantity, title_zh=zh, title_en=en)


MODBUS_PARTS = (
    ModbusPart(
        name="fridge-1",
        unit=1,
        profile="RS-WS-N01",
        points=_climate(1, "CN_COLD_2_8", "冷藏柜 1 号", "Refrigerator 1"),
    ),
    ModbusPart(
        name="fridge-2",
        unit=2,
        profile="XY-MD02",
        points=_climate(3, "CN_COLD_2_8", "冷藏柜 2 号", "Refrigerator 2"),
    ),
    ModbusPart(
        name="cool-room",
        unit=3,
        profile="HMT330",
        points=_climate(5, "CN_COOL_20", "阴凉库", "Cool room"),
    ),
    ModbusPart(
        name="fridge-1-controller",
        unit=4,
        profile="EKC202B",
        points=(
            _single(7, "air", "temperature", "冷藏柜 1 号 送风", "Refrigerator 1 air"),
            _single(8, "cooling", "state", "冷藏柜 1 号 压缩机", "Refrigerator 1 compressor"),
        ),
    ),
)
MQTT_PARTS = (
    MqttPart(
        name="fridge-3",
        format="zigbee2mqtt",
        topic="zigbee2mqtt/fridge-3",
        points=_climate(9, "CN_COLD_2_8", "冷藏柜 3 号", "Refrigerator 3"),
    ),
    MqttPart(
        name="fridge-3-door",
        format="zigbee2mqtt",
        topic="zigbee2mqtt/fridge-3-door",
        points=(_single(11, "contact", "door", "冷藏柜 3 号 柜门", "Refrigerator 3 door"),),
    ),
    MqttPart(
        name="mains",
        format="json",
        topic="pharmacy/mains",
        points=(
            SitePoint(
                channel=12,
                name="mains",
                quantity="mains",
                title_zh="市电",
                title_en="Mains power",
                rule_pack="CN_COLD_2_8",
                path="$.mains",
            ),
        ),
    ),
)


def site_points(*, with_mqtt: bool) -> tuple[SitePoint, ...]:
    """Return every point of the site in channel order."""
    parts: tuple[ModbusPart | MqttPart, ...] = MODBUS_PARTS
    if with_mqtt:
        parts += MQTT_PARTS
    return tuple(point for part in parts for point in part.points)


def modbus_text(host: str, port: int, period_ms: int) -> str:
    """Return the gateway's configuration of the devices behind a TCP port."""
    lines = ['kind = "tcp"', f'host = "{host}"', f"port = {port}"]
    return _line_text(lines, period_ms)


def rtu_text(serial_port: str, baud: int, period_ms: int) -> str:
    """Return the gateway's configuration of the same devices on a serial line."""
    lines = ['kind = "rtu"', f'serial_port = "{serial_port}"', f"baud = {baud}"]
    return _line_text(lines, period_ms)


def _line_text(link: list[str], period_ms: int) -> str:
    lines = ["[[modbus]]", 'name = "cabinets"', *link]
    for part in MODBUS_PARTS:
        lines += [
            "",
            "  [[modbus.device]]",
            f'  name = "{part.name}"',
            f"  unit = {part.unit}",
            f'  profile = "{part.profile}"',
            f"  period_ms = {period_ms}",
            f'  serial = "SIM-{part.unit:04d}"',
        ]
        for point in part.points:
            lines += ["", "    [[modbus.device.point]]", *_point_lines(point)]
    return "\n".join(lines) + "\n"


def mqtt_text(host: str, port: int) -> str:
    """Return the gateway's configuration of the MQTT devices."""
    lines = ["[[mqtt]]", 'name = "sensors"', f'host = "{host}"', f"port = {port}"]
    for part in MQTT_PARTS:
        lines += [
            "",
            "  [[mqtt.device]]",
            f'  name = "{part.name}"',
            f'  format = "{part.format}"',
            f'  topic = "{part.topic}"',
        ]
        for point in part.points:
            lines += ["", "    [[mqtt.device.point]]", *_point_lines(point)]
            if part.format == "json":
                lines += [f'    quantity = "{point.quantity}"', f'    path = "{point.path}"']
    return "\n".join(lines) + "\n"


def scanner_text(host: str, port: int) -> str:
    """Return the gateway's configuration of the scanner."""
    lines = ["[[scanner]]", 'name = "counter"', 'kind = "tcp"', f'host = "{host}"']
    return "\n".join([*lines, f"port = {port}"]) + "\n"


def _point_lines(point: SitePoint) -> list[str]:
    lines = [f'    name = "{point.name}"', f"    channel = {point.channel}"]
    if point.rule_pack:
        lines.append(f'    rule_pack = "{point.rule_pack}"')
    return lines
