"""What the registry takes for a value: one form of it, or a mistake by name."""

import datetime as dt
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_registry.kinds.catalogue import KINDS
from device_registry.store.validate import MAX_JSON_CHARS, MAX_TEXT_CHARS, check_row

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.binary(max_size=4)
    | st.dates()
    | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


class Colour(StrEnum):
    RED = "red"


def mistakes(kind: str, **given_values: object) -> dict[str, str]:
    """Return the mistakes by field in a row that names only these."""
    values: dict[str, object] = dict.fromkeys(KINDS[kind].by_name)
    values.update(given_values)
    required = {f.name for f in KINDS[kind].fields if f.required} - given_values.keys()
    return {
        p.field: p.what
        for p in check_row(KINDS[kind], "gw-x1", values)
        if p.field not in required
    }


def formed(kind: str, field: str, value: object) -> object:
    values: dict[str, object] = dict.fromkeys(KINDS[kind].by_name)
    values[field] = value
    found = {problem.field for problem in check_row(KINDS[kind], "x1", values)}
    assert field not in found
    return values[field]


@given(st.sampled_from(sorted(KINDS)), st.text(max_size=70), st.data())
def test_anything_is_a_value_or_a_mistake_and_a_value_stays_as_it_is(
    name: str, id_: str, data: st.DataObject
) -> None:
    kind = KINDS[name]
    values = {field.name: data.draw(ANYTHING) for field in kind.fields}
    wrong = {problem.field for problem in check_row(kind, id_, values)}
    again = dict(values)
    check_row(kind, id_, again)
    assert all(again[field] == values[field] for field in values.keys() - wrong)


def test_a_value_comes_in_its_one_form() -> None:
    assert formed("licence", "valid_until", dt.date(2026, 3, 1)) == "2026-03-01"
    assert formed("organisation", "uscc", "91350100 m000100y43") == "91350100M000100Y43"
    assert repr(formed("site", "area_m2", 3)) == "3.0"
    assert type(formed("staff", "name", Colour.RED)) is str
    assert formed("point", "rule_packs", ("A", "B@1")) == ["A", "B@1"]
    assert formed("staff", "phone", "") is None


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("licence", "valid_until", "2026-02-30"),
        ("licence", "valid_until", "31/12/2026"),
        ("licence", "valid_until", dt.datetime(2026, 1, 1, tzinfo=dt.UTC)),
        ("site", "timezone", "Beijing"),
        ("site", "area_m2", -1),
        ("site", "area_m2", True),
        ("site", "area_m2", float("nan")),
        ("site", "area_m2", float("inf")),
        ("gateway", "heartbeat_s", 0),
        ("gateway", "heartbeat_s", 1.0),
        ("gateway", "heartbeat_s", 2**63),
        ("gateway", "state", "flying"),
        ("sensor", "spare", 1),
        ("point", "rule_packs", "CN_COLD_2_8"),
        ("point", "rule_packs", [float("nan")]),
        ("point", "rule_packs", [b""]),
        ("point", "rule_packs", ["\ud800"]),
        ("report", "document", ["x" * MAX_JSON_CHARS]),
        ("staff", "name", "\ud800"),
        ("staff", "name", "a\0b"),
        ("staff", "name", "x" * (MAX_TEXT_CHARS + 1)),
        ("organisation", "uscc", "91350100M000100Y44"),
    ],
)
def test_what_cannot_be_is_a_mistake_of_its_field(kind: str, field: str, value: object) -> None:
    assert list(mistakes(kind, **{field: value})) == [field]


def test_what_single_fields_cannot_show_is_noticed() -> None:
    whole = {
        "organisation": "chs",
        "region": "510502",
        "subject_class": "retail",
        "name_zh": "店",
        "name_en": "Shop",
        "timezone": "Asia/Shanghai",
    }
    assert mistakes("site", **whole) == {}
    assert "datum" in mistakes("site", **whole, longitude=105.4, latitude=28.9)
    assert mistakes("site", **whole, longitude=105.4, latitude=28.9, datum="WGS84") == {}
    assert "longitude" in mistakes("site", **whole, latitude=28.9, datum="WGS84")
    far = {"longitude": 181, "latitude": -91, "datum": "WGS84"}
    assert mistakes("site", **whole, **far).keys() == {"longitude", "latitude"}
    licence = {"organisation": "chs", "licence_kind": "GSP", "number": "1", "state": "valid"}
    term = {"valid_from": "2026-02-01", "valid_until": "2026-01-31"}
    assert "valid_until" in mistakes("licence", **licence, **term)


POINT = {
    "site": "s1",
    "gateway": "gw-1x",
    "channel": 1,
    "name_zh": "温度",
    "name_en": "T",
    "point_class": "compliance",
    "state": "planned",
}


def test_a_unit_must_measure_the_quantity() -> None:
    assert mistakes("point", **POINT, quantity="temperature", unit="Cel") == {}
    assert "unit" in mistakes("point", **POINT, quantity="temperature", unit="%")


def test_a_point_is_under_rules_that_there_are() -> None:
    point = {**POINT, "quantity": "temperature", "unit": "Cel"}
    assert mistakes("point", **point, rule_packs=["CN_COLD_2_8", "WHO_VAX@1"]) == {}
    for packs in (["CN_COLD_2_9"], ["CN_COLD_2_8", ""], [{"name": "CN_COLD_2_8"}]):
        assert mistakes("point", **point, rule_packs=packs).keys() == {"rule_packs"}


@pytest.mark.parametrize(
    ("kind", "id_", "fits"),
    [
        ("gateway", "gw-chs-001", True),
        ("gateway", "GW1", False),
        ("gateway", "gw1", False),
        ("site", "chs.001_a", True),
        ("site", "-chs", False),
        ("site", "a/b", False),
        ("site", "x" * 65, False),
        ("profile", "xy-md02@1.2.0", True),
        ("configuration", "gw-chs-001:12", True),
        ("configuration", "gw-chs-001", False),
        ("key", "0123456789abcdef", True),
        ("key", "0123", False),
        ("region", "510502", True),
        ("region", "5105", False),
        ("file", "ab" * 32, True),
        ("file", "photo.jpg", False),
    ],
)
def test_ids_have_the_form_of_their_kind(kind: str, id_: str, *, fits: bool) -> None:
    values: dict[str, object] = dict.fromkeys(KINDS[kind].by_name)
    found = {problem.field for problem in check_row(KINDS[kind], id_, values)}
    assert ("id" not in found) is fits
