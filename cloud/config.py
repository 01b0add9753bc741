"""The server's configuration: `cloud.toml`, read once, refused with file, line and remedy.

Used by `cloud.compose` and the commands. Relative paths are taken from the file's own folder,
so that a whole installation can be moved. Unknown sections and keys are refused: a misspelt
setting that is silently ignored is how limits get lost.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cloud.toml_reader import TomlReader
from domain.web_address import parts_of

LISTEN_PORT = 8080
SEGMENT_MIB = 256
SQLITE = "sqlite:///"
REGISTRY_URL = f"{SQLITE}registry.db"
TIMESERIES_KINDS = ("sqlite", "influx", "victoria")


SETTINGS_HELP = """\
settings in cloud.toml; paths are relative to the file, all but log_name may be left out:
  [server]      host port state_dir       where to serve; what can be rebuilt
  [archive]     dir log_name segment_mib  the truth; the log's name without the year
  [keys]        log control               private keys, 0600
  [registry]    url                       sqlite:///registry.db, or postgresql+psycopg://...
  [trust]       dir                       what auditors pin, written at every start
  [mqtt]        host port ca cert key     a broker; ca, cert and key for mutual TLS
  [enrolment]   ca url mqtt_host mqtt_port  our certificate authority, where gateways find us
  [broker]      acl crl pid_file          what is written for Mosquitto, which is told by SIGHUP
  [access]      second_factor base_url providers   false: roles count without it; our address
  [timeseries]  kind url database user password   sqlite (default), influx or victoria
  [webhook]     urls                      where alarms are sent
  [policy]      silent_periods restore_quorum backup_every_h
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttConfig:
    """The broker to take batches from; `ca`, `cert`, `key` all set (mutual TLS) or all None."""

    host: str
    port: int
    ca: Path | None
    cert: Path | None
    key: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentConfig:
    """How gateways enrol: our certificate authority, and where they find us."""

    ca_dir: Path
    url: str
    mqtt_host: str
    mqtt_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerConfig:
    """What this server writes for the broker, and where the broker's process id stands."""

    acl: Path
    crl: Path
    pid_file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSeriesConfig:
    """Where readings are projected to; `url` is empty for the embedded SQLite."""

    kind: str = "sqlite"
    url: str = ""
    database: str = "coldwarden"
    user: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyConfig:
    """Numbers an operator may change; times are ms unless the name says otherwise."""

    silent_periods: int = 2
    restore_quorum: int = 2
    backup_every_h: int = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything `cloud.toml` says, paths absolute."""

    file: Path
    host: str
    port: int
    state_dir: Path
    archive_dir: Path
    segment_bytes: int
    log_name: str
    log_key: Path
    control_key: Path
    registry_url: str
    trust_dir: Path
    mqtt: MqttConfig | None
    enrolment: EnrolmentConfig
    broker: BrokerConfig | None
    second_factor: bool
    base_url: str
    """This server as browsers see it; "" for what they say themselves."""
    providers: Path | None
    """The file of other ways to log in."""
    timeseries: TimeSeriesConfig
    webhook_urls: tuple[str, ...]
    policy: PolicyConfig

    @property
    def registry_file(self) -> Path | None:
        """The registry's file; None when a server holds it."""
        if not self.registry_url.startswith(SQLITE):
            return None
        return Path(self.registry_url.removeprefix(SQLITE))


def load_config(file: Path) -> Config:
    """Return what `file` says; ConfigError names file, line, what is wrong and the remedy."""
    return _config(TomlReader.open(file))


_KNOWN: Mapping[str, tuple[str, ...]] = {
    "server": ("host", "port", "state_dir"),
    "archive": ("dir", "log_name", "segment_mib"),
    "keys": ("log", "control"),
    "registry": ("url",),
    "trust": ("dir",),
    "mqtt": ("host", "port", "ca", "cert", "key"),
    "enrolment": ("ca", "url", "mqtt_host", "mqtt_port"),
    "broker": ("acl", "crl", "pid_file"),
    "access": ("second_factor", "base_url", "providers"),
    "timeseries": ("kind", "url", "database", "user", "password"),
    "webhook": ("urls",),
    "policy": ("silent_periods", "restore_quorum", "backup_every_h"),
}


def _config(r: TomlReader) -> Config:
    r.only(_KNOWN)
    return Config(
        file=r.file.resolve(),
        host=r.text("server", "host", "127.0.0.1"),
        port=r.number("server", "port", LISTEN_PORT, 0, 65535),
        state_dir=r.path("server", "state_dir", "state"),
        archive_dir=r.path("archive", "dir", "archive"),
        segment_bytes=r.number("archive", "segment_mib", SEGMENT_MIB, 1, 1024) << 20,
        log_name=_log_name(r),
        log_key=r.path("keys", "log", "keys/log.key"),
        control_key=r.path("keys", "control", "keys/control.key"),
        registry_url=_registry_url(r),
        trust_dir=r.path("trust", "dir", "trust"),
        mqtt=_mqtt(r) if r.has("mqtt") else None,
        enrolment=_enrolment(r),
        broker=_broker(r) if r.has("broker") else None,
        second_factor=r.flag("access", "second_factor", default=True),
        base_url=_base_url(r),
        providers=r.optional_path("access", "providers"),
        timeseries=_timeseries(r),
        webhook_urls=_webhooks(r),
        policy=_policy(r),
    )


