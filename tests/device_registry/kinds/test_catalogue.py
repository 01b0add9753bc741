"""The catalogue of kinds: what holds for every kind, whatever is added."""

import pytest

from device_registry.kinds.catalogue import KINDS, kind_named, owner_chain, referrers
from device_registry.kinds.field import FieldType, Kind
from device_registry.store.tables import SCOPE_COLUMNS, TABLES

EACH_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
OWN_COLUMNS = {"row_id", "id", "valid_from_ms", "valid_to_ms", "changed_by", *SCOPE_COLUMNS}


@EACH_KIND
def test_fields_are_named_once_and_never_as_the_store_names_its_own(kind: Kind) -> None:
    names = [field.name for field in kind.fields]
    assert len(set(names)) == len(names)
    assert not OWN_COLUMNS & set(names)


@EACH_KIND
def test_what_must_be_there_is_registered_earlier(kind: Kind) -> None:
    order = list(KINDS)
    for field in kind.fields:
        if field.refers:
            assert field.refers in KINDS
            assert field.type is FieldType.TEXT
            if field.required and field.refers != kind.name:
                assert order.index(field.refers) < order.index(kind.name), field.name


@EACH_KIND
def test_whoever_belongs_to_somebody_belongs_to_a_site_or_an_organisation(kind: Kind) -> None:
    chain = owner_chain(kind)
    assert bool(chain) == (kind.is_scoped and kind.name not in {"site", "organisation"})
    if chain:
        assert chain[-1][1] in {"site", "organisation"}
        assert kind.by_name[kind.owner].required or kind.name == "file"


@EACH_KIND
def test_a_lifecycle_and_its_field_agree(kind: Kind) -> None:
    if kind.lifecycle is not None:
        state = kind.by_name["state"]
        assert state.required
        assert state.choices == kind.lifecycle.states


@EACH_KIND
def test_every_reference_is_asked_through_an_index(kind: Kind) -> None:
    served = {next(iter(index.columns)).name for index in TABLES[kind.name].indexes}
    referred = {field.name for field in kind.fields if field.refers not in {"", "file"}}
    assert referred <= served


def test_what_refers_to_a_kind_is_known() -> None:
    found = {(kind.name, field) for kind, field in referrers("sensor")}
    assert found == {("point", "sensor"), ("calibration", "sensor")}
    assert kind_named("sensor") is KINDS["sensor"]


def test_secrets_are_marked() -> None:
    secrets = {(k.name, f.name) for k in KINDS.values() for f in k.fields if f.secret}
    assert secrets >= {
        ("account", "password_hash"),
        ("account", "totp_secret"),
        ("account", "pin_hash"),
        ("account", "badge_hash"),
        ("api_token", "token_hash"),
        ("claim", "secret_hash"),
        ("claim", "network"),
    }
    suspicious = ("password", "secret", "token_hash", "pin", "badge")
    for kind in KINDS.values():
        for field in kind.fields:
            assert field.secret or not field.name.startswith(suspicious), field.name
