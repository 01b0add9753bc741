"""What should never arrive, at a whole running system: refused or counted, nothing disturbed.

Each refusal names what, where and the remedy: in the answer, or in the quarantine.
"""

import asyncio
import json
import ssl
from dataclasses import replace
from pathlib import Path

import aiomqtt
import httpx
import pytest

from evidence.cose import parse1, sign1
from evidence.keys import SoftwareKey
from evidence.outcome import Refusal, decode_down, is_receipt, split_sequence
from evidence.trust import load_trust
from simulators.certificates import Authority, Identity
from simulators.installation import GATEWAY
from simulators.tally import archive_batches
from tests.support.stack import HOST, Stack, Wishes, stack

BOMBS = {
    "deep": b"\x81" * 5000 + b"\x00",
    "huge array": b"\x9b\x00\x00\x00\x7f\xff\xff\xff\xff",
    "huge map": b"\xbb\x7f\xff\xff\xff\xff\xff\xff\xff",
    "huge string": b"\x5b\x00\x00\x00\x7f\xff\xff\xff\xff",
    "endless array": b"\x9f" * 1000,
    "shared references": b"\xd8\x1c\x82\xd8\x1d\x00\xd8\x1d\x00",
    "nested tags": b"\xd2" * 3000 + b"\x00",
    "noise": bytes(range(256)) * 16,
}


async def test_bad_input_over_http_is_refused_and_disturbs_nothing(tmp_path: Path) -> None:
    async with stack(tmp_path) as running:
        for name, bomb in BOMBS.items():
            status, answer = await _post(running, GATEWAY, bomb)
            assert status in {200, 400}, name
            if status == 400:
                assert json.loads(answer)["remedy"], name
        assert await _refused(running, _oversized(running)) == {"size"}
        assert await _refused(running, *_spoiled(running)) == {"signature", "unknown-key"}
        status, answer = await _post(running, "gw-nobody", b"")
        assert (status, "claim" in json.loads(answer)["remedy"]) == (404, True)
        assert "fewer batches" in await _answer_to_length(running, 5 << 20)
        # What names no key that we know is only counted: nobody may fill the disk.
        assert _quarantined(running) == {"signature"}
        status_now = await running.cloud_status()
        assert int(str(status_now["refused"])) >= 3
        await running.archived(2)
        (await running.audit()).assert_told_only({"signature"})


async def test_threat_12_16_another_gateways_topic_and_bad_certificates_get_nowhere(
    tmp_path: Path,
) -> None:
    async with stack(tmp_path, Wishes(mqtt="tls")) as running:
        built = running.installation
        ours, theirs = built.authority, Authority(tmp_path / "theirs")
        assert ours is not None
        # A key of the same authority writes on our gateway's topic: the broker's ACL drops it.
        neighbour = ours.client("gw-other-01")
        await _publish(running, neighbour, f"cw/1/{GATEWAY}/up", _oversized(running))
        for who in (
            ours.client(GATEWAY, valid_days=-1),
            replace(theirs.client(GATEWAY), ca=ours.ca),
        ):
            with pytest.raises((aiomqtt.MqttError, ssl.SSLError)):
                await _publish(running, who, f"cw/1/{GATEWAY}/up", b"x")
        # The gateway itself, with an authority that did not make the broker's certificate.
        await asyncio.to_thread(running.gateway.stop)
        good = built.gateway_toml.read_text()
        built.gateway_toml.write_text(_with_ca(good, theirs.ca))
        running.gateway.start()
        await running.eventually(
            lambda: "certificate verify failed" in running.gateway.tail(),
            "the gateway to say what is wrong",
        )
        await asyncio.to_thread(running.gateway.kill)
        built.gateway_toml.write_text(good)
        running.gateway.start()
        await running.archived(3)
        assert (await running.cloud_status())["refused"] == 0
        (await running.audit()).assert_clean()


async def _post(running: Stack, gateway: str, body: bytes) -> tuple[int, bytes]:
    async with httpx.AsyncClient(timeout=20) as client:
        url = f"{running.installation.url}/v1/gateways/{gateway}/batches"
        answer = await client.post(url, content=body)
        return answer.status_code, answer.content


async def _answer_to_length(running: Stack, length: int) -> str:
    """Announce a body and return the answer, which does not wait for it."""
    reader, writer = await asyncio.open_connection(HOST, running.installation.cloud_port)
    path = f"/v1/gateways/{GATEWAY}/batches"
    head = f"POST {path} HTTP/1.1\r\nHost: cloud\r\nContent-Length: {length}\r\n\r\n"
    writer.write(head.encode())
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 413 "), answer
    return answer.decode()


async def _refused(running: Stack, *batches: bytes) -> set[str]:
    """Send batches; return the codes with which they are refused."""
    control = load_trust(running.installation.trust).control
    codes = set()
    for batch in batches:
        status, answer = await _post(running, GATEWAY, batch)
        assert status == 200
        for message in split_sequence(answer):
            down = None if is_receipt(message) else decode_down(message, control, GATEWAY)
            if isinstance(down, Refusal):
                codes.add(down.code)
    return codes


def _a_batch(running: Stack) -> bytes:
    return next(iter(archive_batches(running.installation.archive)))


def _oversized(running: Stack) -> bytes:
    key = SoftwareKey.load(running.installation.outbox / "evidence.key")
    return sign1(parse1(_a_batch(running)).protected, bytes(66_000), key)


def _spoiled(running: Stack) -> tuple[bytes, bytes]:
    batch = _a_batch(running)
    header = parse1(batch).protected
    kid = SoftwareKey.load(running.installation.outbox / "evidence.key").kid
    thief = SoftwareKey.generate()
    strange = header.replace(kid, thief.kid)
    return batch[:-1] + bytes([batch[-1] ^ 1]), sign1(strange, parse1(batch).payload, thief)


def _quarantined(running: Stack) -> set[str]:
    """Return the codes in the quarantine; each line says what, where and the remedy."""
    folder = running.installation.folder / "state" / "quarantine"
    lines = [
        json.loads(line)
        for file in folder.glob("*/*.jsonl")
        for line in file.read_text().splitlines()
    ]
    assert all(line["what"] and line["where"]["file"] and line["remedy"] for line in lines)
    return {line["code"] for line in lines}


async def _publish(running: Stack, who: Identity, topic: str, data: bytes) -> None:
    port = running.installation.broker_port
    context = who.client_context()
    async with aiomqtt.Client(HOST, port, tls_context=context, timeout=5) as client:
        await client.publish(topic, data, qos=1)


def _with_ca(config: str, ca: Path) -> str:
    lines = config.splitlines()
    changed = [f'mqtt_ca = "{ca}"' if x.startswith("mqtt_ca") else x for x in lines]
    assert changed != lines
    return "\n".join(changed) + "\n"
