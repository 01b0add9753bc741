"""The wheel holds our packages with their data, and nothing else."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = tuple(
    tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"][
        "wheel"
    ]["packages"]
)
ALWAYS = ("pyproject.toml", "README.md", "LICENSE")
DATA = (
    "domain/rules/packs/CN_COLD_2_8.toml",
    "domain/profiles/devices/RS-WS-N01.toml",
    "dashboards/messages/zh-CN.toml",
    "dashboards/templates/base.html",
    "dashboards/static/coldwarden.css",
    "dashboards/static/vendor/SHA256SUMS",
    "dashboards/static/vendor/uplot-1.6.32/uPlot.iife.min.js",
    "dashboards/static/vendor/uplot-1.6.32/LICENSE",
)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    source = tmp_path_factory.mktemp("source")
    ignored = shutil.ignore_patterns("__pycache__")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=ignored)
    for name in ALWAYS:
        shutil.copy(ROOT / name, source / name)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", "out"]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (wheel,) = (source / "out").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return frozenset(archive.namelist())


def test_its_top_level_names_are_exactly_ours(names: frozenset[str]) -> None:
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == set(PACKAGES)


def test_every_source_file_is_in_it(names: frozenset[str]) -> None:
    sources = {
        file.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for file in (ROOT / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert set(DATA) <= sources
    assert sources <= names


def test_its_types_are_seen_from_outside(names: frozenset[str]) -> None:
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
