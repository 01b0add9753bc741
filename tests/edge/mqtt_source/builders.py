"""Devices and points for the tests of this folder."""

from edge.mqtt_source.config import Format, MqttBroker, MqttDevice, MqttPoint


def known(shape: Format, *names: str, first: int = 1) -> tuple[MqttPoint, ...]:
    return tuple(MqttPoint.known(shape, name, n) for n, name in enumerate(names, first))


def device(shape: Format, topic: str, *names: str, first: int = 1) -> MqttDevice:
    points = known(shape, *names, first=first)
    return MqttDevice(name=f"device {topic}", format=shape, topic=topic, points=points)


def broker(*devices: MqttDevice, port: int = 1883) -> MqttBroker:
    return MqttBroker(name="site", host="127.0.0.1", port=port, devices=devices)
