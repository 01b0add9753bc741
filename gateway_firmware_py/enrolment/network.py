"""From the boot file's network settings to NetworkManager's keyfiles (nm-settings-keyfile(5)).

`keyfiles` decides, `write_connections` writes them as NetworkManager demands: for root alone.
Run before NetworkManager starts, so that nothing has to be told to it.
"""

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from evidence.disk import write_file
from gateway_firmware_py.enrolment.boot_file import Modem, Network, Wifi
from gateway_firmware_py.enrolment.folder import PRIVATE_DISK
from gateway_firmware_py.errors import ConfigError

SUFFIX: Final = ".nmconnection"
_SPACE: Final = uuid.UUID("6f1c4b52-6f0e-5d0c-9e57-6b1a3f7c2d10")

Sections = Mapping[str, Mapping[str, str]]


def keyfiles(network: Network) -> Mapping[str, str]:
    """Return the text of each keyfile by its name; none when the system's own way will do.

    Addresses belong to the wireless network where there is one, else to the wire.
    """
    connections: dict[str, Sections] = {}
    if network.wifi is not None:
        connections["wifi"] = {**_wifi(network.wifi), **_addresses(network)}
    elif network.address or network.dns:
        connections["ethernet"] = _addresses(network)
    if network.modem is not None:
        connections["gsm"] = {**_modem(network.modem), "ipv4": {"method": "auto"}}
    return {
        f"coldwarden-{kind}{SUFFIX}": _spell({**_connection(kind), **sections})
        for kind, sections in connections.items()
    }


def write_connections(network: Network, folder: Path) -> list[Path]:
    """Write the keyfiles into `folder` and return them.

    Raises:
        ConfigError: the folder cannot be used.
        LogFullError, StorageFaultError: the disk refused.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder}: {error.strerror}; run it as root") from error
    paths = []
    for name, text in keyfiles(network).items():
        write_file(folder / name, text.encode(), disk=PRIVATE_DISK)
        paths.append(folder / name)
    return paths


def _connection(kind: str) -> Sections:
    name = f"coldwarden-{kind}"
    identity = {"id": name, "uuid": str(uuid.uuid5(_SPACE, name)), "type": kind}
    return {"connection": {**identity, "autoconnect-priority": "100"}}


def _addresses(network: Network) -> Sections:
    dns = {"dns": "".join(f"{server};" for server in network.dns)} if network.dns else {}
    if not network.address:
        return {"ipv4": {"method": "auto", **dns}}
    family = "ipv6" if ":" in network.address else "ipv4"
    route = f",{network.gateway}" if network.gateway else ""
    return {family: {"method": "manual", "address1": f"{network.address}{route}", **dns}}


def _wifi(wifi: Wifi) -> Sections:
    # As numbers: then no character of the name can mean something else.
    ssid = "".join(f"{byte};" for byte in wifi.ssid.encode())
    radio = {"mode": "infrastructure", "ssid": ssid}
    if wifi.hidden:
        radio["hidden"] = "true"
    if not wifi.password:
        return {"wifi": radio}
    security = {"key-mgmt": "wpa-psk", "psk": _escaped(wifi.password)}
    return {"wifi": radio, "wifi-security": security}


def _modem(modem: Modem) -> Sections:
    fields = {
        "apn": modem.apn,
        "username": modem.user,
        "password": modem.password,
        "pin": modem.pin,
    }
    return {"gsm": {key: _escaped(text) for key, text in fields.items() if text}}


def _escaped(text: str) -> str:
    """Return a text as GKeyFile reads it back; only printable characters come here."""
    text = text.replace("\\", "\\\\")
    stripped = text.lstrip(" ")
    return "\\s" * (len(text) - len(stripped)) + stripped


def _spell(sections: Sections) -> str:
    parts = (
        "\n".join((f"[{name}]", *(f"{key}={text}" for key, text in fields.items())))
        for name, fields in sections.items()
    )
    return "\n\n".join(parts) + "\n"
