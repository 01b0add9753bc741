"""`cloud.user_command`: the first account, its password, its token."""

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from cloud import user_command
from cloud.errors import OperatorError
from device_registry.access.action import Action
from device_registry.access.policy import scopes_for
from device_registry.access.scope import EVERYWHERE, Scope
from device_registry.accounts.accounts import Accounts
from device_registry.accounts.outcome import Accepted
from device_registry.store.store import RegistryStore
from tests.support.people import NOW_MS, registry_in


def run(folder: Path, capsys: pytest.CaptureFixture[str], *argv: str) -> Any:  # noqa: ANN401 - JSON
    def add(
        commands: Any,  # noqa: ANN401 - argparse names no type for it
        name: str,
        command: object,
        summary: str,
    ) -> argparse.ArgumentParser:
        one: argparse.ArgumentParser = commands.add_parser(name, help=summary)
        one.set_defaults(command=command)
        one.add_argument("--json", action="store_true")
        return one

    parser = argparse.ArgumentParser()
    user_command.add_to(parser.add_subparsers(), add, lambda _: store_in(folder))
    arguments = parser.parse_args(["user", *argv, "--json"])
    assert arguments.command(arguments) == 0
    return json.loads(capsys.readouterr().out)


def store_in(folder: Path) -> RegistryStore:
    return RegistryStore.open(f"sqlite:///{folder}/registry.db", now_ms=lambda: NOW_MS)


def test_the_first_account_of_an_empty_installation_can_log_in_and_must_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = run(tmp_path, capsys, "add", "root", "--role", "operator")
    accounts = Accounts.over(store_in(tmp_path))
    outcome = accounts.log_ins.by_password("root", made["one_time_password"], "", NOW_MS)
    assert isinstance(outcome, Accepted)
    assert outcome.must_change
    principal = accounts.rights.principal("root")
    assert principal is not None
    assert scopes_for(principal, Action.OPERATE, NOW_MS) == (EVERYWHERE,)
    accounts.store.close()


def test_roles_are_confined_to_what_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry_in(tmp_path).close()
    where = ("--organisation", "chs", "--over", "chs", "--region", "510500")
    run(tmp_path, capsys, "add", "li", "--role", "keeper", "--title", "李华", *where)
    (listed,) = run(tmp_path, capsys, "list")
    assert (listed["account"], listed["name"], listed["state"]) == ("li", "李华", "active")
    accounts = Accounts.over(store_in(tmp_path))
    principal = accounts.rights.principal("li")
    assert principal is not None
    assert scopes_for(principal, Action.VIEW_SITE, NOW_MS) == (
        Scope(organisation="chs", region="5105"),
    )
    accounts.store.close()


def test_where_an_account_belongs_is_asked_when_there_are_several(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry_in(tmp_path).close()
    with pytest.raises(OperatorError, match="add --organisation: chs, gov, hengda"):
        run(tmp_path, capsys, "add", "root", "--role", "operator")


def test_a_token_is_shown_once_and_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, capsys, "add", "root", "--role", "operator")
    made = run(tmp_path, capsys, "token", "root", "--action", "operate", "--days", "1")
    accounts = Accounts.over(store_in(tmp_path))
    machine = accounts.rights.of_token(made["token"], made["until_ms"] - 1)
    assert machine is not None
    assert scopes_for(machine, Action.OPERATE, NOW_MS) == (EVERYWHERE,)
    assert accounts.rights.of_token(made["token"], made["until_ms"]) is None
    accounts.store.close()


def test_an_account_may_name_who_it_is_at_a_provider(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, capsys, "add", "li", "--external-id", "work:LiHua")
    accounts = Accounts.over(store_in(tmp_path))
    outcome = accounts.log_ins.by_external_id("work:LiHua", is_strong=False)
    assert isinstance(outcome, Accepted)
    assert outcome.account == "li"
    accounts.store.close()


def test_a_reset_gives_another_password(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run(tmp_path, capsys, "add", "root", "--role", "operator")
    second = run(tmp_path, capsys, "reset", "root")
    accounts = Accounts.over(store_in(tmp_path))
    log_in = accounts.log_ins.by_password
    assert isinstance(log_in("root", second["one_time_password"], "", NOW_MS), Accepted)
    assert not isinstance(log_in("root", first["one_time_password"], "", NOW_MS), Accepted)
    accounts.store.close()


def test_what_cannot_be_is_told_with_the_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, capsys, "add", "root")
    for name, told in (("root", "already"), ("Not A Login", "Not A Login")):
        with pytest.raises(OperatorError, match=told):
            run(tmp_path, capsys, "add", name)
