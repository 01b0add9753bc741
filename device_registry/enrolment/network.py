"""How a gateway reaches the network, as a technician writes it for the first boot.

Pure. The same structure stands in a claim's row and in the boot file's [network]; the gateway
makes NetworkManager's files of it, so only what can stand there is let through.
"""

import ipaddress
from collections.abc import Callable, Mapping
from typing import Final

from device_registry.enrolment.errors import ClaimRefusedError
from domain.web_address import is_proxy

MAX_TEXT_CHARS: Final = 128
WIFI_PASSWORD_CHARS: Final = range(8, 64)
METHODS: Final = ("dhcp", "static")


def check_network(network: Mapping[str, object]) -> None:
    """Return if a gateway can be set up so; {} is DHCP on the wire.

    Raises:
        ClaimRefusedError: what cannot be, with the remedy.
    """
    _check_table(network, _FIELDS, "network")
    if network.get("method", "dhcp") == "static" and "address" not in network:
        raise ClaimRefusedError('network: static needs address = "192.168.1.10/24"; add it')
    wifi = network.get("wifi")
    if isinstance(wifi, Mapping) and "ssid" not in wifi:
        raise ClaimRefusedError("network.wifi: ssid is missing; add the network's name")
    apn = network.get("apn")
    if isinstance(apn, Mapping) and "apn" not in apn:
        raise ClaimRefusedError("network.apn: apn is missing; add what the card's firm says")


def _check_table(
    table: Mapping[str, object], fields: Mapping[str, Callable[[str, object], None]], where: str
) -> None:
    for name, value in table.items():
        if name not in fields:
            known = ", ".join(fields)
            raise ClaimRefusedError(f"{where}: unknown setting {name!r}; use one of {known}")
        fields[name](f"{where}.{name}", value)


def _text(where: str, value: object) -> None:
    if not isinstance(value, str) or not value.isprintable() or len(value) > MAX_TEXT_CHARS:
        raise ClaimRefusedError(
            f"{where}: not a text of up to {MAX_TEXT_CHARS} printable characters; mend it"
        )


def _filled(where: str, value: object) -> None:
    _text(where, value)
    if not value:
        raise ClaimRefusedError(f"{where}: empty; fill it in, or leave it out")


def _method(where: str, value: object) -> None:
    if value not in METHODS:
        raise ClaimRefusedError(f"{where}: {value!r}; use one of {', '.join(METHODS)}")


def _interface(where: str, value: object) -> None:
    _filled(where, value)
    try:
        ipaddress.ip_interface(str(value))
    except ValueError as error:
        raise ClaimRefusedError(f"{where}: {error}; write it like 192.168.1.10/24") from error
    if "/" not in str(value):
        raise ClaimRefusedError(f"{where}: the prefix is missing; write 192.168.1.10/24")


def _address(where: str, value: object) -> None:
    _filled(where, value)
    try:
        ipaddress.ip_address(str(value))
    except ValueError as error:
        raise ClaimRefusedError(f"{where}: {error}; write it like 192.168.1.1") from error


def _addresses(where: str, value: object) -> None:
    if not isinstance(value, list):
        raise ClaimRefusedError(f'{where}: not a list; write ["192.168.1.1"]')
    for one in value:
        _address(where, one)


def _proxy(where: str, value: object) -> None:
    _filled(where, value)
    if not is_proxy(str(value)):
        raise ClaimRefusedError(f"{where}: {value!r}; write it like http://proxy:3128")


def _wifi_password(where: str, value: object) -> None:
    _text(where, value)
    if len(str(value)) not in WIFI_PASSWORD_CHARS:
        raise ClaimRefusedError(f"{where}: a Wi-Fi password has 8 to 63 characters; check it")


def _flag(where: str, value: object) -> None:
    if not isinstance(value, bool):
        raise ClaimRefusedError(f"{where}: {value!r}; use true or false")


def _table(
    fields: Mapping[str, Callable[[str, object], None]],
) -> Callable[[str, object], None]:
    def check(where: str, value: object) -> None:
        if not isinstance(value, Mapping):
            raise ClaimRefusedError(f"{where}: not a table; write [{where}]")
        _check_table(value, fields, where)

    return check


_FIELDS: Final[Mapping[str, Callable[[str, object], None]]] = {
    "method": _method,
    "address": _interface,
    "gateway": _address,
    "dns": _addresses,
    "proxy": _proxy,
    "wifi": _table({"ssid": _filled, "password": _wifi_password, "hidden": _flag}),
    "apn": _table({"apn": _filled, "user": _text, "password": _text, "pin": _text}),
}
