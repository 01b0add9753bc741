"""The store against a plain model: whatever is put, moved and ended, they agree.

The model keeps every version in a list and works out from nothing, at each step, where each
row belongs. It knows no scope columns, no cascades and no chunks.
"""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from device_registry.access.scope import Subject
from device_registry.errors import IllegalTransitionError, InvalidFieldsError
from device_registry.kinds.catalogue import KINDS
from device_registry.lifecycles import GATEWAY
from device_registry.store.audit import FIRST_PREV_HASH, audit_leaf, leaf_hash
from device_registry.store.change import Change
from device_registry.store.store import RegistryStore
from tests.support.registry_world import changing

REGIONS = ("510000", "510500", "510502")
MODELLED = ("organisation", "authority", "site", "gateway")
REFERENCES = {
    "organisation": {"parent": "organisation"},
    "authority": {"organisation": "organisation"},
    "site": {"organisation": "organisation"},
    "gateway": {"site": "site"},
}
ORGANISATIONS = st.sampled_from(("o1", "o2", "o3"))
CLASSES = st.sampled_from(("retail", "wholesale"))
NAMES = {"name_zh": "名", "name_en": "Name"}
Values = dict[str, object]


@cache
def template() -> Path:
    """Return a migrated database to copy."""
    path = Path(tempfile.mkdtemp(prefix="coldwarden-model-")) / "empty.db"
    store = RegistryStore.open(f"sqlite:///{path}", now_ms=lambda: 0)
    with changing(store, 0) as change:
        levels = ("province", "city", "county")
        rows = [
            {"id": code, "name_zh": code, "level": level}
            for code, level in zip(REGIONS, levels, strict=True)
        ]
        change.put_many("region", rows)
    store.close()
    return path


class Model:
    """What the registry should hold."""

    def __init__(self) -> None:
        self.versions: dict[tuple[str, str], list[Values | None]] = {}

    def current(self, kind: str) -> dict[str, Values]:
        """Return the current rows of a kind."""
        return {
            id_: versions[-1]
            for (k, id_), versions in self.versions.items()
            if k == kind and versions[-1] is not None
        }

    def may_put(self, kind: str, id_: str, values: Values) -> bool:
        """Say whether the row may become this."""
        for field, other in REFERENCES[kind].items():
            if values[field] is not None and values[field] not in self.current(other):
                return False
        if kind == "organisation" and id_ in self._ancestors(values["parent"]):
            return False
        past = [v for v in self.versions.get((kind, id_), []) if v is not None]
        if kind == "gateway" and past:
            old = str(past[-1]["state"])
            return values["state"] == old or values["state"] in GATEWAY.moves[old]
        return True

    def may_end(self, kind: str, id_: str) -> bool:
        """Say whether the row is there and nothing refers to it."""
        return id_ in self.current(kind) and not any(
            values[field] == id_
            for other, fields in REFERENCES.items()
            for field, target in fields.items()
            if target == kind
            for values in self.current(other).values()
        )

    def subject(self, kind: str, id_: str) -> Subject:
        """Work out where a current row belongs."""
        values = self.current(kind)[id_]
        match kind:
            case "gateway":
                return self.subject("site", str(values["site"]))
            case "authority":
                return self.subject("organisation", str(values["organisation"]))
            case _:
                region, class_ = str(values["region"]), str(values["subject_class"])
                owner = id_ if kind == "organisation" else values["organisation"]
                return Subject(
                    org_path=self._path(owner),
                    authority_path=self._competent(region, class_),
                    region=region,
                    subject_class=class_,
                )

    def _ancestors(self, organisation: object) -> list[str]:
        found: list[str] = []
        while organisation is not None:
            found.insert(0, str(organisation))
            organisation = self.current("organisation")[str(organisation)]["parent"]
        return found

    def _path(self, organisation: object) -> str:
        return "/".join(self._ancestors(organisation))

    def _competent(self, region: str, subject_class: str) -> str:
        for code in reversed(REGIONS[: REGIONS.index(region) + 1]):
            for id_, values in sorted(self.current("authority").items(), reverse=True):
                if (values["region"], values["subject_class"]) == (code, subject_class):
                    return self._path(self.current("authority")[id_]["organisation"])
        return ""


