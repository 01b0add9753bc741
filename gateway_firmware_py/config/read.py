"""From `gateway.toml` to `Settings`, or to an error that names every mistake with its line."""

import re
from dataclasses import replace
from pathlib import Path

from domain.web_address import is_proxy, parts_of
from edge.outbox.room import DAY_MS, OutboxLimits
from edge.sealer.sealer import SealPolicy
from edge.uplink.window import Policy
from evidence.configuration import ConfigurationDocument
from evidence.errors import EvidenceError
from evidence.keys import PublicKey
from gateway_firmware_py.config.document import Section, open_document, parse_document, top
from gateway_firmware_py.config.settings import (
    HttpsUplink,
    Identity,
    MqttUplink,
    Settings,
    TrustedKeys,
    Uplink,
    UplinkMode,
)
from gateway_firmware_py.config.sources import (
    Sources,
    profiles_among,
    profiles_beside,
    read_sources,
)
from gateway_firmware_py.key_place import KeyPlace, read_place

GATEWAY_ID = re.compile(r"[a-z0-9-]{4,32}")
SITE_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
KNOWN = (
    "gateway", "trust", "seal", "outbox", "uplink", "status", "annunciator", "broker",
    "clock", "modbus", "mqtt", "scanner", "digital",
)  # fmt: skip
FROM_THE_CLOUD = ("broker", "seal", "modbus", "mqtt", "scanner", "digital")
MIB = 1 << 20
PORTS = (1, 65_535)
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
DEFAULT_KEY = "evidence.key"
STAND_IN_KEY = PublicKey(-19, bytes(32))
"""Stands where a key could not be read; the document is refused before it is used."""


def load_settings(file: Path) -> Settings:
    """Return what `file` says; ConfigError names every mistake: file, line, what, remedy."""
    document = open_document(file)
    whole = top(document)
    whole.only(KNOWN)
    identity = _identity(whole.section("gateway"), file.parent)
    sources = read_sources(whole, profiles_beside(file))
    settings = _settings(whole, identity, sources)
    document.refuse_mistakes()
    return settings


def reconfigured(settings: Settings, document: ConfigurationDocument) -> Settings:
    """Return `settings` with what `document` says in place of every source.

    `[seal]` and `[broker]` stay as they are when the document has none. ConfigError names every
    mistake as it does for the file, whose name is then that of the configuration.
    """
    name = Path(f"configuration-{document.version}")
    parsed = parse_document(name, document.sources.encode())
    whole = top(parsed)
    whole.only(FROM_THE_CLOUD)
    sources = read_sources(whole, profiles_among(document.profiles))
    has = whole.table.keys()
    changed = replace(
        settings,
        document=document,
        seal=_seal(whole.section("seal")) if "seal" in has else settings.seal,
        broker_listen=(
            _broker(whole.section("broker")) if "broker" in has else settings.broker_listen
        ),
        buses=tuple(sources.buses),
        mqtt=tuple(sources.mqtt),
        scanners=tuple(sources.scanners),
        digital=tuple(sources.digital),
        judged=tuple(sources.judged),
        channels=sources.channels,
    )
    parsed.refuse_mistakes()
    return changed


def _settings(whole: Section, identity: Identity, sources: Sources) -> Settings:
    return Settings(
        file=whole.document.file.resolve(),
        identity=identity,
        trust=_trust(whole.section("trust")),
        seal=_seal(whole.section("seal")),
        outbox=_outbox(whole.section("outbox")),
        uplink=_uplink(whole.section("uplink")),
        status_file=_status(whole.section("status"), identity.state_dir),
        annunciator_led=_annunciator(whole.section("annunciator")),
        broker_listen=_broker(whole.section("broker")),
        clock_vouched=_clock(whole.section("clock")),
        buses=tuple(sources.buses),
        mqtt=tuple(sources.mqtt),
        scanners=tuple(sources.scanners),
        digital=tuple(sources.digital),
        judged=tuple(sources.judged),
        channels=sources.channels,
    )


def _identity(section: Section, folder: Path) -> Identity:
    section.only(("id", "site", "state_dir", "key"))
    gateway, site = section.text("id"), section.text("site")
    if "id" in section.table and GATEWAY_ID.fullmatch(gateway) is None:
        section.note("id", f"{gateway!r}; use 4 to 32 of a-z, 0-9 and -")
    if "site" in section.table and SITE_ID.fullmatch(site) is None:
        section.note("site", f"{site!r}; use 1 to 64 of a-z, 0-9, dot, _ and -")
    state_dir = (folder / section.text("state_dir", "/var/lib/coldwarden")).resolve()
    key = _key_place(section, state_dir)
    return Identity(gateway=gateway, site=site, state_dir=state_dir, key=key)


def _key_place(section: Section, state_dir: Path) -> KeyPlace:
    try:
        return read_place(section.text("key", DEFAULT_KEY), state_dir)
    except ValueError as error:
        section.note("key", str(error))
        return state_dir / DEFAULT_KEY


def _trust(section: Section) -> TrustedKeys:
    section.only(("log_origin", "log_key", "control_key"))
    return TrustedKeys(
        log_origin=section.text("log_origin"),
        log_key=_public_key(section, "log_key"),
        control_key=_public_key(section, "control_key"),
    )


