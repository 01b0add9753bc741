"""The registry's `links` and `link`, read into our own types (docs/configuration.md).

Pure. `gateway.links` holds what `gateway.toml` says of lines and brokers, table by table:

    {"modbus": [{"name": "bus1", "kind": "rtu", "serial_port": "/dev/ttyUSB0", "baud": 9600}],
     "mqtt": [{"name": "z2m", "host": "127.0.0.1"}], "digital": [{"name": "door", "line": 17}],
     "scanner": [...], "broker": {"listen": "127.0.0.1:1883"}, "seal": {"period_s": 60}}

`sensor.link` says where a sensor is: {"bus": "bus1", "unit": 3} or {"bus": "z2m", "topic": …}.
Its `device` is the name that the gateway knows it by, where that is not the sensor's id: a
gateway that was configured by hand before keeps the names its channels were signed under.
"""

from collections.abc import Mapping

Table = Mapping[str, object]


def tables(links: object, name: str) -> list[Table]:
    """Return the tables [[name]] of a gateway's links."""
    found = links.get(name) if isinstance(links, dict) else None
    return [t for t in found if isinstance(t, dict)] if isinstance(found, list) else []


def table(links: object, name: str) -> Table | None:
    """Return the table [name] of a gateway's links."""
    found = links.get(name) if isinstance(links, dict) else None
    return found if isinstance(found, dict) else None


def link_of(sensor_link: object) -> Table:
    """Return a sensor's link, empty when it has none."""
    return sensor_link if isinstance(sensor_link, dict) else {}


def bus_of(link: Table) -> str:
    """Return the bus or broker a sensor is on."""
    return str(link.get("bus", ""))