class Registry(RuleBasedStateMachine):
    """Puts and ends rows in both."""

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="coldwarden-model-"))
        shutil.copy(template(), self.folder / "registry.db")
        url = f"sqlite:///{self.folder}/registry.db"
        self.store = RegistryStore.open(url, now_ms=lambda: 0)
        self.model = Model()
        self.at_ms = 0
        # Something of each, so that most steps meet what they move or end.
        self.put_organisation("o1", None, "510000", "wholesale")
        self.put_organisation("o2", "o1", "510502", "retail")
        self.put_authority("a1", "o2", "510000", "retail")
        self.put_site("s1", "o2", "510502", "retail")
        self.put_gateway("gw-1", "s1", "ordered")

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    @rule(
        id_=ORGANISATIONS,
        parent=st.none() | ORGANISATIONS,
        region=st.sampled_from(REGIONS[::2]),
        class_=CLASSES,
    )
    def put_organisation(self, id_: str, parent: str | None, region: str, class_: str) -> None:
        values = {"parent": parent, "region": region, "subject_class": class_, "uscc": None}
        self._put("organisation", id_, values | NAMES)

    @rule(
        id_=st.sampled_from(("a1", "a2")),
        organisation=ORGANISATIONS,
        region=st.sampled_from(REGIONS[::2]),
        class_=CLASSES,
    )
    def put_authority(self, id_: str, organisation: str, region: str, class_: str) -> None:
        values = {"region": region, "subject_class": class_, "organisation": organisation}
        self._put("authority", id_, values)

    @rule(
        id_=st.sampled_from(("s1", "s2")),
        organisation=ORGANISATIONS,
        region=st.sampled_from(REGIONS[::2]),
        class_=CLASSES,
    )
    def put_site(self, id_: str, organisation: str, region: str, class_: str) -> None:
        values = {"organisation": organisation, "region": region, "subject_class": class_}
        self._put("site", id_, values | NAMES | {"timezone": "Asia/Shanghai"})

    @rule(
        id_=st.sampled_from(("gw-1", "gw-2")),
        site=st.sampled_from(("s1", "s2")),
        state=st.sampled_from(("ordered", "claimed", "retired")),
    )
    def put_gateway(self, id_: str, site: str, state: str) -> None:
        self._put("gateway", id_, {"site": site, "state": state})

    @rule(kind=st.sampled_from(MODELLED), number=st.integers(1, 3))
    def end(self, kind: str, number: int) -> None:
        id_ = {"gateway": f"gw-{number}"}.get(kind, f"{kind[0]}{number}")
        with self._expected(self.model.may_end(kind, id_)), self._change() as change:
            change.end(kind, id_)
            self.model.versions[kind, id_].append(None)

    @invariant()
    def rows_and_their_subjects_agree(self) -> None:
        for kind in MODELLED:
            stored = {row.id: row for row in self.store.find(kind)}
            current = self.model.current(kind)
            assert stored.keys() == current.keys()
            for id_, row in stored.items():
                assert {name: row.values[name] for name in current[id_]} == current[id_]
                assert row.subject == self.model.subject(kind, id_), (kind, id_)

    @invariant()
    def every_version_is_kept(self) -> None:
        for (kind, id_), versions in self.model.versions.items():
            history = self.store.history(kind, id_)
            kept = [v for v in versions if v is not None]
            assert len(history) == len(kept)
            for row, values in zip(history, kept, strict=True):
                assert {name: row.values[name] for name in values} == values
                held = row.valid_to_ms is None or row.valid_from_ms < row.valid_to_ms
                assert not held or self.store.as_of(kind, id_, row.valid_from_ms) == row
            if None not in versions:
                ends = [row.valid_to_ms for row in history]
                assert ends == [*(row.valid_from_ms for row in history[1:]), None]

    @invariant()
    def the_trail_tells_all_of_it(self) -> None:
        told: dict[tuple[str, str], Values] = {}
        before = FIRST_PREV_HASH
        for seq, entry in enumerate(self.store.audit(limit=10_000), start=1):
            assert (entry.seq, entry.prev_hash) == (seq, before)
            assert leaf_hash(audit_leaf(entry)) == entry.hash
            before = entry.hash
            if entry.action == "end":
                told.pop((entry.kind, entry.id))
            else:
                told[entry.kind, entry.id] = {
                    **told.get(
                        (entry.kind, entry.id), dict.fromkeys(KINDS[entry.kind].by_name)
                    ),
                    **(entry.new or {}),
                }
        for kind in MODELLED:
            rows = {row.id: dict(row.values) for row in self.store.find(kind)}
            assert rows == {id_: values for (k, id_), values in told.items() if k == kind}

    def _put(self, kind: str, id_: str, values: Mapping[str, object]) -> None:
        new = dict(values)
        with self._expected(self.model.may_put(kind, id_, new)), self._change() as change:
            change.put(kind, id_, **new)
            versions = self.model.versions.setdefault((kind, id_), [])
            if not versions or versions[-1] != new:
                versions.append(new)

    @contextmanager
    def _change(self) -> Iterator[Change]:
        self.at_ms += 1
        with changing(self.store, self.at_ms) as change:
            yield change

    @contextmanager
    def _expected(self, allowed: bool) -> Iterator[None]:  # noqa: FBT001
        refused = False
        try:
            yield
        except (InvalidFieldsError, IllegalTransitionError):
            refused = True
        assert refused is not allowed


TestRegistry = Registry.TestCase
TestRegistry.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
