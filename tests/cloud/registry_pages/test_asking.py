"""A page narrowed to a region shows what lies in both the scope and the region."""

from hypothesis import given
from hypothesis import strategies as st

from cloud.registry_pages.asking import above, child_of, clean_prefix, narrowed, region_code
from device_registry.access.scope import Scope, Subject

CODES = ["510000", "510500", "510502", "510502100000", "510503", "440000", "440300", "500000"]
PREFIXES = ["", "51", "5105", "510502", "510502100", "44", "4403", "50"]
SCOPES = st.builds(
    Scope,
    organisation=st.sampled_from(["", "a", "a/b"]),
    region=st.sampled_from(PREFIXES),
    subject_class=st.sampled_from(["", "retail"]),
)


@given(
    st.lists(SCOPES, max_size=3),
    st.sampled_from(PREFIXES),
    st.sampled_from(CODES),
    st.sampled_from(["a", "a/b", "c"]),
)
def test_narrowing_keeps_exactly_what_both_hold(
    scopes: list[Scope], prefix: str, code: str, path: str
) -> None:
    subject = Subject(org_path=path, region=code, subject_class="retail")
    wanted = any(scope.covers(subject) for scope in scopes) and code.startswith(prefix)
    assert any(scope.covers(subject) for scope in narrowed(scopes, prefix)) == wanted


@given(st.sampled_from(CODES), st.sampled_from(PREFIXES))
def test_every_code_below_a_region_is_counted_in_one_child(code: str, prefix: str) -> None:
    child = child_of(code, prefix) if code.startswith(prefix) else ""
    if child:
        assert child.startswith(prefix)
        assert code.startswith(child)
        assert above(child)[-1:] == ([prefix] if prefix else [])
    elif code.startswith(prefix):
        assert code == region_code(prefix)


def test_what_is_no_region_asks_for_all() -> None:
    assert [clean_prefix(text) for text in ("51", "5105", "5", "5１", "51' or", "")] == [
        "51",
        "5105",
        "",
        "",
        "",
        "",
    ]
