"""The trust folder: written and read alike, and refused with the remedy."""

from pathlib import Path

import pytest

from evidence.cose import ALG_ED25519, ALG_ESP256
from evidence.errors import TrustError
from evidence.keys import PublicKey, SoftwareKey
from evidence.trust import Trust, TrustedGateway, load_trust, write_trust


def key(number: int, alg: int = ALG_ED25519) -> PublicKey:
    return SoftwareKey(alg, bytes(31) + bytes([number])).public


def trust() -> Trust:
    return Trust(
        logs={"example.org/log/2026": key(1), "example.org/log/2027": key(2)},
        control=key(3),
        gateways=(
            TrustedGateway(id="gw-demo-01", site="门店 «1»", keys=(key(4), key(5))),
            TrustedGateway(id="gw-demo-02", site="chs-002", keys=(key(6, ALG_ESP256),)),
        ),
    )


TEXT = f"""
[control]
key = "{key(3).to_text()}"
[[log]]
origin = "example.org/log/2026"
key = "{key(1).to_text()}"
[[gateway]]
id = "gw-demo-01"
site = "chs-001"
keys = ["{key(4).to_text()}"]
"""


def test_what_was_written_is_loaded(tmp_path: Path) -> None:
    write_trust(tmp_path / "trust", trust())
    assert load_trust(tmp_path / "trust") == trust()


def test_keys_are_found_by_their_id(tmp_path: Path) -> None:
    gateway, found = trust().by_kid()[key(5).kid]
    assert (gateway.id, found) == ("gw-demo-01", key(5))


LOG = TEXT[TEXT.index("[[log]]") : TEXT.index("[[gateway]]")]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("gw-demo-01", "GW", "4-32"),
        (f'keys = ["{key(4).to_text()}"]', "keys = []", "needs"),
        (f'keys = ["{key(4).to_text()}"]', "keys = [7]", "expected"),
        ("[[gateway]]", LOG + "[[gateway]]", "origin is there twice"),
        (f'keys = ["{key(4).to_text()}"]', f'keys = ["{key(3).to_text()}"]', "never shared"),
        (key(4).to_text(), "ed25519:AAAA", "3 bytes"),
        (key(4).to_text(), "rsa:AAAA", "expected"),
        ("[control]", "[controls]", "unknown name"),
        ("site", "place", "unknown name"),
        ('site = "chs-001"\n', "", "site"),
        ("[[log]]", "[log]", "list"),
        ("[[log]]", "[[log", "line"),
        (key(1).to_text(), key(1, ALG_ESP256).to_text(), "ed25519"),
        ('origin = "example.org/log/2026"', "origin = 7", "origin"),
    ],
)
def test_what_cannot_be_used_is_refused_and_named(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in TEXT
    (tmp_path / "trust.toml").write_text(TEXT)
    load_trust(tmp_path)
    (tmp_path / "trust.toml").write_text(TEXT.replace(old, new))
    with pytest.raises(TrustError, match=said) as caught:
        load_trust(tmp_path)
    assert str(tmp_path / "trust.toml") in str(caught.value)


def test_two_gateways_share_no_id_and_no_key(tmp_path: Path) -> None:
    entry = TEXT[TEXT.index("[[gateway]]") :]
    (tmp_path / "trust.toml").write_text(TEXT + entry)
    with pytest.raises(TrustError, match="gateway id gw-demo-01 is there twice"):
        load_trust(tmp_path)
    (tmp_path / "trust.toml").write_text(TEXT + entry.replace("demo-01", "demo-02"))
    with pytest.raises(TrustError, match=r"key .* is there twice"):
        load_trust(tmp_path)


def test_a_missing_or_binary_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrustError, match="get it"):
        load_trust(tmp_path)
    (tmp_path / "trust.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(TrustError, match="again"):
        load_trust(tmp_path)
