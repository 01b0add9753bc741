"""`coldwarden-cloud user add | list | reset | token`: accounts, without a page.

Hooked into `cloud.cli`. It makes the first account of an installation; whoever may run it may
read the database anyway, so that it asks for no password.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from cloud.errors import OperatorError
from device_registry.access.action import SIGNATURES, Action
from device_registry.access.role import roles
from device_registry.accounts.accounts import Accounts
from device_registry.accounts.errors import AccountError
from device_registry.accounts.people import NewAccount, NewGrant
from device_registry.errors import InvalidFieldsError
from device_registry.kinds.places import SUBJECT_CLASSES
from device_registry.store.audit import Actor
from device_registry.store.store import RegistryStore

DONE: Final = 0
DAY_MS: Final = 86_400_000
OPERATOR: Final = Actor(account="operator", role="operator", via="cli")
HOME: Final = "platform"
"""Organisation of the first account when the registry holds none yet."""
COUNTRY: Final = "100000"
"""GB/T 2260 for the whole country: no site lies in it."""

Add = Callable[..., argparse.ArgumentParser]
Told = dict[str, Any] | list[dict[str, Any]]
OpenStore = Callable[[argparse.Namespace], RegistryStore]


def add_to(commands: Any, add: Add, open_store: OpenStore) -> None:  # noqa: ANN401 - argparse
    """Add `user` and its actions; `open_store` opens the registry that arguments name."""
    parser = commands.add_parser("user", help="accounts: add, list, reset, token")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    _add_add(add(actions, "add", _with(open_store, _user_add), "make an account"))
    add(actions, "list", _with(open_store, _user_list), "list accounts and their roles")
    one = add(actions, "reset", _with(open_store, _user_reset), "give a new one-time password")
    one.add_argument("name", metavar="NAME", help="the account")
    _add_token(add(actions, "token", _with(open_store, _user_token), "make an API token"))


def _add_add(one: argparse.ArgumentParser) -> None:
    one.add_argument("name", metavar="NAME", help="login: lower-case letters, digits, . _ -")
    one.add_argument("--role", action="append", choices=sorted(set(roles()) - {"public"}))
    one.add_argument("--title", default="", metavar="TEXT", help="the person's name")
    one.add_argument("--organisation", default="", metavar="ID", help="where it belongs")
    one.add_argument("--over", default="", metavar="ID", help="roles count below this one only")
    one.add_argument("--region", default="", metavar="CODE", help="... and in this region only")
    one.add_argument("--subject-class", default="", choices=("", *SUBJECT_CLASSES))
    one.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the password from a line of stdin, instead of making one for one use",
    )
    one.add_argument("--phone", default="", metavar="NUMBER", help="not yet verified")
    one.add_argument(
        "--external-id", default="", metavar="PROVIDER:SUBJECT", help="whom a provider names"
    )


def _add_token(one: argparse.ArgumentParser) -> None:
    one.add_argument("name", metavar="NAME", help="the account whose rights it has")
    choices = sorted(set(Action) - SIGNATURES)
    one.add_argument("--action", action="append", required=True, choices=choices)
    one.add_argument("--days", type=int, default=365, help="0: it never ends")
    one.add_argument("--label", default="", help="what it is for")


def _user_add(accounts: Accounts, arguments: argparse.Namespace, at_ms: int) -> Told:
    home = arguments.organisation or _home(accounts.store, at_ms)
    new = NewAccount(
        id=arguments.name,
        name=arguments.title or arguments.name,
        organisation=home,
        phone=arguments.phone,
        external_id=arguments.external_id,
    )
    one_time: str | None = accounts.people.add(OPERATOR, new, at_ms)
    if arguments.password_stdin:
        chosen = sys.stdin.readline().rstrip("\n")
        accounts.people.set_password(OPERATOR, arguments.name, chosen, at_ms)
        one_time = None
    for role in arguments.role or ():
        grant = NewGrant(
            account=arguments.name,
            role=role,
            organisation=arguments.over,
            region=arguments.region,
            subject_class=arguments.subject_class,
        )
        accounts.people.grant(OPERATOR, grant, at_ms)
    return {"account": arguments.name, "organisation": home, "one_time_password": one_time}


def _user_list(accounts: Accounts, _arguments: argparse.Namespace, _at_ms: int) -> Told:
    grants: dict[str, list[Mapping[str, object]]] = {}
    for row in accounts.store.each("grant"):
        told = {k: v for k, v in row.public.items() if v is not None and k != "account"}
        grants.setdefault(row.text("account"), []).append(told)
    return [
        {
            "account": row.id,
            "name": row.text("name"),
            "organisation": row.text("organisation"),
            "state": row.text("state"),
            "second_factor": bool(row.text("totp_secret")),
            "grants": grants.get(row.id, []),
        }
        for row in accounts.store.each("account")
    ]


def _user_reset(accounts: Accounts, arguments: argparse.Namespace, at_ms: int) -> Told:
    password = accounts.people.reset(OPERATOR, arguments.name, at_ms)
    return {"account": arguments.name, "one_time_password": password}


def _user_token(accounts: Accounts, arguments: argparse.Namespace, at_ms: int) -> Told:
    until_ms = at_ms + arguments.days * DAY_MS if arguments.days > 0 else None
    actions = [Action(name) for name in arguments.action]
    token = accounts.people.make_token(
        OPERATOR, arguments.name, actions, until_ms, arguments.label, at_ms
    )
    return {"account": arguments.name, "token": token.text, "until_ms": until_ms}


def _home(store: RegistryStore, at_ms: int) -> str:
    firms = [row.id for row in store.find("organisation", where={"parent": None}, limit=20)]
    if HOME in firms:
        return HOME
    if len(firms) == 1:
        return firms[0]
    if firms:
        raise OperatorError(f"where does it belong? add --organisation: {', '.join(firms)}")
    with store.change(OPERATOR, "home of the first account", at_ms) as change:
        change.put("region", COUNTRY, name_zh="中国", name_en="China", level="province")
        change.put(
            "organisation",
            HOME,
            name_zh="平台运营方",
            name_en="Platform operator",
            subject_class="service",
            region=COUNTRY,
        )
    return HOME


_Action = Callable[[Accounts, argparse.Namespace, int], Told]


def _with(open_store: OpenStore, action: _Action) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        with _opened(open_store, arguments) as accounts:
            told = action(accounts, arguments, time.time_ns() // 1_000_000)
        lines = [json.dumps(told, ensure_ascii=False)] if arguments.json else _lines(told)
        sys.stdout.writelines(f"{line}\n" for line in lines)
        return DONE

    return run


@contextmanager
def _opened(open_store: OpenStore, arguments: argparse.Namespace) -> Iterator[Accounts]:
    store = open_store(arguments)
    try:
        yield Accounts.over(store)
    except AccountError as error:
        raise OperatorError(str(error)) from error
    except InvalidFieldsError as error:
        raise OperatorError(str(error)) from error
    finally:
        store.close()


def _lines(told: Told) -> Iterator[str]:
    if isinstance(told, dict):
        for name, value in told.items():
            if value is not None:
                yield f"{name.replace('_', ' '):18} {value}"
        return
    for one in told:
        held = ", ".join(sorted(grant["role"] for grant in one["grants"])) or "no role"
        yield f"{one['account']:16} {one['state']:7} {held:30} {one['name']}"
