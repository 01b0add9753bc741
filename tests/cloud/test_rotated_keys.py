"""A gateway that changed its key: honest, it raises nothing, whenever the cloud restarts."""

from pathlib import Path

import pytest

from cloud.archive.snapshot import FILE_NAME
from cloud.ingest.keyring import Keyring
from device_registry.records import GatewayRecord, SiteRecord, TenantRecord
from evidence.trust import Trust, TrustedGateway
from evidence.verifier.archive import verify_archive
from tests.support.fixed_registry import FixedRegistry
from tests.support.routes import RecordingRoute
from tests.support.sequencing import CONTROL_KEY, LOG_KEY, Cloud
from tests.support.signing import SITE, SigningGateway

NAME = "gw-demo-01"


@pytest.fixture
def keys() -> tuple[SigningGateway, SigningGateway]:
    """The gateway under its old key, and under its new one."""
    return SigningGateway(NAME, 1), SigningGateway(NAME, 2)


@pytest.fixture
def cloud(tmp_path: Path, keys: tuple[SigningGateway, SigningGateway]) -> Cloud:
    made = Cloud(tmp_path, [keys[0]])
    registry = FixedRegistry(
        tenants=[TenantRecord(id="t1", name_zh="甲", name_en="A")],
        sites=[
            SiteRecord(
                id=SITE, tenant="t1", name_zh="店", name_en="s", timezone="Asia/Shanghai"
            )
        ],
        gateways=[
            GatewayRecord(
                id=NAME, site=SITE, keys=tuple(k.key.public for k in keys), heartbeat_s=60
            )
        ],
    )
    made.keyring = Keyring(registry)
    return made


def rotate(old: SigningGateway, new: SigningGateway) -> None:
    """Begin the new key's first epoch where the old key's last batch stands."""
    new.sent.update(old.sent)
    new.sealed = old.sealed
    new.new_epoch(9, parent=(old.epoch, old.seq - 1))
    new.lowest_held = (old.epoch, 0)


@pytest.mark.parametrize("saved", [False, True], ids=["from the archive", "from a snapshot"])
def test_an_honest_rotation_raises_nothing_whenever_the_cloud_begins_again(
    cloud: Cloud, keys: tuple[SigningGateway, SigningGateway], *, saved: bool
) -> None:
    old, new = keys
    cloud.take(*old.batches(3))
    if saved:
        cloud.sequencer.save()
    else:
        (cloud.folder / FILE_NAME).unlink(missing_ok=True)
    cloud.restart()
    rotate(old, new)
    cloud.take(*new.batches(2))
    cloud.sequencer.save()
    cloud.restart()
    new.lowest_held = None  # the outbox has left the old key's batches behind
    cloud.take(*new.batches(2))
    assert cloud.findings() == []
    assert all(not chain.gaps() for chain in cloud.sequencer.ledger.chains.values())
    report = verify_archive(cloud.archive, trust(cloud, keys), lambda _: None)
    assert report.passed
    assert report.findings == []


def test_what_the_old_key_signed_last_is_awaited_and_then_taken(
    cloud: Cloud, keys: tuple[SigningGateway, SigningGateway]
) -> None:
    old, new = keys
    first, *late = old.batches(3)
    cloud.take(first)
    rotate(old, new)
    cloud.take(new.batch())
    chains = cloud.sequencer.ledger.chains
    assert [(g.lo, g.hi, g.lost) for g in chains[old.key.kid].gaps()] == [(1, 2, False)]
    assert chains[new.key.kid].gaps() == ()
    cloud.take(*late)
    assert chains[old.key.kid].gaps() == ()


def test_another_gateway_s_batches_are_no_excuse(tmp_path: Path) -> None:
    one, other = SigningGateway("gw-one-01", 1), SigningGateway("gw-other-01", 2)
    both = Cloud(tmp_path / "both", [one, other])
    both.take(*one.batches(3))
    rotate(one, other)
    both.take(other.batch(), route=RecordingRoute(other.id))
    gaps = both.sequencer.ledger.chains[other.key.kid].gaps()
    assert [(gap.epoch, gap.lo, gap.hi) for gap in gaps] == [(one.epoch, 0, 2)]


def trust(cloud: Cloud, keys: tuple[SigningGateway, SigningGateway]) -> Trust:
    """Return what an auditor pins."""
    public = tuple(one.key.public for one in keys)
    return Trust(
        logs={log.manifest.origin: LOG_KEY.public for log in cloud.stream.logs},
        control=CONTROL_KEY.public,
        gateways=(TrustedGateway(id=NAME, site=SITE, keys=public),),
    )
