"""`ca` and `claim`, as an operator types them: files, a QR, and what they refuse."""

import json
import stat
import tomllib
from pathlib import Path

import pytest

from cloud import cli
from cloud.config import load_config
from cloud.core import wall_ms
from cloud.enrolment.anchoring import anchors_of, load_authority
from cloud.opening import load_keys, open_registry_store
from device_registry.authority.root import OfflineRoot
from device_registry.store.audit import Actor
from evidence.enrolment.claim import Claim
from tests.support.openssl import openssl

NETWORK = '[network]\nmethod = "static"\naddress = "192.168.1.10/24"\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return the configuration of a new installation with one site."""
    assert cli.main(["init", str(tmp_path / "cloud")]) == 0
    file = tmp_path / "cloud" / "cloud.toml"
    store = open_registry_store(load_config(file))
    with store.change(Actor(account="setup"), "test", wall_ms()) as change:
        named = {"name_zh": "名", "name_en": "Name"}
        change.put("region", "510000", level="province", **named)
        of = {"region": "510000", "subject_class": "retail"}
        change.put("organisation", "chs", **of, **named)
        site = {"organisation": "chs", "timezone": "Asia/Shanghai"}
        change.put("site", "chs-001", **site, **of, **named)
    store.close()
    return file


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str]:
    """Return exit code and everything printed since the last command."""
    capsys.readouterr()
    code = cli.main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def test_an_authority_is_made_once_and_its_root_lies_apart(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    init = ("ca", "init", "--config", config, "--root", tmp_path / "stick")
    assert run(capsys, *init)[0] == 0
    names = {path.name for path in (tmp_path / "cloud").rglob("*")}
    assert "intermediate.key" in names
    assert "root.key" not in names
    assert stat.S_IMODE((tmp_path / "stick" / "root.key").stat().st_mode) == 0o600
    code, said = run(capsys, *init)
    assert (code, "move it away first" in said) == (2, True)


def test_certificates_for_broker_and_cloud_are_good_with_the_root(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "ca", "init", "--config", config, "--root", tmp_path / "stick")
    out = ("--config", config, "--out", tmp_path / "tls")
    assert run(capsys, "ca", "server", "mq.example.org", "127.0.0.1", *out)[0] == 0
    assert run(capsys, "ca", "client", "ingest", *out)[0] == 0
    chain = ("-CAfile", tmp_path / "stick" / "root.crt", "-untrusted")
    for name, purpose in (("mq.example.org", "sslserver"), ("ingest", "sslclient")):
        cert = tmp_path / "tls" / f"{name}.crt"
        openssl("verify", "-purpose", purpose, *chain, cert, cert)


def test_a_claim_is_printed_as_text_and_qr_and_written_for_the_card(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "ca", "init", "--config", config, "--root", tmp_path / "stick")
    (tmp_path / "network.toml").write_text(NETWORK)
    words = ("claim", "chs-001", "gw-0001", "--config", config, "--out", tmp_path / "card")
    code, said = run(capsys, *words, "--network", tmp_path / "network.toml")
    assert code == 0
    assert "▄" in said
    card = tmp_path / "card" / "coldwarden-claim.toml"
    assert stat.S_IMODE(card.stat().st_mode) == 0o600
    boot = tomllib.loads(card.read_text())
    assert boot["network"] == {"method": "static", "address": "192.168.1.10/24"}
    claim = Claim.parse(boot["claim"])
    settings = load_config(config)
    authority = load_authority(settings)
    assert authority is not None
    assert claim.pin == anchors_of(settings, load_keys(settings), authority).pin()
    again = json.loads(run(capsys, *words, "--json")[1])
    assert Claim.parse(again["claim"]).id != claim.id
    assert tomllib.loads(card.read_text())["claim"] == again["claim"]


def test_a_claim_without_authority_site_or_network_is_refused_with_the_remedy(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("claim", "chs-001", "gw-0001", "--config", config)
    assert "ca init" in run(capsys, *words)[1]
    run(capsys, "ca", "init", "--config", config, "--root", tmp_path / "stick")
    code, said = run(capsys, "claim", "chs-002", "gw-0001", "--config", config)
    assert (code, "register the site first" in said) == (2, True)
    for text, remedy in (
        ("[netwrk]", "only [network]"),
        ("[", "as TOML"),
        ("[network]\nx=1", "use"),
    ):
        (tmp_path / "n.toml").write_text(text)
        code, said = run(capsys, *words, "--network", tmp_path / "n.toml")
        assert (code, remedy in said) == (2, True)


def test_the_roots_key_can_be_sealed(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    init = ("ca", "init", "--config", config, "--root", tmp_path / "stick")
    (tmp_path / "pass").write_text("\n")
    assert run(capsys, *init, "--passphrase-file", tmp_path / "pass")[0] == 2
    (tmp_path / "pass").write_text("correct horse\n")
    assert run(capsys, *init, "--passphrase-file", tmp_path / "pass")[0] == 0
    assert b"ENCRYPTED" in (tmp_path / "stick" / "root.key").read_bytes()


def test_a_renewed_authority_vouches_for_what_it_signed_before(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = ("--config", config, "--root", tmp_path / "stick")
    run(capsys, "ca", "init", *named)
    run(capsys, "ca", "client", "ingest", "--config", config, "--out", tmp_path)
    folder = load_config(config).enrolment.ca_dir
    before = (folder / "intermediate.crt").read_bytes()
    assert run(capsys, "ca", "renew", *named)[0] == 0
    assert (folder / "intermediate.crt").read_bytes() != before
    clients = folder / "clients-ca.pem"
    openssl("verify", "-purpose", "sslclient", "-CAfile", clients, tmp_path / "ingest.crt")
    OfflineRoot.create(tmp_path / "another", "R", wall_ms())
    code, said = run(capsys, "ca", "renew", "--config", config, "--root", tmp_path / "another")
    assert (code, "another root" in said) == (2, True)
