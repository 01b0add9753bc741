"""A key in a token: the same envelope as a key file, and it never leaves."""

from pathlib import Path

import pytest

from evidence.cose import ALG_ESP256, parse1, protected_header, sign1, verify1
from evidence.keys import PublicKey
from gateway_firmware_py.errors import IdentityError
from gateway_firmware_py.identity import (
    PKCS11,
    adopt_next,
    has_next,
    key_kind,
    load_key,
    make_key,
    make_next,
)
from gateway_firmware_py.token_key import P256_ORDER, low_s
from tests.support.softhsm import needs_softhsm, token_place

pytestmark = [pytest.mark.engine, needs_softhsm]


def test_a_token_makes_a_key_once_and_signs_envelopes_that_verify(tmp_path: Path) -> None:
    place = token_place("once", tmp_path)
    key, made = make_key(place)
    again, made_again = make_key(place)
    assert (made, made_again, key_kind(key)) == (True, False, PKCS11)
    assert load_key(place).public == again.public == key.public
    assert key.alg == ALG_ESP256
    header = protected_header(alg=key.alg, kid=key.kid, typ="t")
    public = PublicKey.from_text(key.public.to_text())
    for number in range(40):  # half of them would have a high s
        signed = parse1(sign1(header, b"%d" % number, key))
        verify1(signed, public)
        assert int.from_bytes(signed.signature[32:], "big") <= P256_ORDER // 2


def test_the_private_key_cannot_be_read_out(tmp_path: Path) -> None:
    import pkcs11  # noqa: PLC0415

    key, _ = make_key(token_place("hidden", tmp_path))
    private = key._private  # type: ignore[union-attr]
    assert private[pkcs11.Attribute.EXTRACTABLE] is False
    with pytest.raises(pkcs11.PKCS11Error):
        private[pkcs11.Attribute.VALUE]
    kept = (tmp_path / "evidence.id").read_bytes()
    assert len(bytes.fromhex(kept.decode())) == 8


def test_a_crash_between_the_id_and_the_key_is_made_good(tmp_path: Path) -> None:
    place = token_place("torn", tmp_path)
    place.current.write_text("0011223344556677\n")
    key, made = make_key(place)
    assert made
    assert load_key(place).kid == key.kid


def test_a_rotated_key_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    place = token_place("turned", tmp_path)
    old, _ = make_key(place)
    assert not has_next(place)
    new = make_next(place)
    assert has_next(place)
    assert load_key(place).kid == old.kid != new.kid
    assert make_next(place).kid == new.kid
    adopt_next(place)
    assert not has_next(place)
    assert load_key(place).kid == new.kid
    assert old.sign(b"by a program that has not begun again yet")
    make_next(place)
    with pytest.raises(IdentityError):  # destroyed: it cannot sign any more
        old.sign(b"anything")
    assert load_key(place).sign(b"anything")


def test_what_is_wrong_with_a_token_comes_with_its_remedy(tmp_path: Path) -> None:
    place = token_place("wrong", tmp_path)
    with pytest.raises(IdentityError, match="coldwarden-gateway init"):
        load_key(place)
    from dataclasses import replace  # noqa: PLC0415

    with pytest.raises(IdentityError, match="check that the token is there"):
        make_key(replace(place, token="nowhere"))
    assert not place.current.exists()
    place.current.write_text("8899aabbccddeeff\n")
    with pytest.raises(IdentityError, match="enrol the gateway anew"):
        load_key(place)
    place.current.write_text("no id")
    with pytest.raises(IdentityError, match="restore it"):
        load_key(place)


def test_a_signature_keeps_its_low_s_and_loses_its_high_one() -> None:
    low, high = (1).to_bytes(32, "big"), (P256_ORDER - 1).to_bytes(32, "big")
    assert low_s(low + low) == low_s(low + high) == low + low
