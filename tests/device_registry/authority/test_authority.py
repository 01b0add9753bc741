"""The authority: made once, chained, limited; judged by the real openssl."""

import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from device_registry.authority import key_file, profiles
from device_registry.authority.csr import read_csr
from device_registry.authority.errors import AuthorityError, CsrError
from device_registry.authority.issuing import Authority, Revoked, certs_only
from device_registry.authority.root import OfflineRoot
from tests.support.openssl import make_csr, openssl, try_openssl

NOW_MS = 1_793_584_800_000
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("authority")
    root = OfflineRoot.create(folder / "root", "Test root", NOW_MS)
    return Authority.create(folder / "online", root, "Test gateways", NOW_MS)


def judged(
    folder: Path, authority: Authority, leaf: x509.Certificate, *how: str
) -> tuple[int, bytes]:
    """Ask openssl whether `leaf` is good at NOW_MS."""
    files = {"root": authority.root, "intermediate": authority.certificate, "leaf": leaf}
    for name, certificate in files.items():
        (folder / name).write_bytes(certificate.public_bytes(Encoding.PEM))
    chain = ("-CAfile", folder / "root", "-untrusted", folder / "intermediate")
    when = ("-attime", str(NOW_MS // 1000))
    return try_openssl("verify", *chain, *when, *how, folder / "leaf")


def test_openssl_accepts_a_gateways_certificate_as_a_client_only(
    tmp_path: Path, authority: Authority
) -> None:
    csr = read_csr(make_csr(tmp_path, "gw-0001"))
    leaf = authority.issue("gw-0001", csr.public_key, NOW_MS)
    assert judged(tmp_path, authority, leaf, "-purpose", "sslclient")[0] == 0
    assert judged(tmp_path, authority, leaf, "-purpose", "sslserver")[0] != 0
    assert profiles.common_name(leaf) == "gw-0001"
    assert profiles.ms_of(leaf.not_valid_after_utc) == NOW_MS + 90 * DAY_MS


def test_openssl_accepts_a_servers_certificate_for_its_names_only(
    tmp_path: Path, authority: Authority
) -> None:
    key = key_file.new_key()
    leaf = authority.server(["cloud.example.org", "127.0.0.1"], key.public_key(), NOW_MS)
    server = ("-purpose", "sslserver")
    assert judged(tmp_path, authority, leaf, *server, "-verify_ip", "127.0.0.1")[0] == 0
    named = ("-verify_hostname", "cloud.example.org")
    assert judged(tmp_path, authority, leaf, *server, *named)[0] == 0
    other = ("-verify_hostname", "other.example.org")
    assert judged(tmp_path, authority, leaf, *server, *other)[0] != 0


def test_openssl_refuses_what_the_list_revokes_and_only_that(
    tmp_path: Path, authority: Authority
) -> None:
    good, bad = (
        authority.issue(name, key_file.new_key().public_key(), NOW_MS)
        for name in ("gw-good", "gw-bad-")
    )
    revoked = [Revoked(serial=bad.serial_number, at_ms=NOW_MS)]
    (tmp_path / "crl.pem").write_bytes(authority.crl(revoked, NOW_MS))
    checking = ("-crl_check", "-CRLfile", str(tmp_path / "crl.pem"))
    assert judged(tmp_path, authority, good, *checking)[0] == 0
    status, said = judged(tmp_path, authority, bad, *checking)
    assert status != 0
    assert b"revoked" in said


def test_a_gateways_certificate_cannot_make_others(
    tmp_path: Path, authority: Authority
) -> None:
    key = key_file.new_key()
    leaf = authority.issue("gw-0001", key.public_key(), NOW_MS)
    rogue = Authority(key, leaf, authority.root).issue("gw-0002", key.public_key(), NOW_MS)
    (tmp_path / "chain").write_bytes(key_file.pem_of(leaf, authority.certificate))
    (tmp_path / "root").write_bytes(key_file.pem_of(authority.root))
    (tmp_path / "leaf").write_bytes(key_file.pem_of(rogue))
    chain = ("-CAfile", tmp_path / "root", "-untrusted", tmp_path / "chain")
    status, _ = try_openssl("verify", *chain, "-attime", str(NOW_MS // 1000), tmp_path / "leaf")
    assert status != 0


def test_no_certificate_outlives_its_authority(authority: Authority) -> None:
    late_ms = NOW_MS + (profiles.INTERMEDIATE_DAYS - 10) * DAY_MS
    leaf = authority.issue("gw-0001", key_file.new_key().public_key(), late_ms)
    assert leaf.not_valid_after_utc == authority.certificate.not_valid_after_utc


def test_openssl_reads_certs_only(tmp_path: Path, authority: Authority) -> None:
    (tmp_path / "p7").write_bytes(certs_only(authority.chain))
    printed = openssl("pkcs7", "-inform", "DER", "-in", tmp_path / "p7", "-print_certs")
    assert printed.count(b"BEGIN CERTIFICATE") == 2


def test_an_authority_is_loaded_as_made_and_never_overwritten(tmp_path: Path) -> None:
    root = OfflineRoot.create(tmp_path / "root", "R", NOW_MS, b"pass")
    made = Authority.create(tmp_path / "online", root, "I", NOW_MS)
    loaded = Authority.load(tmp_path / "online")
    assert loaded.certificate == made.certificate
    assert OfflineRoot.load(tmp_path / "root", b"pass").certificate == root.certificate
    for name in ("root/root.key", "online/intermediate.key"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    with pytest.raises(AuthorityError, match="move it away"):
        OfflineRoot.create(tmp_path / "root", "R", NOW_MS)
    with pytest.raises(AuthorityError, match="passphrase"):
        OfflineRoot.load(tmp_path / "root", b"guess")


def test_files_of_two_authorities_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        root = OfflineRoot.create(tmp_path / name / "root", "R", NOW_MS)
        Authority.create(tmp_path / name / "online", root, "I", NOW_MS)
    mixed, other = tmp_path / "a/online", tmp_path / "b/online"
    for name in ("intermediate.key", "root.crt"):
        kept = (mixed / name).read_bytes()
        (mixed / name).write_bytes((other / name).read_bytes())
        with pytest.raises(AuthorityError, match="restore both"):
            Authority.load(mixed)
        (mixed / name).write_bytes(kept)


@pytest.mark.parametrize("curve", ["secp384r1", "secp256k1"])
def test_a_request_with_another_curve_is_refused_with_the_remedy(
    tmp_path: Path, curve: str
) -> None:
    openssl("ecparam", "-name", curve, "-genkey", "-noout", "-out", tmp_path / "tls.key")
    with pytest.raises(CsrError, match="prime256v1"):
        read_csr(make_csr(tmp_path, "gw-0001"))


def test_a_request_without_the_private_key_is_refused(tmp_path: Path) -> None:
    der = bytearray(make_csr(tmp_path, "gw-0001"))
    at = der.index(b"gw-0001")
    der[at : at + 7] = b"gw-0002"
    with pytest.raises(CsrError, match="not signed by its own key"):
        read_csr(bytes(der))


def test_a_request_has_one_encoding(tmp_path: Path) -> None:
    # A signature that ends in a 0 bit, every second one, verifies with that bit called padding.
    for _ in range(64):
        der = bytearray(make_csr(tmp_path, "gw-0001"))
        if der[-1] & 1 == 0:
            break
    signature = x509.load_der_x509_csr(bytes(der)).signature
    read_csr(bytes(der))
    der[-len(signature) - 1] = 1
    with pytest.raises(CsrError, match="last byte unused"):
        read_csr(bytes(der))


@pytest.mark.parametrize("data", [b"", b"\x30\x00", b"0" * 9000])
def test_no_request_is_refused_with_the_remedy(data: bytes) -> None:
    with pytest.raises(CsrError, match="openssl req"):
        read_csr(data)
