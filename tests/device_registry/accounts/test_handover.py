"""`device_registry.accounts.handover`: what both sign is one document, and only that one."""

from dataclasses import replace

from device_registry.accounts.handover import Handover, Signer

NOW_MS = 1_795_363_200_000
HANDOVER = Handover(
    site="chs-001",
    giver=Signer(account="li", name="李华"),
    taker=Signer(account="wang", name="王芳"),
    alarms=[{"kind": "limit", "point": "fridge-1-t", "since_ms": NOW_MS}],
    remark="夜班",
    at_ms=NOW_MS,
)


def test_the_document_says_who_passed_what_on_to_whom() -> None:
    document = HANDOVER.document
    assert document["handed_over_by"] == {"account": "li", "name": "李华"}
    assert document["taken_over_by"] == {"account": "wang", "name": "王芳"}
    assert document["alarms"] == [{"kind": "limit", "point": "fridge-1-t", "since_ms": NOW_MS}]


def test_whatever_is_changed_changes_what_was_signed() -> None:
    others = [
        replace(HANDOVER, giver=HANDOVER.taker, taker=HANDOVER.giver),
        replace(HANDOVER, alarms=[]),
        replace(HANDOVER, remark=""),
        replace(HANDOVER, at_ms=NOW_MS + 1),
        replace(HANDOVER, site="chs-002"),
    ]
    assert len({one.digest for one in (HANDOVER, *others)}) == 6
    assert HANDOVER.record_id == f"handover-{HANDOVER.digest[:24]}"
