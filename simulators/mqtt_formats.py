"""What sensors say over MQTT, in the words of four kinds of firmware.

Used by `simulators.mqtt_device`. Pure. Shapes as Zigbee2MQTT, Tasmota and Shelly (generation 2)
publish them, and a plain JSON as home-made devices do.
"""

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from simulators.refrigerator import Sample

BATTERY_PERCENT = 97
BATTERY_MV = 3000
WAKE_PERIOD_S = 600


@dataclass(frozen=True, slots=True)
class Message:
    """One publication."""

    topic: str
    payload: bytes
    retain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """How one device reports (`report(sample, now_ms)`), appears and disappears."""

    report: Callable[[Sample, int], Message]
    online: Message
    offline: Message


def zigbee_climate(name: str, base: str = "zigbee2mqtt") -> Format:
    """Return a temperature and humidity sensor behind Zigbee2MQTT."""

    def report(sample: Sample, now_ms: int) -> Message:
        return _json(
            f"{base}/{name}",
            {
                "battery": BATTERY_PERCENT,
                "humidity": round(sample.rh, 2),
                "last_seen": _iso(now_ms),
                "linkquality": 120,
                "temperature": round(sample.probe_c, 2),
                "voltage": BATTERY_MV,
            },
        )

    return _zigbee(name, base, report)


def zigbee_contact(name: str, base: str = "zigbee2mqtt") -> Format:
    """Return a door contact behind Zigbee2MQTT: `contact` is true while the door is shut."""

    def report(sample: Sample, now_ms: int) -> Message:
        said = {"battery": BATTERY_PERCENT, "contact": not sample.door_open}
        return _json(f"{base}/{name}", {**said, "last_seen": _iso(now_ms)})

    return _zigbee(name, base, report)


def _zigbee(name: str, base: str, report: Callable[[Sample, int], Message]) -> Format:
    topic = f"{base}/{name}/availability"
    return Format(
        report=report,
        online=Message(topic, b'{"state":"online"}', retain=True),
        offline=Message(topic, b'{"state":"offline"}', retain=True),
    )


def tasmota(name: str, sensor: str = "SHT3X") -> Format:
    """Return a Tasmota device with one climate sensor."""

    def report(sample: Sample, now_ms: int) -> Message:
        climate = {"Temperature": round(sample.probe_c, 1), "Humidity": round(sample.rh, 1)}
        said = {"Time": _iso(now_ms)[:19], sensor: climate, "TempUnit": "C"}
        return _json(f"tele/{name}/SENSOR", said)

    return Format(
        report=report,
        online=Message(f"tele/{name}/LWT", b"Online", retain=True),
        offline=Message(f"tele/{name}/LWT", b"Offline", retain=True),
    )


def shelly_ht(name: str) -> Format:
    """Return a Shelly Plus H&T, which wakes up, reports everything and sleeps again."""

    def report(sample: Sample, now_ms: int) -> Message:
        celsius = round(sample.probe_c, 1)
        battery = {"V": 5.9, "percent": BATTERY_PERCENT}
        params = {
            "ts": now_ms / 1000,
            "devicepower:0": {"id": 0, "battery": battery, "external": {"present": False}},
            "humidity:0": {"id": 0, "rh": round(sample.rh, 1)},
            "sys": {"mac": "C049EF000000", "wakeup_period": WAKE_PERIOD_S},
            "temperature:0": {"id": 0, "tC": celsius, "tF": round(celsius * 1.8 + 32, 1)},
        }
        said = {"src": name, "dst": f"{name}/events", "method": "NotifyFullStatus"}
        return _json(f"{name}/events/rpc", {**said, "params": params})

    return Format(
        report=report,
        online=Message(f"{name}/online", b"true", retain=True),
        offline=Message(f"{name}/online", b"false", retain=True),
    )


def plain_json(topic: str) -> Format:
    """Return a home-made device: `{"cabinet": {"t": 4.31, "rh": 51.2}, "door": 0, ...}`."""

    def report(sample: Sample, now_ms: int) -> Message:
        climate = {"t": round(sample.probe_c, 2), "rh": round(sample.rh, 1)}
        said = {"cabinet": climate, "door": int(sample.door_open), "ts": now_ms}
        return _json(topic, {**said, "mains": int(sample.mains_on)})

    return Format(
        report=report,
        online=Message(f"{topic}/status", b"online", retain=True),
        offline=Message(f"{topic}/status", b"offline", retain=True),
    )


def _json(topic: str, said: Mapping[str, object]) -> Message:
    return Message(topic, json.dumps(said, separators=(",", ":")).encode())


def _iso(now_ms: int) -> str:
    return dt.datetime.fromtimestamp(now_ms / 1000, dt.UTC).isoformat(timespec="milliseconds")
