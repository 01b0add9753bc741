"""Import and export: what is exported comes back as it was; a mistake changes nothing."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from device_registry.access.scope import Scope
from device_registry.errors import ImportProblem, ImportRefusedError
from device_registry.interchange.exporting import export_csv, export_json
from device_registry.interchange.importing import Outcome, import_lines
from device_registry.interchange.lines import read_lines
from device_registry.kinds.catalogue import KINDS
from device_registry.store.audit import Actor
from device_registry.store.store import RegistryStore
from simulators.registry_document import Wiring, pharmacy, wired

ACTOR = Actor(account="operator")
WIRING = Wiring(
    host="127.0.0.1",
    modbus_port=502,
    mqtt=("127.0.0.1", 1883),
    scanner_port=9100,
    listen="127.0.0.1:1883",
    period_s=10,
    seal_s=60,
)
DOCUMENT = wired(pharmacy("chs-001", "gw-demo-01", with_mqtt=True), WIRING)


def opened(folder: Path, name: str) -> RegistryStore:
    return RegistryStore.open(f"sqlite:///{folder / name}", now_ms=lambda: 1_790_000_000_000)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RegistryStore]:
    with closing(opened(tmp_path, "registry.db")) as store:
        yield store


def imported(store: RegistryStore, *files: Path, apply: bool = True) -> Outcome:
    problems: list[ImportProblem] = []
    lines = [line for file in files for line in read_lines(file, problems)]
    assert not problems, problems
    return import_lines(store, lines, ACTOR, apply=apply)


def written(folder: Path, document: object, name: str = "registry.json") -> Path:
    file = folder / name
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


def test_a_dry_run_says_what_would_happen_and_changes_nothing(
    store: RegistryStore, tmp_path: Path
) -> None:
    file = written(tmp_path, DOCUMENT)
    planned = imported(store, file, apply=False)
    assert store.revision() == 0
    assert planned == imported(store, file)
    assert planned.written["point"] == len(DOCUMENT["point"])
    again = imported(store, file)
    assert set(again.written.values()) == {0}


def test_what_is_exported_comes_back_as_it_was(store: RegistryStore, tmp_path: Path) -> None:
    imported(store, written(tmp_path, DOCUMENT))
    first = io.StringIO()
    export_json(store, list(KINDS), None, first)
    with closing(opened(tmp_path, "copy.db")) as copy:
        imported(copy, written(tmp_path, json.loads(first.getvalue()), "again.json"))
        second = io.StringIO()
        export_json(copy, list(KINDS), None, second)
    assert first.getvalue() == second.getvalue()


def test_spreadsheets_come_back_too(store: RegistryStore, tmp_path: Path) -> None:
    imported(store, written(tmp_path, DOCUMENT))
    folder = tmp_path / "csv"
    rows = export_csv(store, list(KINDS), None, folder)
    with (folder / "point.csv").open(encoding="utf-8-sig") as file:
        assert len(list(csv.DictReader(file))) == len(DOCUMENT["point"])
    with closing(opened(tmp_path, "copy.db")) as copy:
        outcome = imported(copy, *folder.glob("*.csv"))
        assert sum(outcome.written.values()) == rows
        before, after = io.StringIO(), io.StringIO()
        export_json(store, list(KINDS), None, before)
        export_json(copy, list(KINDS), None, after)
    assert before.getvalue() == after.getvalue()


def test_no_secret_is_exported_and_nothing_outside_the_scope(
    store: RegistryStore, tmp_path: Path
) -> None:
    account = {"id": "li", "name": "李", "organisation": "chs", "state": "active"}
    account["password_hash"] = "do-not-tell"
    imported(store, written(tmp_path, {**DOCUMENT, "account": [account]}))
    out = io.StringIO()
    export_json(store, list(KINDS), None, out)
    assert '"li"' in out.getvalue()
    assert "do-not-tell" not in out.getvalue()
    elsewhere = io.StringIO()
    kinds = [kind.name for kind in KINDS.values() if kind.is_scoped]
    assert export_json(store, kinds, [Scope(region="52")], elsewhere) == 0


def test_every_mistake_is_named_by_file_and_row_and_nothing_is_changed(
    store: RegistryStore, tmp_path: Path
) -> None:
    site = {**DOCUMENT["site"][0], "timezone": "Mars/Olympus", "area_m2": -1}
    bad = {**DOCUMENT, "site": [site], "gateway": [{"id": "X", "site": "nowhere"}]}
    problems: list[ImportProblem] = []
    lines = read_lines(written(tmp_path, bad), problems)
    with pytest.raises(ImportRefusedError) as refused:
        import_lines(store, lines, ACTOR, apply=True)
    places = {(p.file, p.row) for p in refused.value.problems}
    assert {("registry.json#site", 1), ("registry.json#gateway", 1)} <= places
    assert all(p.remedy for p in refused.value.problems)
    assert store.revision() == 0


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("point.csv", "id,channel\np1,seven\n", "channel"),
        ("point.csv", "id,channel\n,7\n", "no id"),
        ("planets.csv", "id\nmars\n", "not a kind"),
        ("registry.json", '{"planet": []}', "no list of a known kind"),
        ("registry.json", '{"site": [{"name_zh": "x"}]}', "no id"),
        ("registry.json", "[", "Expecting"),
        ("site.csv", b"id\n\xff\n", "codec"),
        ("absent.csv", None, "No such file"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_what(
    tmp_path: Path, name: str, text: str | bytes | None, what: str
) -> None:
    file = tmp_path / name
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    problems: list[ImportProblem] = []
    read_lines(file, problems)
    assert [what in p.what for p in problems] == [True]
    assert problems[0].remedy
