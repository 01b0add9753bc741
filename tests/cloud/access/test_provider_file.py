"""`cloud.access.provider_file`: what it offers, and how a mistake in it is told."""

from pathlib import Path

import pytest

from cloud.access.provider_file import read_provider_file
from cloud.errors import ConfigError

OIDC = """
[[oidc]]
id = "city"
title = "市平台"
issuer = "https://id.example"
client_id = "c"
client_secret = "s"
"""
WECOM = """
[[wecom]]
id = "work"
title = "本企业"
client_id = "corp"
client_secret = "s"
agent_id = "1000002"
"""
SMS = '[sms]\nurl = "https://sms.example/send"\ntoken = "t"\n'


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "providers.toml"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return file


def test_each_way_is_offered(tmp_path: Path) -> None:
    ding = WECOM.replace("wecom", "dingtalk").replace('"work"', '"ding"')
    offered = read_provider_file(written(tmp_path, OIDC + WECOM + ding + SMS))
    kinds = [(p.kind, p.id) for p in offered.providers]
    assert kinds == [("oidc", "city"), ("wecom", "work"), ("dingtalk", "ding")]
    assert offered.sms is not None
    assert read_provider_file(written(tmp_path, "")).providers == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[saml]\n", "unknown section 'saml'"),
        ('[oidc]\nid = "x"\n', r"write \[\[oidc\]\] with two brackets"),
        (OIDC + 'scopes = "x"\n', r"\[\[oidc\]\] scopes: unknown; use one of id, title"),
        (OIDC.replace("https:", "http:"), r"issuer: 'http://id.example'; expected https"),
        (OIDC.replace('client_id = "c"\n', ""), 'client_id: missing; add client_id = "..."'),
        (OIDC + "is_strong = 1\n", "is_strong: expected bool, got 1"),
        (OIDC.replace('"city"', '"City 1"'), "id: 'City 1'; use 1 to 32"),
        (OIDC + WECOM.replace('"work"', '"city"'), "id 'city' is used twice"),
        ('[sms]\nurl = "https://x.example"\n', r"\[sms\]: expected url"),
        ("[[oidc\n", "the format is TOML"),
    ],
)
def test_a_mistake_is_named_with_its_remedy(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_provider_file(written(tmp_path, text))


def test_a_file_of_secrets_that_others_can_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="chmod 600"):
        read_provider_file(written(tmp_path, OIDC, 0o640))


def test_a_missing_file_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"check \[access\] providers"):
        read_provider_file(tmp_path / "none.toml")
