"""Who sent a batch is found by comparing bytes."""

import pytest

from evidence import cose
from evidence.batch_header import BATCH_TYP, BatchHeaderCache, expected_header
from evidence.errors import WireError
from evidence.keys import SoftwareKey
from tests.support.batches import GATEWAY, KEY, SITE, make_batch


def cache_with(key: SoftwareKey = KEY) -> BatchHeaderCache:
    cache = BatchHeaderCache()
    cache.enrol(GATEWAY, SITE, key.public)
    return cache


def header(**changes: object) -> bytes:
    fields = {"alg": KEY.alg, "kid": KEY.kid, "typ": BATCH_TYP, "iss": GATEWAY, "sub": SITE}
    return cose.protected_header(**(fields | changes))  # type: ignore[arg-type]


def test_the_sender_of_a_batch_is_found() -> None:
    found = cache_with().find(cose.parse1(make_batch().data).protected)
    assert found is not None
    assert (found.gateway, found.site, found.key, found.kid) == (
        GATEWAY,
        SITE,
        KEY.public,
        KEY.kid,
    )


def test_an_unknown_key_is_no_error_and_no_sender() -> None:
    assert cache_with(SoftwareKey.generate()).find(header()) is None


@pytest.mark.parametrize(
    "change",
    [
        {"alg": -9},
        {"alg": -8},
        {"typ": "application/vnd.coldwarden.refusal.v1+cbor"},
        {"iss": "gw-other"},
        {"sub": "site-other"},
        {"iss": ""},
        {"sub": ""},
    ],
)
def test_a_known_key_under_another_header_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(WireError) as refused:
        cache_with().find(header(**change))
    assert refused.value.code == "profile"


@pytest.mark.parametrize("protected", [b"", b"\xa0", b"\x01", b"\xa1\x01\x32", b"\xff"])
def test_a_header_that_is_none_is_refused(protected: bytes) -> None:
    with pytest.raises(WireError):
        cache_with().find(protected)


def test_a_removed_key_sends_no_more() -> None:
    cache = cache_with()
    cache.remove(KEY.kid)
    cache.remove(KEY.kid)
    assert cache.find(header()) is None


def test_one_key_is_enrolled_for_one_gateway() -> None:
    cache = cache_with()
    assert cache.enrol(GATEWAY, SITE, KEY.public).gateway == GATEWAY
    with pytest.raises(WireError, match=f"enrolled for {GATEWAY}"):
        cache.enrol("gw-other", SITE, KEY.public)
    assert cache.find(header()) is not None


@pytest.mark.parametrize("gateway", ["abc", "a" * 33, "Gw-01", "gw_01", "gw/01", "网关-01", ""])
def test_a_gateway_id_outside_its_alphabet_is_refused(gateway: str) -> None:
    with pytest.raises(WireError, match="gateway id"):
        expected_header(gateway, SITE, KEY.public)


@pytest.mark.parametrize("site", ["", "s" * 65])
def test_a_site_id_is_short_and_not_empty(site: str) -> None:
    with pytest.raises(WireError, match="site id"):
        expected_header(GATEWAY, site, KEY.public)
