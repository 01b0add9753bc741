"""Backups that were read back, and what is refused when one byte is another."""

from pathlib import Path

import pytest

from cloud.archive.backup_record import decode_backup
from cloud.archive.restoring import read_restored
from cloud.backup import backup, restore
from cloud.config import Config, load_config
from cloud.core import wall_ms
from cloud.doctor import State, examine
from cloud.errors import BackupError, OperatorError
from cloud.opening import open_core, submit_card
from evidence.record import RecordKind
from evidence.trust import load_trust
from evidence.verifier.archive import verify_archive
from tests.support.cloud_core import make_installation
from tests.support.signing import SigningGateway


@pytest.fixture
def gateway() -> SigningGateway:
    gateway = SigningGateway()
    gateway.start_ms = wall_ms() - 86_400_000
    return gateway


@pytest.fixture
def config(tmp_path: Path, gateway: SigningGateway) -> Config:
    config = make_installation(tmp_path / "cloud", gateway)
    _fill(config, gateway, 20)
    return config


@pytest.fixture
def copy(tmp_path: Path, config: Config) -> Path:
    backup(config, tmp_path / "copy")
    return tmp_path / "copy"


def _fill(config: Config, gateway: SigningGateway, count: int, readings: int = 3) -> None:
    """Take in batches; with many readings they need several segments."""
    values = [500 + i % 7 * 300 for i in range(readings)]
    with open_core(config) as core:
        for _ in range(0, count, 10):
            batches = [gateway.batch(values) for _ in range(10)]
            counts = submit_card(core, batches)
            assert counts == {"receipted": 10}


def _verify(config: Config, folder: Path) -> bool:
    return bool(verify_archive(folder, load_trust(config.trust_dir), lambda _: None).passed)


def test_a_backup_is_an_archive_that_the_verifier_passes(config: Config, copy: Path) -> None:
    assert _verify(config, copy / "archive")
    assert (copy / "trust" / "trust.toml").exists()
    assert not list(copy.rglob("*.key"))


def test_closed_segments_are_copied_once(
    config: Config, copy: Path, gateway: SigningGateway
) -> None:
    _fill(config, gateway, 120, readings=6_000)
    first = backup(config, copy)
    closed = sorted((copy / "archive" / "records").glob("*.seg"))[:-1]
    assert closed
    before = {path: path.stat().st_ino for path in closed}
    _fill(config, gateway, 10)
    second = backup(config, copy)
    assert {path: path.stat().st_ino for path in closed} == before
    assert second.records == first.records + 10
    assert second.new_bytes < first.new_bytes
    assert _verify(config, copy / "archive")


def test_a_backup_is_entered_in_the_log(config: Config, copy: Path) -> None:
    server = open_core(config)
    server.start()
    server.stop()
    with open_core(config) as core:
        spool = list((config.state_dir / "spool").iterdir())
        assert len(spool) == 1
        name = spool[0].name.split(".")
        assert name[1:] == ["backup", "request"]
        entered = decode_backup(spool[0].read_bytes())
        core.sequencer.record(RecordKind.BACKUP, spool[0].read_bytes())
    with open_core(config) as core:
        assert core.sequencer.last_backup_ms == entered.at_ms
        assert entered.size > 21, "the batches, and how the registry came to be"
        assert entered.destination == str(copy)


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_a_changed_byte_in_the_archive_is_not_backed_up(
    config: Config, tmp_path: Path, gateway: SigningGateway, place: float
) -> None:
    (segment,) = (config.archive_dir / "records").glob("*.seg")
    data = bytearray(segment.read_bytes())
    end = data.index(gateway.sent[gateway.epoch, 19])
    data[int(end * place)] ^= 1
    segment.write_bytes(data)
    with pytest.raises(BackupError) as caught:
        backup(config, tmp_path / "copy")
    assert "0000000000000000.seg" in str(caught.value)
    assert "byte" in str(caught.value) or "header" in str(caught.value)
    assert not list((tmp_path / "copy").rglob("*.seg"))


def test_records_that_were_forged_with_right_checksums_have_another_root(
    config: Config, tmp_path: Path
) -> None:
    other = make_installation(tmp_path / "other", SigningGateway())
    _fill(other, SigningGateway(), 20)
    for name in ("records", "manifest.json"):
        (config.archive_dir / name).rename(tmp_path / f"true-{name}")
    (other.archive_dir / "records").rename(config.archive_dir / "records")
    (tmp_path / "true-manifest.json").rename(config.archive_dir / "manifest.json")
    with pytest.raises(BackupError, match="root"):
        backup(config, tmp_path / "copy")


def test_a_restored_server_goes_on_in_a_new_log(
    config: Config, copy: Path, gateway: SigningGateway, tmp_path: Path
) -> None:
    outcome = restore(copy, tmp_path / "again", config.log_key.parent)
    assert outcome.records > 21
    again = load_config(tmp_path / "again" / "cloud.toml")
    state = read_restored(again.state_dir)
    assert state is not None
    assert state.origin == outcome.origin
    _fill(again, gateway, 10)
    assert _verify(again, again.archive_dir)
    with open_core(again) as core:
        assert core.stream.current.manifest.origin == f"{outcome.origin}-2"
        assert (
            core.sequencer.ledger.chains[gateway.key.kid].epochs[gateway.epoch].known_hi == 29
        )


@pytest.mark.parametrize("where", ["records/*.seg", "log/checkpoint", "manifest.json"])
def test_a_backup_with_one_changed_byte_is_not_restored(
    config: Config, copy: Path, tmp_path: Path, where: str
) -> None:
    (path,) = (copy / "archive").glob(where)
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    with pytest.raises(BackupError):
        restore(copy, tmp_path / "again", config.log_key.parent)


def test_a_backup_needs_the_key_that_signed_it(
    copy: Path, tmp_path: Path, gateway: SigningGateway
) -> None:
    other = make_installation(tmp_path / "other", gateway)
    with pytest.raises(OperatorError, match="did not sign this backup"):
        restore(copy, tmp_path / "again", other.log_key.parent)
    with pytest.raises(OperatorError, match="needs the server's keys"):
        restore(copy, tmp_path / "again", tmp_path)


def test_a_backup_of_another_archive_is_not_overwritten(
    copy: Path, tmp_path: Path, gateway: SigningGateway
) -> None:
    other = make_installation(tmp_path / "other", gateway)
    _fill(other, gateway, 10)
    with pytest.raises(BackupError, match="use another folder"):
        backup(other, copy)


def test_a_backup_that_waits_for_the_server_is_not_called_missing(
    config: Config, copy: Path
) -> None:
    (found,) = [d for d in examine(config) if d.name == "backup"]
    assert copy.exists()
    assert (found.state, found.remedy) == (State.OK, "")


def test_where_no_backup_is_that_is_what_is_said(config: Config, tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="holds no backup"):
        restore(tmp_path / "elsewhere", tmp_path / "again", config.log_key.parent)


def test_nothing_is_restored_over_something(config: Config, copy: Path) -> None:
    with pytest.raises(OperatorError, match="not empty"):
        restore(copy, config.file.parent, config.log_key.parent)
