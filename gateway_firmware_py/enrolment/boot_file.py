"""The file that a technician puts on the card's boot partition: a claim, and the network.

claim = "cw1:…"
[network]                      # without it: DHCP on the wire
method = "static"              # or "dhcp"
address = "192.168.1.10/24"
gateway = "192.168.1.1"
dns = ["192.168.1.1"]
proxy = "http://proxy.example:3128"
[network.wifi]
ssid = "shop"
password = "…"
hidden = false
[network.apn]
apn = "cmnet"
user = ""
password = ""
pin = ""
[annunciator]
led = "/sys/class/leds/beeper/brightness"
"""

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from domain.web_address import is_proxy
from gateway_firmware_py.config.document import Section, open_document, top

METHODS: Final = ("dhcp", "static")
SSID_BYTES: Final = 32
PASSWORD_CHARS: Final = range(8, 64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wifi:
    """A wireless network; `password` empty means an open one."""

    ssid: str
    password: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Modem:
    """A mobile network."""

    apn: str
    user: str = ""
    password: str = ""
    pin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """How the device reaches the cloud; `address` with its prefix length, empty for DHCP."""

    address: str = ""
    gateway: str = ""
    dns: tuple[str, ...] = ()
    proxy: str = ""
    wifi: Wifi | None = None
    modem: Modem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BootFile:
    """What the file says; `led` is None where nothing can beep or shine."""

    claim: str
    network: Network = field(default_factory=Network)
    led: Path | None = None


def read_boot_file(file: Path) -> BootFile:
    """Return what `file` says; ConfigError names every mistake with its line."""
    document = open_document(file)
    whole = top(document)
    whole.only(("claim", "network", "annunciator"))
    claim = whole.text("claim")
    network = _network(whole.section("network"))
    annunciator = whole.section("annunciator")
    annunciator.only(("led",))
    led = annunciator.text("led", "")
    document.refuse_mistakes()
    return BootFile(claim=claim, network=network, led=Path(led) if led else None)


def _network(section: Section) -> Network:
    section.only(("method", "address", "gateway", "dns", "proxy", "wifi", "apn"))
    address = _address(section) if section.choice("method", METHODS, "dhcp") == "static" else ""
    return Network(
        address=address,
        gateway=_ip(section, "gateway", section.text("gateway", "")),
        dns=tuple(_ip(section, "dns", text) for text in section.texts("dns")),
        proxy=_proxy(section),
        wifi=_wifi(section.section("wifi")) if "wifi" in section.table else None,
        modem=_modem(section.section("apn")) if "apn" in section.table else None,
    )


def _address(section: Section) -> str:
    text = section.text("address")
    try:
        interface = ipaddress.ip_interface(text)
    except ValueError:
        section.note("address", f'{text!r}; expected "192.168.1.10/24"')
        return ""
    if "/" not in text:
        section.note("address", f'{text!r} lacks its prefix; write "{text}/24"')
    return interface.with_prefixlen


def _ip(section: Section, key: str, text: str) -> str:
    try:
        return str(ipaddress.ip_address(text)) if text else ""
    except ValueError:
        section.note(key, f"{text!r} is no address")
        return ""


def _proxy(section: Section) -> str:
    text = section.text("proxy", "")
    if text and not is_proxy(text):
        section.note("proxy", f'{text!r}; expected "http://proxy.example:3128"')
    return text


def _wifi(section: Section) -> Wifi:
    section.only(("ssid", "password", "hidden"))
    ssid, password = _plain(section, "ssid"), _plain(section, "password", "")
    if len(ssid.encode()) > SSID_BYTES:
        section.note("ssid", f"over {SSID_BYTES} bytes")
    if password and len(password) not in PASSWORD_CHARS:
        section.note("password", "a Wi-Fi password has 8 to 63 characters")
    return Wifi(ssid=ssid, password=password, hidden=section.flag("hidden"))


def _modem(section: Section) -> Modem:
    section.only(("apn", "user", "password", "pin"))
    return Modem(
        apn=_plain(section, "apn"),
        user=_plain(section, "user", ""),
        password=_plain(section, "password", ""),
        pin=_plain(section, "pin", ""),
    )


def _plain(section: Section, key: str, default: str | None = None) -> str:
    text = section.text(key, default)
    if not text.isprintable():
        section.note(key, "holds a character that cannot be printed")
    return text
