"""The ways to the cloud that the configuration names, the better one first.

Only what is configured is imported: a gateway on HTTPS does not load an MQTT client.
"""

from edge.uplink.transport import Transport
from gateway_firmware_py.config.settings import Settings, UplinkMode


def ways_to_cloud(settings: Settings, client: str = "") -> list[Transport]:
    """Return the transports of `[uplink]`; at least one, as the configuration was checked.

    `client` keeps a second program apart from the gateway: a broker ends the older of two
    sessions with one name.
    """
    uplink, ways = settings.uplink, list[Transport]()
    gateway = settings.identity.gateway
    if uplink.mqtt is not None and uplink.mode is not UplinkMode.HTTPS:
        from edge.uplink.mqtt import MqttEndpoint, MqttTransport  # noqa: PLC0415

        mqtt = uplink.mqtt
        endpoint = MqttEndpoint(
            host=mqtt.host,
            port=mqtt.port,
            gateway=gateway,
            client=client,
            ca=mqtt.ca,
            cert=mqtt.cert,
            key=mqtt.key,
        )
        ways.append(MqttTransport(endpoint))
    if uplink.https is not None and uplink.mode is not UplinkMode.MQTT:
        from edge.uplink.https import HttpsEndpoint, HttpsTransport  # noqa: PLC0415

        timeout_s = uplink.policy.answer_timeout_ms / 1000
        ways.append(
            HttpsTransport(
                HttpsEndpoint(
                    url=uplink.https.url,
                    gateway=gateway,
                    ca=uplink.https.ca,
                    proxy=uplink.https.proxy,
                    answer_timeout_s=timeout_s,
                )
            )
        )
    return ways
