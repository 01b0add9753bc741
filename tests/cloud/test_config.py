"""cloud.toml: what it says is taken, what it cannot mean is refused with its place."""

import re
from pathlib import Path

import pytest

from cloud.config import _KNOWN, SETTINGS_HELP, load_config
from cloud.errors import ConfigError

MINIMAL = '[archive]\nlog_name = "coldwarden.example/log"\n'


def _file(folder: Path, text: str) -> Path:
    file = folder / "cloud.toml"
    file.write_text(text)
    return file


def test_a_minimal_file_gets_loopback_and_paths_beside_it(tmp_path: Path) -> None:
    config = load_config(_file(tmp_path, MINIMAL))
    assert (config.host, config.port) == ("127.0.0.1", 8080)
    assert config.archive_dir == tmp_path / "archive"
    assert config.log_key == tmp_path / "keys" / "log.key"
    assert config.mqtt is None
    assert config.timeseries.kind == "sqlite"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (MINIMAL + "[sever]\nport = 1\n", ":3: [sever]: unknown section"),
        (MINIMAL + "[server]\n\nprot = 1\n", ":5: [server] prot: unknown setting"),
        (MINIMAL + "[server]\nport = 70000\n", ":4: [server] port: 70000 is outside"),
        (MINIMAL + "[server]\nport = true\n", ":4: [server] port:"),
        (MINIMAL + '[server]\nport = "80"\n', ":4: [server] port: expected int"),
        ("[archive]\n", ':1: [archive] log_name: missing; add log_name = "..."'),
        ('[archive]\nlog_name = "A b"\n', ":2: [archive] log_name: 'A b'"),
        (MINIMAL + "[mqtt]\n", ":3: [mqtt] host: missing"),
        (MINIMAL + '[mqtt]\nhost = "h"\nca = "x"\n', "[mqtt] cert: mutual TLS needs"),
        (MINIMAL + '[timeseries]\nkind = "oracle"\n', ":4: [timeseries] kind: 'oracle'"),
        (MINIMAL + '[timeseries]\nkind = "influx"\n', "[timeseries] url: ''"),
        (MINIMAL + '[webhook]\nurls = ["ftp://x"]\n', ":4: [webhook] urls: 'ftp://x'"),
        (MINIMAL + "[webhook]\nurls = [1]\n", ":4: [webhook] urls: expected a list"),
        ("[archive\n", "the format is TOML"),
    ],
)
def test_a_bad_setting_names_file_line_and_remedy(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(_file(tmp_path, text))
    assert str(caught.value).startswith(str(tmp_path / "cloud.toml"))
    assert said in str(caught.value)


def test_a_missing_file_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="coldwarden-cloud init"):
        load_config(tmp_path / "cloud.toml")


def test_a_file_that_is_not_utf8_says_at_which_byte(tmp_path: Path) -> None:
    file = tmp_path / "cloud.toml"
    file.write_bytes(b"# \xff\n")
    with pytest.raises(ConfigError, match="byte 2"):
        load_config(file)


def test_mutual_tls_files_must_exist(tmp_path: Path) -> None:
    text = MINIMAL + '[mqtt]\nhost = "h"\nca = "a"\ncert = "b"\nkey = "c"\n'
    with pytest.raises(ConfigError, match="no such file"):
        load_config(_file(tmp_path, text))


def test_the_help_names_every_setting_and_no_other() -> None:
    lines = [re.split(r"  +", line.strip()) for line in SETTINGS_HELP.splitlines()[1:]]
    named = {line[0].strip("[]"): tuple(line[1].split()) for line in lines}
    assert named == _KNOWN
