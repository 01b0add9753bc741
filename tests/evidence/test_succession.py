"""A key that follows another: its chain has no gaps but its own, the old one's stay known."""

from dataclasses import replace

from evidence.chain import BatchHead, ChainState, FindingDetail, apply, judge
from evidence.finding import Finding
from evidence.succession import as_own, hear, names_only_own
from tests.support.batches import SignedBatch, make_batch

OLD, NEW, NEXT = b"epoch-01", b"epoch-02", b"epoch-03"


def batches(epoch: bytes, count: int, **fields: object) -> list[SignedBatch]:
    """Return the first batches of an epoch; `fields` of their bodies are replaced."""
    made: list[SignedBatch] = []
    parent, prev = fields.pop("parent", None), bytes(31) + b"\1"
    for seq in range(count):
        at_ms = int.from_bytes(epoch, "big") % 256 * 1000 + seq
        one = make_batch(
            seq=seq, t0=1_700_000_000_000 + at_ms, mono_ms=at_ms, readings=0, epoch=epoch
        )
        own = {"prev": prev, "parent": parent if seq == 0 else None, **fields}
        made.append(replace(one, body=replace(one.body, **own)))
        prev = one.sha256
    return made


def rotated(count: int, parent_seq: int) -> list[SignedBatch]:
    """Return batches of the new key, of an outbox that begins with the old key's."""
    return batches(NEW, count, parent=(OLD, parent_seq), lowest_held=(OLD, 0))


class Cloud:
    """The chains of one gateway's keys."""

    def __init__(self) -> None:
        self.old, self.new = ChainState(), ChainState()

    def take(self, chain: ChainState, one: SignedBatch) -> list[FindingDetail]:
        """Judge a batch, enter it, and return what was found."""
        others = [self.new if chain is self.old else self.old]
        body = one.body
        own = body if names_only_own(chain, body) else as_own(chain, body, others)
        head = BatchHead(own, one.sha256)
        verdict = judge(chain, head, None, body.t0)
        apply(chain, head)
        heard = None if own is body else hear(body, others)
        return [*verdict.findings, *([] if heard is None else [heard])]


def test_an_honest_rotation_finds_nothing() -> None:
    cloud = Cloud()
    found = [detail for one in batches(OLD, 3) for detail in cloud.take(cloud.old, one)]
    found += [detail for one in rotated(2, 2) for detail in cloud.take(cloud.new, one)]
    assert found == []
    assert cloud.new.gaps() == cloud.old.gaps() == ()
    assert cloud.new.root == NEW


def test_when_the_outbox_has_left_the_old_key_behind_nothing_is_lost() -> None:
    cloud = Cloud()
    cloud.take(cloud.old, *batches(OLD, 1))
    (new,) = rotated(1, 0)
    cloud.take(cloud.new, new)
    (later,) = batches(NEXT, 1, lowest_held=(NEXT, 0), parent=(NEW, 0))
    later = replace(later, body=replace(later.body, prev=new.sha256))
    assert cloud.take(cloud.new, later) == []
    assert cloud.new.gaps() == cloud.old.gaps() == ()


def test_what_the_old_key_signed_last_is_missing_until_it_arrives() -> None:
    cloud, old = Cloud(), batches(OLD, 3)
    cloud.take(cloud.old, old[0])
    (backlog,) = cloud.take(cloud.new, *rotated(1, 2))
    assert (backlog.finding, backlog.epoch) == (Finding.BACKLOG, OLD)
    assert (
        [(gap.lo, gap.hi) for gap in cloud.old.gaps()] == [(1, 2)] == [(backlog.lo, backlog.hi)]
    )
    for one in old[1:]:
        (cleared,) = cloud.take(cloud.old, one)
        assert cleared.cleared
    assert cloud.old.gaps() == ()


def test_an_epoch_that_no_key_of_the_gateway_signed_is_a_gap_of_ones_own() -> None:
    cloud = Cloud()
    kinds = [detail.finding for detail in cloud.take(cloud.new, *rotated(1, 2))]
    assert kinds == [Finding.BACKLOG]
    assert [gap.epoch for gap in cloud.new.gaps()] == [OLD]


def test_without_another_key_a_body_is_judged_as_it_is() -> None:
    (one,) = rotated(1, 1)
    assert as_own(ChainState(), one.body, []) is one.body
