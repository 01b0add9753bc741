"""What the documents name exists, and what a person can set is documented."""

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from cloud.config import load_config
from cloud.errors import ConfigError as CloudConfigError
from gateway_firmware_py.config.read import load_settings
from gateway_firmware_py.errors import ConfigError as GatewayConfigError

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROGRAMS = ("coldwarden-gateway", "coldwarden-cloud", "coldwarden-sim", "coldwarden-verify")
MACHINE_PATHS = re.compile(rb"(?<![\w./-])/(work/(?:main|shared)|tmp/cw|root|home/\w+)/")
WRONG_EVERYWHERE = """\
zzz = 1
[gateway]
zzz = 1
[trust]
zzz = 1
[seal]
zzz = 1
[outbox]
zzz = 1
[uplink]
zzz = 1
[status]
zzz = 1
[annunciator]
zzz = 1
[broker]
zzz = 1
[clock]
zzz = 1
[[modbus]]
zzz = 1
[[modbus.device]]
zzz = 1
profile = "RS-WS-N01"
[[modbus.device.point]]
zzz = 1
[[mqtt]]
zzz = 1
[[mqtt.device]]
zzz = 1
[[mqtt.device.point]]
zzz = 1
[[scanner]]
zzz = 1
[[digital]]
zzz = 1
"""

Settings = dict[str, set[str]]


def gateway_settings(folder: Path) -> Settings:
    """Return what `gateway.toml` accepts, as its own refusals say."""
    file = folder / "gateway.toml"
    file.write_text(WRONG_EVERYWHERE)
    with pytest.raises(GatewayConfigError) as refused:
        load_settings(file)
    pattern = r"\[([a-z.]*)\] zzz: unknown setting; expected one of (.+)"
    return {
        name: set(keys.split(", ")) for name, keys in re.findall(pattern, str(refused.value))
    }


def cloud_settings(folder: Path) -> Settings:
    """Return what `cloud.toml` accepts, as its own refusals say."""
    found: Settings = {}
    names = re.findall(r"\[([a-z]+)\]", _refusal(folder, "[zzz]\n").split("expected one of")[1])
    for name in names:
        expected = _refusal(folder, f"[{name}]\nzzz = 1\n").split("expected one of ")[1]
        found[name] = set(expected.split(", "))
    return found


def _refusal(folder: Path, text: str) -> str:
    file = folder / "cloud.toml"
    file.write_text(text)
    with pytest.raises(CloudConfigError) as refused:
        load_config(file)
    return str(refused.value)


def documented(part: str) -> Settings:
    """Return the settings in the tables of one part of docs/configuration.md."""
    text = (ROOT / "docs" / "configuration.md").read_text()
    (body,) = re.findall(
        rf"^## {re.escape(part)}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL
    )
    sections = re.split(r"^### ", body, flags=re.MULTILINE)[1:]
    return {
        section.split("`")[1].strip("[]"): set(
            re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
        )
        for section in sections
    }


def test_every_setting_of_the_gateway_is_documented_and_no_other(tmp_path: Path) -> None:
    known = gateway_settings(tmp_path)
    top = known.pop("")
    assert top == {name.split(".")[0] for name in known}
    assert documented("gateway.toml") == known


def test_every_setting_of_the_cloud_is_documented_and_no_other(tmp_path: Path) -> None:
    assert documented("cloud.toml") == cloud_settings(tmp_path)


@cache
def help_of(program: str) -> str:
    ended = subprocess.run(
        [str(Path(sys.executable).parent / program), "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stdout


def named_commands() -> Iterator[tuple[str, str]]:
    for document in DOCUMENTS:
        pattern = r"(coldwarden-[a-z]+) ([a-z][a-z-]*)(?= |`|$|\n)"
        for code in re.findall(r"`[^`\n]+`|```.*?```", document.read_text(), re.DOTALL):
            yield from re.findall(pattern, code)


def test_every_command_in_the_documents_exists() -> None:
    found = set(named_commands())
    assert found
    for program, command in found:
        assert program in PROGRAMS
        if program != "coldwarden-verify":
            assert re.search(rf"^\s+{re.escape(command)}\b", help_of(program), re.MULTILINE), (
                f"{program} has no command {command}"
            )


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: d.relative_to(ROOT).as_posix())
def test_every_link_within_the_repository_leads_somewhere(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:|#", target):
            assert (document.parent / target.split("#")[0]).exists(), target


def named_tests() -> list[str]:
    texts = [document.read_text() for document in DOCUMENTS]
    return sorted({name for text in texts for name in re.findall(r"`(tests/[\w/.:]+)`", text)})


@pytest.mark.parametrize("name", [*named_tests(), "tests/test_docs.py::named_tests"])
def test_every_test_that_a_guarantee_names_exists(name: str) -> None:
    path, _, function = name.partition("::")
    assert (ROOT / path).exists()
    if function:
        assert re.search(
            rf"^ *(async )?def {function}\(", (ROOT / path).read_text(), re.MULTILINE
        )


def test_no_tracked_file_names_a_place_on_somebodys_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git clone")
    names = [name for name in listed.stdout.decode().split("\0") if name]
    found = [name for name in names if _is_personal(ROOT / name)]
    assert not found


def _is_personal(file: Path) -> bool:
    return (
        file != Path(__file__)
        and file.is_file()
        and MACHINE_PATHS.search(file.read_bytes()) is not None
    )
