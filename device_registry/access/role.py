"""The roles, as `roles.toml` says them."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from device_registry.access.action import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A post or task: what its holder may do where the grant reaches."""

    name: str
    zh: str
    en: str
    needs_totp: bool
    actions: frozenset[Action]
    grants: frozenset[str]
    """Roles that its holder may give to others."""


@cache
def roles() -> Mapping[str, Role]:
    """Return every role by name, in the order of the file."""
    text = files("device_registry.access").joinpath("roles.toml").read_text(encoding="utf-8")
    return {name: _role(name, table) for name, table in tomllib.loads(text).items()}


def _role(name: str, table: Mapping[str, Any]) -> Role:
    return Role(
        name=name,
        zh=table["zh"],
        en=table["en"],
        needs_totp=table["needs_totp"],
        actions=frozenset(Action(action) for action in table["actions"]),
        grants=frozenset(table["grants"]),
    )
