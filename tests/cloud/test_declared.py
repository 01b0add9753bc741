"""Damage that a gateway declares is told as a loss, unless the archive has it all."""

from dataclasses import replace
from pathlib import Path

import pytest

from cloud.archive.finding import decode_finding
from evidence.event import Event, EventKind
from tests.support.sequencing import Cloud
from tests.support.signing import SigningGateway


@pytest.fixture
def gateway() -> SigningGateway:
    return SigningGateway()


@pytest.fixture
def cloud(tmp_path: Path, gateway: SigningGateway) -> Cloud:
    return Cloud(tmp_path, [gateway, SigningGateway("gw-demo-02", 2)])


def declaration(gateway: SigningGateway, body: dict[int, object]) -> bytes:
    event = Event(t_off=0, kind=EventKind.DECLARED_GAP, body=body)
    return gateway.sign(replace(gateway.body(), events=(event,)))


def losses(cloud: Cloud) -> list[tuple[bytes, int, int]]:
    records = cloud.reader.read_records(0, 1000)
    found = [decode_finding(record.raw) for record in records if record.kind == 10]
    return [(one.epoch, one.lo, one.hi) for one in found if one.kind == "loss" and one.open]


def test_a_declared_hole_is_a_loss_at_once(cloud: Cloud, gateway: SigningGateway) -> None:
    batches = gateway.batches(5)
    cloud.take(*batches[:2], *batches[4:], declaration(gateway, {1: 2, 2: 3, 3: "damaged"}))
    assert losses(cloud) == [(gateway.epoch, 2, 3)]


def test_damage_in_an_earlier_epoch_is_a_loss_too(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    gateway.batches(3)
    before = gateway.epoch
    gateway.new_epoch(2, (before, 2))
    gateway.lowest_held = (before, 0)
    cloud.take(declaration(gateway, {1: 1, 2: 1, 3: "damaged", 4: before}))
    assert losses(cloud) == [(before, 1, 1)]


def test_what_was_archived_before_it_rotted_is_no_loss(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    cloud.take(*gateway.batches(4), declaration(gateway, {1: 1, 2: 2, 3: "damaged"}))
    assert losses(cloud) == []


@pytest.mark.parametrize("body", [{1: 3, 2: 1, 3: ""}, {1: -2, 2: -1, 3: ""}, {4: 7}])
def test_a_declaration_that_means_nothing_says_nothing(
    cloud: Cloud, gateway: SigningGateway, body: dict[int, object]
) -> None:
    cloud.take(declaration(gateway, {1: 9, 2: 9, 3: "damaged", **body}))
    assert losses(cloud) == []
