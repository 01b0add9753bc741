"""A province for the figures: 100,000 gateways with 800,000 points, in 20,000 sites."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, Final

from device_registry.store.audit import Actor
from device_registry.store.store import RegistryStore

ORGANISATIONS: Final = 2_000
SITES: Final = 20_000
GATEWAYS: Final = 100_000
CHANNELS: Final = 8
CITIES: Final = 21
COUNTIES: Final = 9
CHUNK: Final = 5_000
PROVINCE: Final = "510000"
MAKER: Final = Actor(account="bench")


def gateway_name(number: int) -> str:
    """Return the id of a gateway."""
    return f"gw-{number:06d}"


def key_of(number: int) -> bytes:
    """Return a gateway's public key: any 32 bytes do, nothing is verified by it."""
    return sha256(f"key {number}".encode()).digest()


def fill(store: RegistryStore) -> None:
    """Register the province; some minutes."""
    for kind, rows in (
        ("region", _regions()),
        ("organisation", _organisations()),
        ("site", _sites()),
        ("gateway", _gateways()),
        ("key", _keys()),
        ("point", _points()),
    ):
        for chunk in _chunks(rows):
            with store.change(MAKER, "a province", store.now_ms()) as change:
                change.put_many(kind, chunk)


def county(number: int) -> str:
    """Return the code of one of the counties."""
    city, part = number % CITIES + 1, number // CITIES % COUNTIES + 1
    return f"51{city:02d}{part:02d}"


def kid_of(number: int) -> bytes:
    """Return the id under which a gateway's key is registered."""
    return key_of(number)[:8]


def _regions() -> Iterator[Mapping[str, Any]]:
    yield {"id": PROVINCE, "name_zh": "四川省", "name_en": "Sichuan", "level": "province"}
    for city in range(1, CITIES + 1):
        named = {"name_zh": f"{city}市", "name_en": f"City {city}"}
        yield {"id": f"51{city:02d}00", "level": "city", **named}
    for number in range(CITIES * COUNTIES):
        named = {"name_zh": f"{number}区", "name_en": f"County {number}"}
        yield {"id": county(number), "level": "county", **named}


def _organisations() -> Iterator[Mapping[str, Any]]:
    for number in range(ORGANISATIONS):
        yield {
            "id": f"org-{number:05d}",
            "name_zh": f"{number}号药房",
            "name_en": f"Pharmacy {number}",
            "subject_class": "retail",
            "region": county(number),
        }


def _sites() -> Iterator[Mapping[str, Any]]:
    for number in range(SITES):
        yield {
            "id": _site(number),
            "organisation": f"org-{number % ORGANISATIONS:05d}",
            "region": county(number),
            "subject_class": "retail",
            "name_zh": f"{number}号店",
            "name_en": f"Shop {number}",
            "timezone": "Asia/Shanghai",
        }


def _gateways() -> Iterator[Mapping[str, Any]]:
    for number in range(GATEWAYS):
        yield {"id": gateway_name(number), "site": _site(number % SITES), "state": "in_service"}


def _keys() -> Iterator[Mapping[str, Any]]:

    for number in range(GATEWAYS):
        yield {
            "id": kid_of(number).hex(),
            "gateway": gateway_name(number),
            "public": f"ed25519:{b64encode(key_of(number)).decode()}",
            "key_kind": "software",
            "state": "active",
        }


def _points() -> Iterator[Mapping[str, Any]]:
    for number in range(GATEWAYS):
        for channel in range(1, CHANNELS + 1):
            yield {
                "id": f"p-{number:06d}-{channel}",
                "site": _site(number % SITES),
                "gateway": gateway_name(number),
                "channel": channel,
                "name_zh": "冷藏柜",
                "name_en": "fridge",
                "quantity": "temperature",
                "unit": "Cel",
                "rule_packs": ["CN_COLD_2_8"],
                "point_class": "compliance",
                "state": "in_service",
            }


def _site(number: int) -> str:
    return f"site-{number:05d}"


def _chunks(rows: Iterator[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    chunk: list[Mapping[str, Any]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