def _mqtt(r: TomlReader) -> MqttConfig:
    config = MqttConfig(
        host=r.text("mqtt", "host"),
        port=r.number("mqtt", "port", 8883, 1, 65535),
        ca=r.optional_path("mqtt", "ca"),
        cert=r.optional_path("mqtt", "cert"),
        key=r.optional_path("mqtt", "key"),
    )
    files = {"ca": config.ca, "cert": config.cert, "key": config.key}
    if any(files.values()) and not all(files.values()):
        absent = next(name for name, value in files.items() if value is None)
        raise r.fail("mqtt", absent, "mutual TLS needs ca, cert and key; set all three or none")
    for name, value in files.items():
        if value is not None and not value.is_file():
            raise r.fail("mqtt", name, f"no such file: {value}")
    return config


def _enrolment(r: TomlReader) -> EnrolmentConfig:
    host, port = (
        r.text("server", "host", "127.0.0.1"),
        r.number("server", "port", LISTEN_PORT, 0, 65535),
    )
    url = r.text("enrolment", "url", f"http://{host}:{port}")
    if not _is_url(url):
        raise r.fail("enrolment", "url", f"{url!r}; expected the address that gateways use")
    return EnrolmentConfig(
        ca_dir=r.path("enrolment", "ca", "keys/ca"),
        url=url.rstrip("/"),
        mqtt_host=r.text("enrolment", "mqtt_host", ""),
        mqtt_port=r.number("enrolment", "mqtt_port", 8883, 1, 65535),
    )


def _broker(r: TomlReader) -> BrokerConfig:
    return BrokerConfig(
        acl=r.path("broker", "acl"),
        crl=r.path("broker", "crl"),
        pid_file=r.path("broker", "pid_file"),
    )


def _timeseries(r: TomlReader) -> TimeSeriesConfig:
    kind = r.text("timeseries", "kind", "sqlite")
    if kind not in TIMESERIES_KINDS:
        raise r.fail("timeseries", "kind", f"{kind!r}; expected {', '.join(TIMESERIES_KINDS)}")
    url = r.text("timeseries", "url", "")
    if kind != "sqlite" and not _is_url(url):
        raise r.fail("timeseries", "url", f'{url!r}; expected url = "http://host:8086"')
    return TimeSeriesConfig(
        kind=kind,
        url=url.rstrip("/"),
        database=r.text("timeseries", "database", "coldwarden"),
        user=r.text("timeseries", "user", ""),
        password=r.text("timeseries", "password", ""),
    )


def _registry_url(r: TomlReader) -> str:
    url = r.text("registry", "url", REGISTRY_URL)
    if url.startswith(SQLITE):
        return f"{SQLITE}{(r.file.parent / url.removeprefix(SQLITE)).resolve()}"
    if not url.startswith("postgresql+psycopg://"):
        expected = f"{REGISTRY_URL} or postgresql+psycopg://user@host/database"
        raise r.fail("registry", "url", f"{url!r}; expected {expected}")
    return url


def _base_url(r: TomlReader) -> str:
    url = r.text("access", "base_url", "")
    if url and not _is_url(url):
        raise r.fail("access", "base_url", f"{url!r}; expected https:// with a host")
    return url


def _webhooks(r: TomlReader) -> tuple[str, ...]:
    urls = r.texts("webhook", "urls")
    for url in urls:
        if not _is_url(url):
            raise r.fail(
                "webhook", "urls", f"{url!r}; expected http:// or https:// with a host"
            )
    return urls


def _policy(r: TomlReader) -> PolicyConfig:
    return PolicyConfig(
        silent_periods=r.number("policy", "silent_periods", 2, 1, 1_000),
        restore_quorum=r.number("policy", "restore_quorum", 2, 1, 1_000),
        backup_every_h=r.number("policy", "backup_every_h", 24, 1, 8_760),
    )


def _log_name(r: TomlReader) -> str:
    name = r.text("archive", "log_name")
    if re.fullmatch(r"[a-z0-9.-]{1,64}(/[a-z0-9.-]{1,32}){0,3}", name) is None:
        raise r.fail("archive", "log_name", f"{name!r}; expected a name like example.org/log")
    return name


def _is_url(text: str) -> bool:
    parts = parts_of(text)
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
