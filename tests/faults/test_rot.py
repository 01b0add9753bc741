"""Torn and bit-flipped segment files: what is hit is named, and nothing else is touched."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from edge.outbox.peek import chain_place
from evidence.batch import decode_body
from evidence.cose import parse1
from evidence.event import EventKind
from simulators.tally import archive_batches, outbox_batches
from tests.support.audit import verified
from tests.support.damage import erase_from, flip_record, records_of, tear
from tests.support.stack import Stack, stack

FIRST_SEGMENT = "records/0000000000000000.seg"


async def test_rot_in_an_outbox_is_declared_and_costs_only_the_batch_it_hit(
    tmp_path: Path,
) -> None:
    async with stack(tmp_path) as running:
        outbox = running.installation.outbox
        running.link.cut()
        await _sealed(running, 6)
        running.gateway.kill()
        before = set(outbox_batches(outbox))
        hit = flip_record(outbox / "outbox", -3).payload
        tear(outbox / "outbox")
        assert "record" in _offences(verified(outbox, running.installation.trust))["segments"]
        running.gateway.start()
        await running.link.restore()
        await running.archived(4)
        found = await running.audit()
        assert before - set(archive_batches(running.installation.archive)) == {hit}
        assert _declared(running) == [chain_place(hit)]
        found.assert_told_only({"loss"})


async def test_a_torn_outbox_and_a_torn_archive_lose_nothing(tmp_path: Path) -> None:
    async with stack(tmp_path) as running:
        running.gateway.kill()
        tear(running.installation.outbox / "outbox")
        running.gateway.start()
        await running.archived(2)
        running.cloud.kill()
        tear(running.installation.archive / "records")
        running.cloud.start()
        await running.cloud_up()
        await running.archived(2)
        (await running.audit()).assert_clean()


@pytest.mark.parametrize(
    ("damage", "named"), [(flip_record, FIRST_SEGMENT), (erase_from, "log/checkpoint")]
)
async def test_a_damaged_archive_is_named_signs_no_other_history_and_loses_nothing(
    tmp_path: Path, damage: Callable[[Path, int], object], named: str
) -> None:
    async with stack(tmp_path) as running:
        built = running.installation
        await running.archived(3)
        running.cloud.kill()
        signed = (built.archive / "log" / "checkpoint").read_bytes()
        number = len(records_of(built.archive / "records")) // 2
        damage(built.archive / "records", number)
        said = _offences(verified(built.archive, built.trust))
        assert any(named in offence for offence in said.values()), said
        running.cloud.start()
        await running.cloud_up()
        # The gateway has verified more than what is left: what it holds goes into a new log.
        await running.told("log")
        await running.archived(3)
        found = await running.audit()
        assert (built.archive / "log" / "checkpoint").read_bytes() == signed
        said = _offences(found.archive)
        assert any(named in offence for offence in said.values()), said
        assert "another batch" not in str(said)
        assert (found.tally.lost, found.tally.missing, found.tally.surplus) == (0, 0, 0)
        assert set(outbox_batches(built.outbox)) <= set(archive_batches(built.archive))


async def _sealed(running: Stack, batches: int) -> None:
    outbox = running.installation.outbox
    goal = batches + sum(1 for _ in outbox_batches(outbox))
    await running.eventually(
        lambda: sum(1 for _ in outbox_batches(outbox)) >= goal, f"{batches} sealed batches"
    )


def _declared(running: Stack) -> list[tuple[bytes, int]]:
    """Return (epoch, seq) of what the gateway declared as damaged, from the archive."""
    places = []
    for data in archive_batches(running.installation.archive):
        body = decode_body(parse1(data).payload)
        for event in body.events:
            if event.kind == EventKind.DECLARED_GAP:
                first, last, epoch = event.body[1], event.body[2], event.body.get(4, body.epoch)
                assert isinstance(first, int)
                assert isinstance(epoch, bytes)
                assert first == last
                places.append((epoch, first))
    return places


def _offences(report: Mapping[str, object]) -> dict[str, str]:
    """Return the first offence of each failed check of the verifier."""
    checks = report["checks"]
    assert isinstance(checks, list)
    return {check["name"]: str(check["first"]) for check in checks if not check["passed"]}