def _public_key(section: Section, key: str) -> PublicKey:
    text = section.text(key)
    try:
        return PublicKey.from_text(text)
    except EvidenceError as error:
        if text:
            section.note(key, f"{error}; copy the line that the cloud's trust file shows")
        return STAND_IN_KEY


def _seal(section: Section) -> SealPolicy:
    section.only(("period_s", "max_bytes"))
    return SealPolicy(
        period_ms=round(section.rate("period_s", (0.2, 3600), 60) * 1000),
        max_bytes=section.number("max_bytes", (2048, 57_344), 57_344),
    )


def _outbox(section: Section) -> OutboxLimits:
    section.only(("max_mib", "keep_days"))
    return OutboxLimits(
        max_bytes=section.number("max_mib", (16, 1 << 20), 1024) * MIB,
        keep_ms=section.number("keep_days", (0, 3650), 30) * DAY_MS,
    )


def _uplink(section: Section) -> Uplink:
    section.only(
        (
            "mode", "https_url", "https_ca", "https_proxy", "mqtt_host", "mqtt_port", "mqtt_ca",
            "mqtt_cert", "mqtt_key", "window", "answer_timeout_s", "backoff_max_s",
            "backlog_batches_per_s", "stop_grace_s",
        )
    )  # fmt: skip
    modes = [str(mode) for mode in UplinkMode]
    mode = section.choice("mode", modes, "auto")
    uplink = Uplink(
        mode=UplinkMode(mode) if mode in modes else UplinkMode.AUTO,
        https=_https(section),
        mqtt=_mqtt(section),
        policy=_policy(section),
        stop_grace_s=section.rate("stop_grace_s", (0, 600), 10),
    )
    _check_reachable(section, uplink)
    return uplink


def _policy(section: Section) -> Policy:
    return Policy(
        window=section.number("window", (1, 1024), 32),
        answer_timeout_ms=round(section.rate("answer_timeout_s", (0.1, 600), 10) * 1000),
        refused_ceiling_ms=round(section.rate("backoff_max_s", (0.1, 3600), 300) * 1000),
        backlog_per_s=section.rate("backlog_batches_per_s", (0.1, 10_000), 20),
    )


def _https(section: Section) -> HttpsUplink | None:
    url = section.text("https_url", "")
    if not url:
        return None
    parts = parts_of(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        section.note("https_url", f'{url!r}; expected "https://cloud.example"')
    elif parts.scheme == "http" and parts.hostname not in LOOPBACK:
        section.note("https_url", f"{url!r} without TLS, which only loopback may; use https://")
    ca, proxy = _file(section, "https_ca"), section.text("https_proxy", "")
    if proxy and not is_proxy(proxy):
        section.note("https_proxy", f'{proxy!r}; expected "http://proxy.example:3128"')
    return HttpsUplink(url=url.rstrip("/"), ca=ca, proxy=proxy)


def _mqtt(section: Section) -> MqttUplink | None:
    host = section.text("mqtt_host", "")
    if not host:
        return None
    ca, cert, key = (_file(section, name) for name in ("mqtt_ca", "mqtt_cert", "mqtt_key"))
    if any((ca, cert, key)) and not all((ca, cert, key)):
        section.note(
            "mqtt_host", "mutual TLS needs mqtt_ca, mqtt_cert and mqtt_key; set all three"
        )
    if not ca and host not in LOOPBACK:
        section.note(
            "mqtt_host",
            f"{host!r} without TLS, which only loopback may; "
            "set mqtt_ca, mqtt_cert and mqtt_key",
        )
    port = section.number("mqtt_port", PORTS, 8883)
    return MqttUplink(host=host, port=port, ca=ca, cert=cert, key=key)


def _check_reachable(section: Section, uplink: Uplink) -> None:
    match uplink.mode:
        case UplinkMode.MQTT if uplink.mqtt is None:
            section.note("mode", 'is "mqtt"; add mqtt_host')
        case UplinkMode.HTTPS if uplink.https is None:
            section.note("mode", 'is "https"; add https_url')
        case UplinkMode.AUTO if uplink.https is None and uplink.mqtt is None:
            section.note("", "nowhere to send to; add https_url, mqtt_host, or both")
        case _:
            pass


def _file(section: Section, key: str) -> str:
    text = section.text(key, "")
    if not text:
        return ""
    path = (section.document.file.parent / text).resolve()
    if not path.is_file():
        section.note(key, f"no such file: {path}")
    return str(path)


def _status(section: Section, state_dir: Path) -> Path:
    section.only(("file",))
    return (state_dir / section.text("file", "status.json")).resolve()


def _annunciator(section: Section) -> Path | None:
    section.only(("led",))
    text = section.text("led", "")
    return Path(text) if text else None


def _clock(section: Section) -> bool:
    section.only(("vouched",))
    return section.flag("vouched")


def _broker(section: Section) -> tuple[str, int] | None:
    section.only(("listen",))
    text = section.text("listen", "")
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) <= PORTS[1]:
        section.note("listen", f'{text!r}; expected "127.0.0.1:1883"')
        return None
    return host, int(port)
