"""Every text of the interface, by key and language (`messages/*.toml`).

Both languages have the same keys with the same placeholders; a test holds this.
"""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

from dashboards.errors import UnknownMessageError
from dashboards.models import Lang


class Catalogue:
    """The texts of one language."""

    def __init__(self, lang: Lang, messages: Mapping[str, str]) -> None:
        self.lang = lang
        self._messages = messages

    def text(self, key: str, **values: object) -> str:
        """Return the text with its placeholders filled; `UnknownMessageError` if absent."""
        return self.raw(key).format(**values)

    def raw(self, key: str) -> str:
        """Return the text with its placeholders as they are."""
        try:
            return self._messages[key]
        except KeyError:
            raise UnknownMessageError(key, self.lang) from None

    def under(self, prefix: str) -> dict[str, str]:
        """Return all texts whose key starts with `prefix.`, by the rest of the key."""
        start = f"{prefix}."
        return {
            k.removeprefix(start): v for k, v in self._messages.items() if k.startswith(start)
        }

    @property
    def keys(self) -> frozenset[str]:
        """All keys, `section.name`."""
        return frozenset(self._messages)


@cache
def catalogue(lang: Lang) -> Catalogue:
    """Return the texts of a language."""
    file = files("dashboards") / "messages" / f"{lang}.toml"
    document = tomllib.loads(file.read_text(encoding="utf-8"))
    return Catalogue(lang, dict(_flat("", document)))


def _flat(prefix: str, table: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(f"{prefix}{key}.", value)
        else:
            yield f"{prefix}{key}", str(value)
