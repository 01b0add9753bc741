"""Certificates in bulk from the command line: told first, applied when asked, errors by row."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from cloud.cli import main
from cloud.config import Config
from cloud.opening import open_registry_store
from cloud.registry_pages.files import FileFolder
from device_registry.certificates_import.spreadsheet import read_rows
from tests.support.certificate_packages import PDF, package, row
from tests.support.cloud_core import make_installation
from tests.support.registry_world import build_world, changing


@pytest.fixture
def config(tmp_path: Path) -> Config:
    made = make_installation(tmp_path / "c")
    with closing(open_registry_store(made)) as store, changing(store, 1_000) as change:
        build_world(change)
    return made


def run(config: Config, *arguments: object) -> int:
    return main(["certificates", *map(str, arguments), "--config", str(config.file)])


def count(config: Config) -> int:
    with closing(open_registry_store(config)) as store:
        return store.count("calibration")


def test_a_package_is_told_first_and_applied_when_asked(
    config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    zipped = tmp_path / "batch.zip"
    zipped.write_bytes(package(row("SN-chs-001", calibrated_on="2026-05-01")))
    before = count(config)
    assert run(config, zipped, "--json") == 0
    assert json.loads(capsys.readouterr().out)["applied"] is False
    assert count(config) == before
    assert run(config, zipped, "--apply") == 0
    assert capsys.readouterr().out.splitlines() == ["1 certificates", "Done."]
    assert count(config) == before + 1
    with closing(open_registry_store(config)) as store:
        (file,) = store.find("file")
    assert FileFolder(config.state_dir / "files").get(file.id) == PDF


def test_mistakes_are_told_by_row_and_nothing_is_changed(
    config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    zipped = tmp_path / "batch.zip"
    zipped.write_bytes(package(row("nobody")))
    assert run(config, zipped, "--apply") == 1
    assert f"{zipped}:2: no such sensor: nobody" in capsys.readouterr().err
    zipped.write_bytes(b"no zip")
    assert run(config, zipped, "--json") == 1
    assert json.loads(capsys.readouterr().out)["problems"] == [
        {"row": 0, "what": "not a readable zip"}
    ]


def test_the_template_is_an_empty_list(config: Config, tmp_path: Path) -> None:
    sheet = tmp_path / "empty.xlsx"
    assert run(config, sheet, "--template") == 0
    assert read_rows(sheet.read_bytes()) == []
