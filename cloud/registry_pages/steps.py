"""The steps of a commissioning as they come from the phone, and what they add up to. Pure.

A step has an id that the phone made, so that one that arrives twice counts once. They may come
hours late; of two about the same thing the later one by the phone's clock counts.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from cloud.registry_pages.errors import BadStepError

MAX_STEPS: Final = 5000
"""Steps of one commissioning; 100 points have 400."""
MAX_ABS: Final = 1000
_ID: Final = re.compile(r"[0-9a-f]{32}")
_TICK: Final = re.compile(r"[a-z0-9._-]{1,64}")
_NUMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "reference": ("reference", "value"),
    "warmed": ("before", "after"),
    "height": ("height_m",),
}

Step = Mapping[str, object]
"""`id`, `kind`, `at_ms`, `by`; numbers are decimal text."""


def parse_step(body: bytes, points: Iterable[str], account: str) -> dict[str, object]:
    """Return a step of a commissioning of these points.

    Raises:
        BadStepError: not a step, or about another point.
    """
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadStepError("expected a JSON document") from error
    if not isinstance(raw, dict):
        raise BadStepError("expected an object")
    step: dict[str, object] = {
        "id": step_id(raw.get("id")),
        "kind": str(raw.get("kind")),
        "at_ms": step_time(raw.get("at_ms")),
        "by": account,
    }
    return step | _content(str(raw.get("kind")), raw, frozenset(points))


def step_id(value: object) -> str:
    """Return an id as the phone makes them; `BadStepError` otherwise."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise BadStepError("expected an id of 32 hexadecimal digits")
    return value


def step_time(value: object) -> int:
    """Return a time in Unix ms; `BadStepError` otherwise."""
    if type(value) is not int or not 0 < value < 1 << 53:
        raise BadStepError("expected at_ms in milliseconds")
    return value


def photo_step(id_: str, point: str, at_ms: int, by: str, file: str) -> dict[str, object]:
    """Return the step of a photo that was stored as `file`."""
    return {
        "id": step_id(id_),
        "kind": "photo",
        "at_ms": step_time(at_ms),
        "by": by,
        "point": point,
        "file": file,
    }


def _content(kind: str, raw: Mapping[str, object], points: frozenset[str]) -> dict[str, object]:
    if kind == "tick":
        name = raw.get("name")
        if not isinstance(name, str) or not _TICK.fullmatch(name):
            raise BadStepError("expected the name of a check")
        return {"name": name, "ticked": raw.get("ticked") is True}
    if kind not in _NUMBERS:
        raise BadStepError("unknown kind of step")
    if raw.get("point") not in points:
        raise BadStepError("no such point of this gateway")
    return {"point": raw["point"], **{name: _number(raw.get(name)) for name in _NUMBERS[kind]}}


def _number(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadStepError("expected a number")
    if not -MAX_ABS <= value <= MAX_ABS:
        raise BadStepError("a number beyond what can be measured")
    return str(Decimal(str(value)))


@dataclass(frozen=True, slots=True)
class Draft:
    """What the phone has sent so far."""

    steps: tuple[Step, ...] = ()

    def has(self, id_: str) -> bool:
        """Say whether a step is here already."""
        return any(step["id"] == id_ for step in self.steps)

    def plus(self, step: Step) -> "Draft":
        """Return the draft with one more step.

        Raises:
            BadStepError: there are too many.
        """
        if len(self.steps) >= MAX_STEPS:
            raise BadStepError("too many steps")
        return Draft((*self.steps, step))

    def latest(self, *kinds: str, point: str = "", name: str = "") -> Step | None:
        """Return the latest step of these kinds about a point or a check."""
        found = [
            step
            for step in self.steps
            if step["kind"] in kinds
            and step.get("point", "") == point
            and step.get("name", "") == name
        ]
        return max(found, key=_time, default=None)

    def ticked(self, name: str) -> bool | None:
        """Return whether a check was ticked; None when nobody has touched it."""
        step = self.latest("tick", name=name)
        return None if step is None else step["ticked"] is True

    def number(self, step: Step | None, name: str) -> Decimal | None:
        """Return a number of a step."""
        return None if step is None or name not in step else Decimal(str(step[name]))

    def document(self) -> dict[str, object]:
        """Return the draft as the registry stores it."""
        return {"steps": [dict(step) for step in self.steps]}


def draft_of(document: object) -> Draft:
    """Return the draft that `Draft.document` wrote."""
    steps = document.get("steps", []) if isinstance(document, dict) else []
    return Draft(tuple(step for step in steps if isinstance(step, dict)))


def _time(step: Step) -> int:
    at_ms = step["at_ms"]
    return at_ms if isinstance(at_ms, int) else 0
