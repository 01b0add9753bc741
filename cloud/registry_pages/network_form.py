"""What a technician says of the network, as the claim and the card's file hold it. Pure."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from dashboards.registry.models import Cell
from domain.web_address import is_proxy

WIFI_PASSWORD_CHARS = range(8, 64)


@dataclass(frozen=True, slots=True)
class BadNetwork:
    """What is wrong with the form: message keys."""

    problems: tuple[str, ...]


def read_network(given: Mapping[str, str]) -> dict[str, object] | BadNetwork:
    """Return the network of a form; {} is a cable with an automatic address."""
    link = given.get("link", "ethernet")
    network: dict[str, object] = {}
    problems: list[str] = []
    if link == "wifi":
        problems += _wifi(given, network)
    elif link == "mobile":
        problems += _mobile(given, network)
    if given.get("address") == "static" and link != "mobile":
        problems += _static(given, network)
    if proxy := given.get("proxy", "").strip():
        network["proxy"] = proxy
        if not is_proxy(proxy):
            problems.append("work.problem_proxy")
    return BadNetwork(tuple(problems)) if problems else network


def network_cells(network: Mapping[str, object]) -> tuple[Cell, ...]:
    """Return in a few words how the gateway will reach the network."""
    match network:
        case {"wifi": {"ssid": str(ssid)}}:
            cells = [Cell(word="work.card_wifi", values=(("ssid", ssid),))]
        case {"apn": {"apn": str(apn)}}:
            cells = [Cell(word="work.card_mobile", values=(("apn", apn),))]
        case _:
            cells = [Cell(word="work.card_ethernet")]
    if network.get("method") == "static":
        cells.append(Cell(word="work.card_static", values=(("ip", network.get("address")),)))
    elif "apn" not in network:
        cells.append(Cell(word="work.card_dhcp"))
    if "proxy" in network:
        cells.append(Cell(word="work.card_proxy"))
    return tuple(cells)


def _wifi(given: Mapping[str, str], network: dict[str, object]) -> list[str]:
    ssid, password = given.get("ssid", "").strip(), given.get("wifi_password", "")
    wifi = {"ssid": ssid}
    if password:
        wifi["password"] = password
    network["wifi"] = wifi
    is_good = bool(ssid) and (not password or len(password) in WIFI_PASSWORD_CHARS)
    return [] if is_good else ["work.problem_ssid"]


def _mobile(given: Mapping[str, str], network: dict[str, object]) -> list[str]:
    apn = given.get("apn", "").strip()
    network["apn"] = {"apn": apn}
    return [] if apn else ["work.problem_apn"]


def _static(given: Mapping[str, str], network: dict[str, object]) -> list[str]:
    address = given.get("ip", "").strip()
    network |= {"method": "static", "address": address}
    problems = [] if "/" in address and _is_interface(address) else ["work.problem_ip"]
    router, servers = given.get("router", "").strip(), given.get("dns", "").split()
    if router:
        network["gateway"] = router
    if servers:
        network["dns"] = servers
    if not all(_is_address(one) for one in (*servers, *([router] if router else []))):
        problems.append("work.problem_router")
    return problems


def _is_interface(text: str) -> bool:
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return True


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
