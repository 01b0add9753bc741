"""Memory cards: a dead gateway's, one in two gateways, one restored; and a key misused."""

import asyncio
import json
import shutil
from dataclasses import replace
from pathlib import Path

import httpx

from evidence.batch import decode_body, encode_body, expected_header
from evidence.cose import parse1, sign1
from evidence.keys import SoftwareKey
from evidence.outcome import Refusal, decode_down, is_receipt, split_sequence
from evidence.segment_log import SegmentLog
from evidence.trust import load_trust
from simulators.installation import GATEWAY, SITE
from simulators.ports import free_port
from simulators.program import Program, answer_of
from simulators.tally import archive_batches, outbox_batches
from tests.support.stack import Stack, stack


async def test_a_dead_gateways_card_is_taken_in_once_and_nothing_unsigned_with_it(
    tmp_path: Path,
) -> None:
    async with stack(tmp_path) as running:
        outbox, archive = running.installation.outbox, running.installation.archive
        running.link.cut()
        await running.pass_s(2)
        running.gateway.kill()
        held = len(
            set(outbox_batches(outbox)) - set(archive_batches(running.installation.archive))
        )
        assert held > 0
        for _ in range(2):  # the second time they are all there, and each is answered again
            counts = await asyncio.to_thread(_ingest, running)
            assert counts == {"receipted": sum(1 for _ in outbox_batches(outbox))}
        assert set(outbox_batches(outbox)) <= set(archive_batches(archive))
        forged = _forged(outbox, tmp_path / "forged")
        counts = await asyncio.to_thread(_ingest, running, forged)
        assert counts == {"refused signature": 1, "refused unknown-key": 1}
        await running.told("signature")
        await running.link.restore()
        (await running.audit()).assert_told_only({"signature"})


async def test_threat_05_06_cards_with_one_past_are_a_branch_and_a_misused_key_is_a_fork(
    tmp_path: Path,
) -> None:
    async with stack(tmp_path) as running:
        await _misuse_key(running)
        await running.told("fork")
        await asyncio.to_thread(running.gateway.stop)
        backup = tmp_path / "backup"
        shutil.copytree(running.installation.outbox, backup)
        clone = _clone(running, tmp_path / "clone")
        running.gateway.start()
        await running.archived(2)
        clone.start()
        await running.told("branch")
        await asyncio.to_thread(clone.stop)
        await asyncio.to_thread(running.gateway.stop)
        shutil.rmtree(running.installation.outbox)
        shutil.copytree(backup, running.installation.outbox)
        running.gateway.start()
        await running.archived(2)
        found = await running.audit()
        found.assert_told_only({"fork", "branch"})
        assert found.noted["branch"] >= 2, "the clone, and the card that was put back"


def _forged(outbox: Path, card: Path) -> Path:
    """Make a card whose batches look right and are not signed by the gateway's key."""
    batch = list(outbox_batches(outbox))[-1]
    envelope, thief = parse1(batch), SoftwareKey.generate()
    header = expected_header(GATEWAY, SITE, thief.public)
    with SegmentLog.open(card / "outbox", segment_bytes=1 << 16) as log:
        log.append(batch[:-1] + bytes([batch[-1] ^ 1]))
        log.append(sign1(header, envelope.payload, thief))
        log.sync()
    return card


async def _misuse_key(running: Stack) -> None:
    """Sign other content for a place that is taken, as a thief of the key would."""
    built = running.installation
    key = SoftwareKey.load(built.outbox / "evidence.key")
    envelope = parse1(next(iter(archive_batches(built.archive))))
    body = decode_body(envelope.payload)
    other = encode_body(replace(body, err_ms=body.err_ms + 1))
    async with httpx.AsyncClient(timeout=10) as client:
        answer = await client.post(
            f"{built.url}/v1/gateways/{GATEWAY}/batches",
            content=sign1(envelope.protected, other, key),
        )
    control = load_trust(built.trust).control
    outcomes = [m for m in split_sequence(answer.content) if not is_receipt(m)]
    refusals = [decode_down(message, control, GATEWAY) for message in outcomes]
    assert any(isinstance(r, Refusal) and r.code == "fork" for r in refusals), refusals


def _clone(running: Stack, folder: Path) -> Program:
    """Return a second gateway program on a copy of the first one's card."""
    built = running.installation
    shutil.copytree(built.gateway_toml.parent, folder)
    config = folder / built.gateway_toml.name
    port, other = str(built.sensor_broker_port), str(free_port())
    config.write_text(config.read_text().replace(f":{port}", f":{other}"))
    command = ["coldwarden-gateway", "run", "--config", str(config)]
    program = Program("clone", command, built.folder / "log" / "clone.log")
    running.extra.append(program)
    return program


def _ingest(running: Stack, card: Path | None = None) -> dict[str, int]:
    built = running.installation
    config = ["--config", str(built.folder / "cloud.toml")]
    card = card or built.outbox
    said = answer_of(["coldwarden-cloud", "ingest-outbox", "--json", *config, str(card)])
    return dict(json.loads(said))
