"""What a technician writes for the first boot: let through, or refused with the remedy."""

import tomllib
from collections.abc import Mapping

import pytest

from device_registry.enrolment.boot_file import boot_file
from device_registry.enrolment.errors import ClaimRefusedError
from device_registry.enrolment.network import check_network
from tests.evidence.enrolment.test_claim import CLAIM

NETWORKS: list[dict[str, object]] = [
    {},
    {"method": "dhcp", "proxy": "http://proxy.example:3128"},
    {
        "method": "static",
        "address": "192.168.1.10/24",
        "gateway": "192.168.1.1",
        "dns": ["192.168.1.1", "2001:db8::1"],
        "wifi": {"ssid": '药店 "1"', "password": "p\\ssw=rd!", "hidden": True},
        "apn": {"apn": "cmnet", "user": "", "pin": "1234"},
    },
]


@pytest.mark.parametrize("network", NETWORKS)
def test_the_boot_file_is_toml_and_says_the_same(network: Mapping[str, object]) -> None:
    read = tomllib.loads(boot_file(CLAIM, network))
    assert read.pop("claim") == CLAIM.text()
    assert read == ({"network": network} if network else {})


@pytest.mark.parametrize(
    ("network", "remedy"),
    [
        ({"adress": "x"}, "use one of method"),
        ({"method": "bootp"}, "dhcp, static"),
        ({"method": "static"}, "192.168.1.10/24"),
        ({"address": "192.168.1.10"}, "192.168.1.10/24"),
        ({"address": "192.168.1.300/24"}, "192.168.1.10/24"),
        ({"gateway": "router"}, "192.168.1.1"),
        ({"dns": "192.168.1.1"}, "not a list"),
        ({"dns": ["one"]}, "192.168.1.1"),
        ({"proxy": "proxy:3128"}, "http://proxy:3128"),
        ({"proxy": "https://proxy:3128"}, "http://proxy:3128"),
        ({"proxy": "http://[proxy"}, "http://proxy:3128"),
        ({"wifi": "shop"}, "network.wifi"),
        ({"wifi": {"password": "12345678"}}, "ssid is missing"),
        ({"wifi": {"ssid": "s", "password": "short"}}, "8 to 63"),
        ({"wifi": {"ssid": "s\n[evil]"}}, "printable"),
        ({"wifi": {"ssid": "s", "hidden": "yes"}}, "true or false"),
        ({"wifi": {"ssid": "", "hidden": True}}, "empty"),
        ({"apn": {"user": "u"}}, "apn is missing"),
    ],
)
def test_a_network_that_cannot_be_is_refused_with_the_remedy(
    network: dict[str, object], remedy: str
) -> None:
    with pytest.raises(ClaimRefusedError, match=remedy):
        check_network(network)
