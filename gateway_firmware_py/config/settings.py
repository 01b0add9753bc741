"""Everything a gateway is told: what `gateway.toml` says, checked and in our own types."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from domain.channel import Channel
from edge.digital.config import DigitalConfig
from edge.judge.frame_judge import JudgedPoint
from edge.modbus.config import ModbusBus
from edge.mqtt_source.config import MqttBroker
from edge.outbox.room import OutboxLimits
from edge.scanner.config import ScannerConfig
from edge.sealer.sealer import SealPolicy
from edge.uplink.window import Policy
from evidence.configuration import ConfigurationDocument
from evidence.keys import PublicKey
from gateway_firmware_py.key_place import KeyPlace


class UplinkMode(StrEnum):
    """How the cloud is reached; `auto` is MQTT, and HTTPS while no broker can be reached."""

    AUTO = "auto"
    MQTT = "mqtt"
    HTTPS = "https"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who this gateway is; `key` is where its evidence key sits."""

    gateway: str
    site: str
    state_dir: Path
    key: KeyPlace


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKeys:
    """The cloud's two keys, pinned at enrolment, and the name of its log."""

    log_origin: str
    log_key: PublicKey
    control_key: PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpsUplink:
    """The cloud's address; `ca` empty means the system's authorities, `proxy` none."""

    url: str
    ca: str = ""
    proxy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttUplink:
    """The cloud's broker, with mutual TLS unless `ca` is empty (loopback only)."""

    host: str
    port: int
    ca: str = ""
    cert: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplink:
    """How batches travel, and how patiently."""

    mode: UplinkMode
    https: HttpsUplink | None
    mqtt: MqttUplink | None
    policy: Policy
    stop_grace_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole configuration; `channels` is the point table in channel order.

    `document` is the configuration from the cloud that the sources come from, None when they
    are those of the file. `clock_vouched`: something outside keeps this machine's clock (a
    container's host), so the kernel's own word on it is not asked.
    """

    file: Path
    identity: Identity
    trust: TrustedKeys
    seal: SealPolicy
    outbox: OutboxLimits
    uplink: Uplink
    status_file: Path
    annunciator_led: Path | None
    broker_listen: tuple[str, int] | None
    clock_vouched: bool
    buses: tuple[ModbusBus, ...]
    mqtt: tuple[MqttBroker, ...]
    scanners: tuple[ScannerConfig, ...]
    digital: tuple[DigitalConfig, ...]
    judged: tuple[JudgedPoint, ...]
    channels: tuple[Channel, ...]
    document: ConfigurationDocument | None = None
