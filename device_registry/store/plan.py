"""What a change will write, decided before anything is written.

Used by `Change`: `Plan` takes the given rows of one kind, a few hundred at a time, with what
is there now, and finds every mistake. A row with a mistake is not written.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from device_registry.access.scope import Subject
from device_registry.errors import FieldProblem, IllegalTransitionError
from device_registry.kinds.field import Kind
from device_registry.lifecycles import check_move
from device_registry.store.row import Row
from device_registry.store.subjects import Subjects
from device_registry.store.validate import check_row, unknown_fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The current version of a row, and the number of its version."""

    row_id: int
    row: Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One new version of a row."""

    id: str
    values: Mapping[str, object]
    subject: Subject | None
    before: Stored | None

    @property
    def changed(self) -> dict[str, object]:
        """The values that differ from what was there; without a past, those that are known."""
        if self.before is None:
            return {name: value for name, value in self.values.items() if value is not None}
        old = self.before.row.values
        return {name: value for name, value in self.values.items() if value != old[name]}

    @property
    def moved(self) -> bool:
        """Whether a row that was there belongs elsewhere now."""
        return self.before is not None and self.before.row.subject != self.subject


class Plan:
    """The writes that the given rows ask for, and what is wrong with them."""

    def __init__(self, kind: Kind, subjects: Subjects) -> None:
        """Decide about rows of `kind`."""
        self.kind = kind
        self.writes: list[Write] = []
        self.kept: dict[str, Row] = {}
        self.problems: list[FieldProblem] = []
        self.illegal: list[IllegalTransitionError] = []
        self._subjects = subjects

    def merged(
        self, id_: str, given: Mapping[str, object], before: Row | None
    ) -> dict[str, object] | None:
        """Return all values of a row, in their form; None after noting what is wrong."""
        problems = unknown_fields(self.kind, id_, given)
        values = dict(before.values) if before else dict.fromkeys(self.kind.by_name)
        values.update((name, given[name]) for name in given if name in values)
        if before is None and self.kind.lifecycle and values["state"] is None:
            values["state"] = self.kind.lifecycle.initial
        problems += check_row(self.kind, id_, values)
        self.problems += problems
        return None if problems else values

    def take(
        self,
        id_: str,
        values: dict[str, object],
        before: Stored | None,
        last_state: str | None,
    ) -> None:
        """Decide about one row; `last_state` is what a row that ended was in."""
        old = before.row.values if before else None
        if old == values and before:
            self.kept[id_] = before.row
            return
        if not (self._may_move(id_, values, last_state) and self._may_refer(id_, values, old)):
            return
        subject = self._subjects.of_row(self.kind, id_, values)
        self._subjects.written(self.kind.name, id_, subject)
        self.writes.append(Write(id=id_, values=values, subject=subject, before=before))

    def complain(self, id_: str, field: str, what: str, remedy: str) -> None:
        """Note a mistake."""
        self.problems.append(FieldProblem(id=id_, field=field, what=what, remedy=remedy))

    def _may_move(self, id_: str, values: Mapping[str, object], last: str | None) -> bool:
        if self.kind.lifecycle is None or last is None:
            return True
        try:
            check_move(self.kind.lifecycle, last, str(values["state"]))
        except IllegalTransitionError as error:
            self.illegal.append(error)
            legal = ", ".join(error.legal) or "nothing: it has ended"
            self.complain(id_, "state", f"cannot follow {last}", f"legal is {legal}")
            return False
        return True

    def _may_refer(
        self, id_: str, values: Mapping[str, object], old: Mapping[str, object] | None
    ) -> bool:
        found = len(self.problems)
        for name, refers in self.kind.references:
            value = values[name]
            if value is None or (old and old[name] == value):
                continue
            if not self._subjects.exists(refers, str(value)):
                what = f"there is no {refers} {value}"
                self.complain(id_, name, what, f"register the {refers} first")
        if self.kind.name == "organisation" and len(self.problems) == found:
            self._refuse_circle(id_, values["parent"])
        return len(self.problems) == found

    def _refuse_circle(self, id_: str, parent: object) -> None:
        if parent is not None and id_ in self._subjects.path_of(str(parent)).split("/"):
            self.complain(id_, "parent", f"{parent} is below it", "choose one that is not")
