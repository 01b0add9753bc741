"""A small, strict subset of JSONPath: one place in a document, never a search.

`$` is the document; `.name`, `["any name"]` (or single quotes) and `[0]` go one step down. Used
for plain JSON devices. Pure.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from edge.errors import SourceConfigError

MAX_PATH_CHARS: Final = 512
_STEP: Final = re.compile(
    r"""\.(?P<name>[A-Za-z_][A-Za-z0-9_\-:]*)
      | \[(?P<index>0|[1-9][0-9]{0,5})\]
      | \[(?P<quote>["'])(?P<key>(?:(?!(?P=quote)).)+)(?P=quote)\]""",
    re.VERBOSE,
)


class Missing:
    """What a path that leads nowhere finds; JSON's null is something else."""


MISSING: Final = Missing()


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A parsed path; `text` is as the operator wrote it."""

    text: str
    steps: tuple[str | int, ...]

    def find(self, document: object) -> object:
        """Return what lies at this path, or `MISSING`."""
        for step in self.steps:
            match document:
                case list() if isinstance(step, int) and step < len(document):
                    document = document[step]
                case dict() if step in document:
                    document = document[step]
                case _:
                    return MISSING
        return document


@lru_cache(maxsize=4096)
def parse_path(text: str) -> JsonPath:
    """Return the path in `text`; raise `SourceConfigError` where it stops making sense."""
    if not text.startswith("$") or len(text) > MAX_PATH_CHARS:
        raise SourceConfigError(
            f"path {text[:80]!r} does not begin with $; write it like $.a.b[0]"
        )
    at, steps = 1, list[str | int]()
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            raise SourceConfigError(
                f"path {text!r} is not understood from character {at + 1} on; "
                f'use .name, [0] or ["any name"]'
            )
        index = step["index"]
        steps.append(int(index) if index is not None else step["name"] or step["key"])
        at = step.end()
    return JsonPath(text, tuple(steps))
