"""A claim's text: survives a QR, forgives line breaks, says what to do when it is broken."""

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import cbor
from evidence.enrolment.claim import Claim, from_base64url, to_base64url
from evidence.enrolment.errors import ClaimError
from evidence.errors import WireError

CLAIM = Claim(
    id=b"claim-id",
    secret=b"sixteen-secrets!",
    gateway="gw-0001",
    site="chs-001",
    url="https://cloud.example.org:8443",
    pin=b"sixteen-byte-pin",
)
claims = st.builds(
    Claim,
    id=st.binary(min_size=8, max_size=8),
    secret=st.binary(min_size=16, max_size=16),
    gateway=st.from_regex(r"[a-z0-9-]{4,32}", fullmatch=True),
    site=st.from_regex(r"[a-z0-9][a-z0-9._-]{0,30}", fullmatch=True),
    url=st.from_regex(r"https://[a-z0-9.]{1,60}(:[0-9]{1,5})?(/[a-z]{0,9})?", fullmatch=True),
    pin=st.binary(min_size=16, max_size=16),
)


@given(claims, st.integers(1, 80))
def test_a_claim_survives_its_text_and_line_breaks(claim: Claim, width: int) -> None:
    text = claim.text()
    broken = "\n".join(text[at : at + width] for at in range(0, len(text), width))
    assert Claim.parse(text) == claim
    assert Claim.parse(f" {broken}\r\n") == claim


@given(st.text(max_size=60))
def test_any_text_raises_one_error_with_a_remedy(text: str) -> None:
    for wrong in (text, f"cw1:{text}"):
        with pytest.raises(ClaimError, match="scan the QR again"):
            Claim.parse(wrong)


@given(claims, st.data())
def test_a_claim_cut_short_is_refused(claim: Claim, data: st.DataObject) -> None:
    text = claim.text()
    with pytest.raises(ClaimError):
        Claim.parse(text[: data.draw(st.integers(0, len(text) - 1))])


@pytest.mark.parametrize(
    "url",
    [
        "http://cloud",
        "http://127.0.0.1.example.org",
        "http://localhost@cloud",
        "https://",
        "https:///path",
        "ftp://127.0.0.1",
        "127.0.0.1",
    ],
)
def test_a_claim_for_an_unencrypted_server_elsewhere_is_refused(url: str) -> None:
    item = [CLAIM.id, CLAIM.secret, CLAIM.gateway, CLAIM.site, url, CLAIM.pin]
    text = "cw1:" + base64.urlsafe_b64encode(cbor.encode(item)).decode().rstrip("=")
    with pytest.raises(ClaimError, match="https://"):
        Claim.parse(text)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://[::1]/", "https://[fd00::1]"])
def test_this_machine_may_be_spoken_to_without_tls(url: str) -> None:
    claim = replace(CLAIM, url=url)
    assert Claim.parse(claim.text()) == claim


def test_a_claim_fits_a_label_and_its_secret_is_not_printed() -> None:
    assert len(CLAIM.text()) < 200
    assert "secrets" not in repr(CLAIM)


@given(st.binary(max_size=40))
def test_base64url_has_one_spelling(data: bytes) -> None:
    text = to_base64url(data)
    assert from_base64url(text) == data
    with pytest.raises(WireError):
        from_base64url(text + "=")
