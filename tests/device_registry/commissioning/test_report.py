"""The report: one spelling, one hash, signed by two names, printed in both languages."""

from dataclasses import replace

import pytest

from device_registry.commissioning.document import Signature, canonical, sha256_of
from device_registry.commissioning.errors import NotPassedError, NotSignedError
from device_registry.commissioning.report import DoneStep, Heading, build, complete
from device_registry.commissioning.review import review
from domain.gsp.finding import finding_of
from tests.support.commissioning import good_facts, with_point

HEADING = Heading(
    id="r-1", at_ms=1_795_000_000_000, technician="赵工", account="zhao", work_order="wo-1"
)
FACTS = good_facts()
STEPS = (DoneStep(key="arrive", at_ms=1_794_999_000_000, by="zhao", photos=("b" * 64,)),)
DOCUMENT = build(HEADING, FACTS, review(FACTS), STEPS)


def signed(part: str, digest: str = "", name: str = "王芳") -> Signature:
    return Signature(
        part=part,
        name=name,
        at_ms=1_795_000_100_000,
        meaning="signature.accepted",
        document_sha256=digest or sha256_of(DOCUMENT),
    )


BOTH = (signed("technician"), signed("customer"))


def test_the_same_facts_give_the_same_bytes() -> None:
    again = build(HEADING, good_facts(), review(good_facts()), STEPS)
    assert canonical(again) == canonical(DOCUMENT)
    assert complete(DOCUMENT, BOTH) == sha256_of(DOCUMENT)


def test_any_changed_fact_changes_the_hash() -> None:
    other = replace(FACTS, gateway=replace(FACTS.gateway, clock_offset_ms=-401))
    assert sha256_of(build(HEADING, other, review(other), STEPS)) != sha256_of(DOCUMENT)


def test_findings_can_be_read_back_from_the_document() -> None:
    sections = DOCUMENT["sections"]
    assert isinstance(sections, list)
    read = [finding_of(f) for section in sections for f in section["findings"]]
    assert tuple(read) == review(FACTS).findings


def test_a_report_that_refuses_cannot_be_completed_and_names_why() -> None:
    bad = with_point(FACTS, proof=None)
    document = build(HEADING, bad, review(bad))
    with pytest.raises(NotPassedError) as raised:
        complete(document, BOTH)
    assert raised.value.keys == ("proof.absent",)


@pytest.mark.parametrize(
    ("signatures", "what"),
    [
        ((signed("technician"),), "missing: customer"),
        ((signed("technician"), signed("customer", "0" * 64)), "signed another document"),
        ((signed("technician"), signed("customer", name=" ")), "without a name"),
    ],
)
def test_both_sign_this_very_document_with_a_name(
    signatures: tuple[Signature, ...], what: str
) -> None:
    with pytest.raises(NotSignedError, match=what):
        complete(DOCUMENT, signatures)


def test_a_float_is_never_signed() -> None:
    with pytest.raises(TypeError, match="decimal text"):
        canonical({"a": [{"b": 0.1}]})
