"""What the registry's database promises, on SQLite and on PostgreSQL alike."""

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from device_registry.access.scope import EVERYWHERE, Scope, Subject
from device_registry.errors import (
    IllegalTransitionError,
    InvalidFieldsError,
    UnknownKindError,
)
from device_registry.kinds.catalogue import KINDS
from device_registry.store.audit import (
    MASK,
    Actor,
    audit_leaf,
)
from device_registry.store.store import RegistryStore
from tests.support.postgres import postgres
from tests.support.registry_world import (
    POINT,
    ROOT,
    SITES,
    assert_trail_holds,
    build_organisation,
    build_world,
    changing,
    kid,
)

NOON_MS = 1_790_000_000_000
Opener = Callable[[], RegistryStore]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.engine)])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Open the same database as often as wanted."""
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/registry.db" if sqlite else postgres().registry()
    opened: list[RegistryStore] = []

    def open_once_more() -> RegistryStore:
        opened.append(RegistryStore.open(url, now_ms=lambda: NOON_MS))
        return opened[-1]

    yield open_once_more
    for store in opened:
        store.close()


@pytest.fixture
def store(opener: Opener) -> RegistryStore:
    """The small world, made at 1 s."""
    store = opener()
    with changing(store, 1_000, "set up") as change:
        build_world(change)
    return store


def problems(error: pytest.ExceptionInfo[InvalidFieldsError]) -> set[tuple[str, str]]:
    return {(p.id, p.field) for p in error.value.problems}


def test_every_version_of_a_row_is_kept_with_its_interval(store: RegistryStore) -> None:
    with changing(store, 2_000) as change:
        change.put("gateway", "gw-chs-001", state="suspended", model="CW-2")
    with changing(store, 3_000) as change:
        change.put("gateway", "gw-chs-001", state="retired")
    states = [row.text("state") for row in store.history("gateway", "gw-chs-001")]
    assert states == ["in_service", "suspended", "retired"]
    at = {ms: store.as_of("gateway", "gw-chs-001", ms) for ms in (999, 1_000, 2_999, 3_000)}
    assert at[999] is None
    assert [row.text("state") for row in at.values() if row] == [
        "in_service",
        "suspended",
        "retired",
    ]
    now = store.get("gateway", "gw-chs-001")
    assert now == at[3_000]
    assert now is not None
    assert (now.text("model"), now.number("heartbeat_s")) == ("CW-2", 60)


def test_what_does_not_differ_leaves_no_trace(store: RegistryStore) -> None:
    before = store.revision()
    with changing(store, 2_000) as change:
        change.put("point", "chs-001-t", channel=1, rule_packs=["CN_COLD_2_8"])
        assert not change.seqs
    assert store.revision() == before
    assert len(store.history("point", "chs-001-t")) == 1


def test_a_change_that_fails_leaves_nothing(store: RegistryStore) -> None:
    before = store.revision()
    rows: list[dict[str, object]] = [
        {"id": "gw-chs-001", "model": "CW-9"},
        {"id": "gw-chs-002", "site": "nowhere"},
    ]
    with pytest.raises(InvalidFieldsError), changing(store, 2_000) as change:
        change.put_many("gateway", rows)
    gateway = store.get("gateway", "gw-chs-001")
    assert gateway is not None
    assert gateway.maybe("model") is None
    assert store.revision() == before


def test_every_mistake_of_every_row_is_named_at_once(store: RegistryStore) -> None:
    rows = [
        {"id": "p-1", "site": "chs-001", "gateway": "gw-none", "channel": 7, **POINT},
        {"id": "P 2", "site": "chs-001", "gateway": "gw-chs-001", "channel": -1, **POINT},
        {"id": "p-3", "colour": "red", **POINT, "unit": "K", "quantity": "warmth"},
    ]
    with pytest.raises(InvalidFieldsError) as caught, changing(store, 2_000) as change:
        change.put_many("point", rows)
    assert problems(caught) == {
        ("p-1", "gateway"),
        ("P 2", "id"),
        ("P 2", "channel"),
        ("p-3", "colour"),
        ("p-3", "site"),
        ("p-3", "gateway"),
        ("p-3", "channel"),
        ("p-3", "quantity"),
    }
    assert all(p.what and p.remedy for p in caught.value.problems)
    assert store.get("point", "p-1") is None


def test_a_row_that_is_referred_to_does_not_end(store: RegistryStore) -> None:
    with pytest.raises(InvalidFieldsError, match="refers to it"), changing(store, 2) as change:
        change.end("sensor", "chs-001-probe")
    with changing(store, 2_000) as change:
        change.put("point", "chs-001-t", sensor=None)
        change.end("calibration", "chs-001-cal")
        change.end("sensor", "chs-001-probe")
        assert change.get("sensor", "chs-001-probe") is None
    assert store.get("sensor", "chs-001-probe") is None
    assert [r.valid_to_ms for r in store.history("sensor", "chs-001-probe")] == [2_000]
    with pytest.raises(InvalidFieldsError, match="there is no sensor"):
        store_end(store, "sensor", "chs-001-probe")


def store_end(store: RegistryStore, kind: str, id_: str) -> None:
    with changing(store, 3_000) as change:
        change.end(kind, id_)


def test_an_illegal_state_is_refused_even_by_registering_again(store: RegistryStore) -> None:
    with changing(store, 2_000) as change:
        change.put("key", kid("gw-chs-001"), state="revoked")
    with pytest.raises(IllegalTransitionError, match="nothing follows"):
        put_key(store, "active")
    store_end(store, "key", kid("gw-chs-001"))
    with pytest.raises(IllegalTransitionError):
        put_key(store, "active")


def put_key(store: RegistryStore, state: str) -> None:
    with changing(store, 4_000) as change:
        gateway = "gw-chs-001"
        fields = {"gateway": gateway, "public": "ed25519:AAAA", "key_kind": "software"}
        change.put("key", kid(gateway), **fields, state=state)


def test_a_channel_belongs_to_one_point_until_that_is_retired(store: RegistryStore) -> None:
    new = {
        "id": "chs-001-t2",
        "site": "chs-001",
        "gateway": "gw-chs-001",
        "channel": 1,
        **POINT,
    }
    with (
        pytest.raises(InvalidFieldsError, match="is point chs-001-t already"),
        changing(store, 2_000) as change,
    ):
        change.put_many("point", [new])
    with pytest.raises(InvalidFieldsError), changing(store, 2_000) as change:
        change.put_many("point", [new | {"channel": 5}, new | {"channel": 5, "id": "other"}])
    with changing(store, 2_000) as change:
        change.put("point", "chs-001-t", state="out_of_service")
        change.put("point", "chs-001-t", state="retired")
        change.put_many("point", [new])
    with changing(store, 3_000) as change:
        change.put_many("point", [new | {"id": "b", "channel": 2}])
        swapped = [{"id": "chs-001-t2", "channel": 2}, {"id": "b", "channel": 1}]
        change.put_many("point", swapped)
    assert [
        r.id for r in store.find("point", where={"gateway": "gw-chs-001", "channel": 1})
    ] == [
        "b",
        "chs-001-t",
    ]


def test_what_a_list_finds_is_what_the_scope_covers(store: RegistryStore) -> None:
    with changing(store, 2_000) as change:
        for id_ in ("chs-a", "chs0", "chs.b"):
            build_organisation(change, id_, "retail", "510500")
    paths = ("", "chs", "ch", "mpa", "mpa/mab", "ynk")
    classes = ("", "retail", "wholesale", "regulator")
    for parts in itertools.product(paths, ("", "51", "5105", "4403"), classes):
        scope = Scope(organisation=parts[0], region=parts[1], subject_class=parts[2])
        for kind in ("organisation", "site", "point", "calibration", "key"):
            covered = [
                row.id for row in store.find(kind) if row.subject and scope.covers(row.subject)
            ]
            assert [row.id for row in store.find(kind, within=[scope])] == covered, (
                kind,
                scope,
            )
            assert store.count(kind, within=[scope]) == len(covered)


def test_scopes_add_up_and_none_finds_nothing(store: RegistryStore) -> None:
    both = [Scope(organisation="chs", region="51"), Scope(subject_class="wholesale")]
    assert [row.id for row in store.find("site", within=both)] == ["chs-001", "ynk-dc"]
    assert store.find("site", within=[]) == []
    assert store.find("region", within=[]) == []
    assert store.count("site", within=[*both, EVERYWHERE]) == len(SITES)
    assert len(store.find("region", within=both)) == 5
    assert store.count_by("site", "region", within=both) == {"510502": 1, "440300": 1}


def test_an_organisation_that_moves_takes_everything_along(store: RegistryStore) -> None:
    with changing(store, 2_000) as change:
        build_organisation(change, "group", "chain_head", "510000")
        change.put("organisation", "chs", parent="group")
    group = [Scope(organisation="group")]
    assert [row.id for row in store.find("key", within=group)] == sorted(
        [kid("gw-chs-001"), kid("gw-chs-002")]
    )
    for kind in ("site", "gateway", "sensor", "point", "calibration"):
        assert store.count(kind, within=group) == 2, kind
        assert store.count(kind, within=[Scope(organisation="chs")]) == 0, kind
    was = store.history("point", "chs-001-t")
    assert len(was) == 1, "what belongs to it has no new version"
    with pytest.raises(InvalidFieldsError, match="below it"), changing(store, 3) as change:
        change.put("organisation", "group", parent="chs")


def test_a_regulator_that_moves_stays_competent(store: RegistryStore) -> None:
    with changing(store, 2_000) as change:
        change.put("organisation", "mab", parent=None)
    assert store.count("point", within=[Scope(organisation="mab")]) == 1
    assert store.count("point", within=[Scope(organisation="mpa")]) == 0


def test_a_regulator_competent_for_itself_moves_with_what_it_is_competent_for(
    store: RegistryStore,
) -> None:
    with changing(store, 2_000) as change:
        fields = {"region": "510000", "subject_class": "regulator", "organisation": "mab"}
        change.put("authority", "own", **fields)
        change.put("organisation", "mab", parent=None)
    authority = store.get("authority", "own")
    assert authority is not None
    assert authority.subject == Subject(
        org_path="mab", authority_path="mab", region="510502", subject_class="regulator"
    )


def test_a_site_or_gateway_that_moves_takes_along_what_belongs_to_it(
    store: RegistryStore,
) -> None:
    with changing(store, 2_000) as change:
        change.put("site", "chs-002", organisation="ynk", subject_class="wholesale")
        change.put("gateway", "gw-chs-001", site="ynk-dc")
    wholesale = [Scope(organisation="ynk", subject_class="wholesale")]
    assert store.count("key", within=wholesale) == 3
    assert store.count("calibration", within=wholesale) == 2
    assert store.count("point", within=[Scope(organisation="chs")]) == 1


def test_the_nearest_authority_for_the_class_is_competent(store: RegistryStore) -> None:
    def competent(site: str) -> str:
        row = store.get("site", site)
        assert row is not None
        assert row.subject is not None
        return row.subject.authority_path

    assert [competent(site) for site in SITES] == ["mpa/mab", "", ""]
    with changing(store, 2_000) as change:
        change.end("authority", "retail-510502")
    assert competent("chs-001") == "mpa"
    assert store.count("calibration", within=[Scope(organisation="mpa/mab")]) == 0
    with changing(store, 3_000) as change:
        fields = {"region": "440300", "subject_class": "wholesale", "organisation": "mab"}
        change.put("authority", "w", **fields, valid_until="2026-12-31")
    assert competent("ynk-dc") == "mpa/mab"
    last_ms = 1_798_732_799_000  # 2026-12-31 23:59:59 in Beijing
    store.refresh_authorities(last_ms)
    assert competent("ynk-dc") == "mpa/mab"
    store.refresh_authorities(last_ms + 1_000)
    assert competent("ynk-dc") == ""
    assert store.count("point", within=[Scope(organisation="mpa/mab")]) == 0


def test_every_change_is_an_entry_bound_to_the_one_before(store: RegistryStore) -> None:
    by = Actor(account="wang", role="technician", via="web", device="station-3")
    with store.change(by, "换探头", 2_000) as change:
        change.put("point", "chs-001-t", sensor=None, height_m=1.5)
        change.end("calibration", "chs-001-cal")
    entries = store.audit(limit=1000)
    assert_trail_holds(entries)
    put, end = entries[-2:]
    assert (put.actor, put.role, put.via, put.device) == (
        "wang",
        "technician",
        "web",
        "station-3",
    )
    assert (put.why, put.at_ms, put.kind, put.id) == ("换探头", 2_000, "point", "chs-001-t")
    assert put.old == {"sensor": "chs-001-probe", "height_m": None}
    assert put.new == {"sensor": None, "height_m": 1.5}
    assert (end.action, end.new) == ("end", None)
    assert end.old is not None
    assert end.old["certificate_no"] == "C-chs-001"
    assert store.latest(limit=2) == [end, put]
    assert store.latest(before_seq=end.seq, limit=1) == [put]
    assert len(store.audit(kind="point", id="chs-001-t")) == 2


def test_the_trail_tells_no_secret_and_long_texts_by_their_hash(store: RegistryStore) -> None:
    with changing(store, 2_000) as change:
        person = {"name": "王伟", "organisation": "chs", "state": "active"}
        change.put("account", "wang", **person, password_hash="$argon2id$one")
        change.put("account", "wang", password_hash="$argon2id$two")
        change.put("profile", "long@1", document="x" * 70_000)
    first, second, profile = store.audit(after_seq=store.revision() - 3)
    assert "argon2" not in repr(first) + repr(second)
    assert (first.new or {})["password_hash"] == MASK
    assert second.old == second.new == {"password_hash": MASK}
    assert str((profile.new or {})["document"]).startswith("sha256:")
    assert len(audit_leaf(profile)) < 500
    account = store.get("account", "wang")
    assert account is not None
    assert account.text("password_hash") == "$argon2id$two"
    assert "password_hash" not in account.public
    assert "argon2" not in repr(account)


def test_the_trail_shows_each_what_lies_within_its_scopes(store: RegistryStore) -> None:
    seen = {e.id for e in store.audit(within=[Scope(organisation="ynk")], limit=1000)}
    assert {"ynk", "ynk-dc", "gw-ynk-dc", "ynk-dc-t"} <= seen
    assert not any("chs" in id_ for id_ in seen)
    assert store.audit(within=[]) == []


def test_the_log_takes_over_entries_in_order(store: RegistryStore) -> None:
    assert store.last_logged() == 0
    store.note_logged(1, 40)
    store.note_all_logged([(2, 41), (3, 47)])
    assert store.last_logged() == 3
    assert [entry.log_index for entry in store.audit(limit=4)] == [40, 41, 47, None]
    assert_trail_holds(store.audit(limit=1000))


def test_a_change_inside_another_is_refused_and_does_not_wait(store: RegistryStore) -> None:
    with pytest.raises(RuntimeError, match="inside another"), changing(store, 2_000):
        store.note_logged(1, 1)
    store.note_logged(1, 1)


def test_a_change_needs_somebody_and_a_reason(store: RegistryStore) -> None:
    for actor, why in ((Actor(account=""), "why"), (ROOT, " "), (ROOT, "x" * 1001)):
        with pytest.raises(InvalidFieldsError), store.change(actor, why, 2_000):
            pytest.fail("a change began")


def test_pages_of_a_list_show_every_row_once_in_the_order_of_bytes(
    store: RegistryStore,
) -> None:
    ids = ["a", "a-1", "a.1", "a1", "a_1", "ab", "b", "0", "z9"]
    with changing(store, 2_000) as change:
        rows = [{"id": i, "organisation": "chs", "name": i.upper(), "post": "x"} for i in ids]
        change.put_many("staff", rows)
    pages, after = [], ""
    while page := store.find("staff", after=after, limit=2):
        pages += [row.id for row in page]
        after = page[-1].id
    assert pages == sorted(ids)
    assert [row.id for row in store.each("staff")] == sorted(ids)


def test_a_search_takes_its_words_as_they_are(store: RegistryStore) -> None:
    with changing(store, 2_000) as change:
        change.put("site", "chs-001", name_en="100% Cold_Store", name_zh="冷库")
    assert [row.id for row in store.find("site", search="0% cold_")] == ["chs-001"]
    assert [row.id for row in store.find("site", search="冷库")] == ["chs-001"]
    assert [row.id for row in store.find("site", search="NK-D")] == ["ynk-dc"]
    assert store.find("site", search="%_%_") == []


def test_lists_ask_for_values_any_of_them_or_none(store: RegistryStore) -> None:
    with changing(store, 2_000) as change:
        change.put("point", "ynk-dc-t", sensor=None)
    assert [r.id for r in store.find("point", where={"sensor": None})] == ["ynk-dc-t"]
    either = {"site": ["chs-001", "ynk-dc"], "rule_packs": ["CN_COLD_2_8"]}
    assert len(store.find("point", where=either)) == 2
    assert store.find("point", where={"site": []}) == []
    assert store.count_by("point", "sensor")[""] == 1


def test_many_rows_at_once_are_as_one_by_one(opener: Opener) -> None:
    store = opener()
    with changing(store, 1_000) as change:
        build_world(change)
        rows = [
            {"id": f"o{n:04}", "parent": f"o{n - 1:04}" if n % 9 else "chs", "name_zh": "机构"}
            | {"name_en": "O", "subject_class": "retail", "region": "510500"}
            for n in range(1_100)
        ]
        put = change.put_many("organisation", [*rows, rows[3] | {"name_en": "Renamed"}])
        assert [row.id for row in put] == [*(str(row["id"]) for row in rows), "o0003"]
    last = store.get("organisation", "o0008")
    assert last is not None
    assert last.subject is not None
    assert last.subject.org_path == "chs/" + "/".join(f"o{n:04}" for n in range(9))
    assert last.subject == put[8].subject
    assert len(store.history("organisation", "o0003")) == 2
    assert_trail_holds(store.audit(limit=5_000))


def test_changes_from_several_programs_come_one_after_another(opener: Opener) -> None:
    stores = [opener() for _ in range(3)]
    with changing(stores[0], 1_000) as change:
        build_world(change)

    def work(store: RegistryStore, name: str) -> None:
        for number in range(8):
            with changing(store, 2_000) as change:
                channel = len(change.find("point")) + 1
                fields = {"site": "chs-001", "gateway": "gw-chs-001", "channel": channel}
                change.put("point", f"{name}-{number}", **fields, **POINT)
                store.find("point")

    threads = [
        threading.Thread(target=work, args=(store, f"t{n}{twin}"))
        for n, store in enumerate(stores)
        for twin in "ab"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    channels = [row.number("channel") for row in stores[0].find("point", limit=1000)]
    assert len(set(channels) - {1}) == 48
    assert_trail_holds(stores[1].audit(limit=5_000))


def test_another_program_sees_a_change_by_the_revision(opener: Opener) -> None:
    here, there = opener(), opener()
    before = there.revision()
    with changing(here, 1_000) as change:
        build_world(change)
        assert there.revision() == before
    assert there.revision() == here.revision() > before
    assert there.get("point", "chs-001-t") == here.get("point", "chs-001-t")


def test_every_kind_of_value_comes_back_as_it_went(store: RegistryStore) -> None:
    values = {
        "area_m2": 301,
        "longitude": 105.443,
        "latitude": 28.875,
        "datum": "GCJ02",
        "address": "人民路 1 号 “春和堂” 'x' \\ %",
    }
    with changing(store, 2_000) as change:
        put = change.put("site", "chs-001", **values)
        document = {"steps": [1, None, True, "步骤", {"b": 1.5, "a": []}]}
        change.put(
            "change_record",
            "r1",
            site="chs-001",
            job="x",
            document=document,
            sha256="00",
            signed_by="wang",
        )
        change.put("sensor", "chs-001-probe", spare=True, refresh_s=2**40)
    assert store.get("site", "chs-001") == put
    assert put.real("area_m2") == 301.0
    record, sensor = store.get("change_record", "r1"), store.get("sensor", "chs-001-probe")
    assert record is not None
    assert sensor is not None
    assert record.maybe("document") == document
    assert (sensor.flag("spare"), sensor.number("refresh_s")) == (True, 2**40)


def test_an_unknown_kind_is_named_with_those_that_exist(store: RegistryStore) -> None:
    with pytest.raises(UnknownKindError, match="gateway"):
        store.find("fridge")
    for kind in KINDS:
        store.find(kind, within=[Scope(organisation="chs")], search="x")
