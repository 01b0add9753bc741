"""Which part of the registry a page asks for: scopes narrowed to a region. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from device_registry.access.scope import Scope

LEVELS = (2, 4, 6, 9)
"""Digits of a province, a city, a county and a township."""


def narrowed(scopes: Iterable[Scope], prefix: str) -> tuple[Scope, ...]:
    """Return where `scopes` and the region whose codes start with `prefix` meet."""
    if not prefix:
        return tuple(scopes)
    return tuple(
        replace(scope, region=max(scope.region, prefix, key=len))
        for scope in scopes
        if scope.region.startswith(prefix) or prefix.startswith(scope.region)
    )


def clean_prefix(text: str) -> str:
    """Return `text` if it can be the beginning of a region's codes, else ""."""
    return text if text.isascii() and text.isdigit() and len(text) in LEVELS else ""


def child_of(code: str, prefix: str) -> str:
    """Return the prefix of the region one step below `prefix` that holds `code`.

    That of a province when `prefix` is empty; "" when `code` is no further down.
    """
    digits = code[:9] if len(code) == 12 else code
    for length in LEVELS:
        if length > len(prefix):
            child = code[:length]
            is_below = len(digits) >= length and not _is_padding(child, prefix)
            return child if is_below else ""
    return ""


def region_code(prefix: str) -> str:
    """Return the code of the region with this prefix, as it is registered."""
    return prefix.ljust(6, "0") if len(prefix) <= 6 else prefix.ljust(12, "0")


def above(prefix: str) -> Sequence[str]:
    """Return the prefixes of the regions around `prefix`, the largest first."""
    return [prefix[:length] for length in LEVELS if length < len(prefix)]


def _is_padding(child: str, prefix: str) -> bool:
    return not child[len(prefix) :].strip("0")
