"""A gateway that runs on after its key was revoked, and a cloud killed while it is revoked."""

import asyncio
import json
from contextlib import closing
from pathlib import Path

import pytest

from device_registry import revoking
from device_registry.store.audit import Actor
from device_registry.store.store import RegistryStore
from evidence.keys import SoftwareKey
from simulators.installation import GATEWAY
from tests.support.audit import verified
from tests.support.stack import Stack, stack

LI = Actor(account="li", role="quality_head", via="web")
WANG = Actor(account="wang", role="enterprise_head", via="web")
NOW_MS = 1_795_363_200_000
KILLED_AFTER_S = (0.0, 0.2)  # before and after the log can have it


@pytest.mark.parametrize("after_s", KILLED_AFTER_S)
async def test_threat_05_a_cloud_killed_while_it_revokes_ends_revoked_once(
    tmp_path: Path, after_s: float
) -> None:
    async with stack(tmp_path) as running:
        kid = SoftwareKey.load(running.installation.outbox / "evidence.key").kid.hex()
        await asyncio.to_thread(_agree, running, kid)
        await running.pass_s(after_s)
        await asyncio.to_thread(running.cloud.kill)
        running.cloud.start()
        await running.cloud_up()
        await running.eventually(lambda: _state(running, kid) == "revoked", "the revocation")
        await running.told("revoked")
        await running.eventually(lambda: _refused(running), "a batch in the quarantine")
        await asyncio.to_thread(running.gateway.stop)
        await asyncio.to_thread(running.cloud.stop)
        report = verified(running.installation.archive, running.installation.trust)
        assert report["passed"], report
        (revocation,) = _listed(report)
        assert (revocation["gateway"], revocation["kid"]) == (GATEWAY, kid)
        assert (revocation["requested_by"], revocation["approved_by"]) == ("li", "wang")


def _agree(running: Stack, kid: str) -> None:
    """Do what two people do on its page, in a process of their own."""
    with closing(_store(running)) as store:
        id_ = revoking.request(store, LI, kid, "stolen", NOW_MS)
        revoking.approve(store, WANG, id_, NOW_MS)


def _state(running: Stack, kid: str) -> str:
    with closing(_store(running)) as store:
        row = store.get("key", kid)
    return row.text("state") if row else ""


def _store(running: Stack) -> RegistryStore:
    url = f"sqlite:///{running.installation.folder / 'registry.db'}"
    return RegistryStore.open(url, now_ms=lambda: NOW_MS)


def _refused(running: Stack) -> bool:
    folder = running.installation.folder / "state" / "quarantine"
    lines = [line for file in folder.glob("*/*.jsonl") for line in file.read_text().split("\n")]
    return any(json.loads(line)["code"] == "revoked" for line in lines if line)


def _listed(report: object) -> list[dict[str, object]]:
    assert isinstance(report, dict)
    return list(report["revocations"])
