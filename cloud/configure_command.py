"""`coldwarden-cloud configure`: tell gateways to measure what the registry says now.

Hooked into `cloud.cli`. What is offered travels with the gateway's next contact; a gateway that
enrols later gets it with the answer.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

from cloud.config import load_config
from cloud.opening import open_registry_store
from device_registry.configuring.errors import CannotConfigureError
from device_registry.configuring.publishing import Outcome, publish_all
from device_registry.store.audit import Actor

DONE, FAILED = 0, 1
OPERATOR = Actor(account="operator", role="operator", via="cli")
WHY = "configured from the command line"
AT_ONCE = 200
"""Gateways in one change: others wait no longer than a second for the registry."""

Add = Callable[..., argparse.ArgumentParser]


def add_to(commands: Any, add: Add) -> None:  # noqa: ANN401 - argparse names no type for it
    """Add `configure`."""
    one = add(commands, "configure", _configure, "offer gateways what the registry says now")
    one.add_argument("gateways", nargs="*", metavar="GATEWAY", help="their ids")
    one.add_argument("--all", action="store_true", help="every gateway that is not retired")


def _configure(arguments: argparse.Namespace) -> int:
    told: dict[str, Mapping[str, object]] = {}
    with closing(open_registry_store(load_config(arguments.config))) as store:
        names = arguments.gateways
        if arguments.all:
            rows = store.each("gateway")
            names = [row.id for row in rows if row.text("state") != "retired"]
        for start in range(0, len(names), AT_ONCE):
            some = names[start : start + AT_ONCE]
            done = publish_all(store, some, OPERATOR, why=WHY, at_ms=store.now_ms())
            told |= {name: _told(outcome) for name, outcome in done.items()}
            _show_progress(start + len(some), len(names))
    if arguments.json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        for name, outcome in told.items():
            print(f"{name:32} {_spelled(outcome)}")
    return FAILED if any("error" in outcome for outcome in told.values()) else DONE


def _told(outcome: Outcome) -> Mapping[str, object]:
    match outcome:
        case CannotConfigureError():
            return {"error": str(outcome)}
        case None:
            return {"version": None}
        case _:
            return {"version": outcome.number("version")}


def _spelled(outcome: Mapping[str, object]) -> str:
    if "error" in outcome:
        return f"refused: {outcome['error']}"
    version = outcome["version"]
    return "has been told already" if version is None else f"version {version} is offered"


def _show_progress(done: int, of: int) -> None:
    if sys.stderr.isatty() and of > 1:
        print(f"\r{done} of {of} gateways", end="\n" if done == of else "", file=sys.stderr)
