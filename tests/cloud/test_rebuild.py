"""Projections are dropped and made anew from the archive, to the same canonical export."""

import json
import sqlite3
import time
from pathlib import Path

import pytest

from cloud.compose import open_server
from cloud.config import Config
from cloud.errors import OperatorError
from cloud.opening import submit_card
from cloud.rebuild import FOLDER, SET_ASIDE, Rebuilt, export, rebuild
from tests.support.cloud_core import make_installation
from tests.support.signing import SigningGateway
from tests.support.wait import until_sync


@pytest.fixture
def gateway() -> SigningGateway:
    gateway = SigningGateway()
    gateway.start_ms = int(time.time() * 1000) - 86_400_000
    return gateway


@pytest.fixture
def config(tmp_path: Path, gateway: SigningGateway) -> Config:
    """An installation whose projections followed the archive live: a warm hour, and a gap."""
    config = make_installation(tmp_path / "cloud", gateway)
    server = open_server(config)
    server.parts.reads.start()
    server.core.start()
    try:
        for value in (500, 900, 1_200, 1_200, 500):
            batches = [gateway.batch([value] * 6) for _ in range(8)]
            assert submit_card(server.core, batches[:4] + batches[5:]) == {"receipted": 7}
        until_sync(lambda: _is_settled(server.parts.reads.status()), what="the projections")
    finally:
        server.core.intake.stop()
        server.parts.reads.stop()
        server.core.stop()
    return config


def _is_settled(status: object) -> bool:
    assert isinstance(status, dict)
    return all(p["cursor"] >= status["records"] for p in status["projections"].values())


def _rebuild(config: Config) -> dict[str, Rebuilt]:
    return {one.after.name: one for one in rebuild(config, lambda *_: None)}


def test_what_is_made_anew_is_what_followed_the_archive_live(config: Config) -> None:
    rebuilt = _rebuild(config)
    assert set(rebuilt) == {"timeseries", "alarms", "latest"}
    for one in rebuilt.values():
        assert one.before is not None, one.after.name
        assert one.before == one.after
    assert rebuilt["timeseries"].after.lines == 35 * 6
    assert rebuilt["alarms"].after.lines > 0
    assert not (config.state_dir / SET_ASIDE).exists()


def test_two_rebuilds_hold_the_same(config: Config) -> None:
    first, second = _rebuild(config), _rebuild(config)
    assert {n: r.after for n, r in first.items()} == {n: r.after for n, r in second.items()}


def test_a_reading_changed_behind_our_back_is_found_and_mended(config: Config) -> None:
    folder = config.state_dir / FOLDER / "timeseries"
    month = min(p for p in folder.glob("*.db") if p.stem[:2] == "20")
    with sqlite3.connect(month) as db:
        db.execute("UPDATE reading SET v = v + 1 WHERE ts = (SELECT min(ts) FROM reading)")
    rebuilt = _rebuild(config)
    assert rebuilt["timeseries"].differs
    assert not rebuilt["alarms"].differs
    assert (config.state_dir / SET_ASIDE).exists()
    with pytest.raises(OperatorError, match="look at it, remove it"):
        _rebuild(config)


def test_an_export_is_canonical_lines_of_every_reading(config: Config) -> None:
    lines = list(export(config, "timeseries"))
    assert lines == sorted(lines)
    assert json.loads(lines[0])[:3] == ["chs-001", "gw-demo-01-p1", "temperature"]
    with pytest.raises(OperatorError, match="there are timeseries, alarms, latest"):
        list(export(config, "nonsense"))
