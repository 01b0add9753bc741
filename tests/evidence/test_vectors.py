"""The published bytes: every vector is made again, read again, or refused with its code.

The files are data for other implementations; nothing here builds its inputs any other way.
A vector that changes is a break of the format: add files, never edit one.
"""

import json
from array import array
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import evidence
from evidence import cbor, checkpoint, cose
from evidence.audit_record import audit_hash, decode_audit_record
from evidence.batch import (
    BatchHeaderCache,
    Body,
    Columns,
    Event,
    decode_body,
    encode_body,
    expand,
    expected_header,
)
from evidence.chain import Action, BatchHead, ChainState, apply, judge
from evidence.errors import WireError
from evidence.key_record import KeyEvent, KeyRecord, decode_key_record, encode_key_record
from evidence.keys import PublicKey, SoftwareKey
from evidence.merkle import Frontier, leaf_hash
from evidence.outcome import (
    Archived,
    Configuration,
    Down,
    Refusal,
    Resend,
    Retry,
    Slow,
    decode_down,
    encode_down,
    split_sequence,
)
from evidence.point_table import decode_table, encode_table, table_hash
from evidence.receipt import ReceiptSigner, Run, verify_receipt
from evidence.record import decode_record, encode_record, leaf_of
from tests.support import cwt_oracle

FOLDER = Path(evidence.__file__).parent / "vectors"


def load(name: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads((FOLDER / f"{name}.json").read_text())


def value(item: Any) -> Any:  # noqa: ANN401 - JSON
    """Return what an input stands for: {"hex": ..} bytes, else a map with numbers as keys."""
    match item:
        case {"hex": text}:
            return bytes.fromhex(text)
        case dict():
            return {int(k) if k.isdigit() else k: value(v) for k, v in item.items()}
        case list():
            return [value(v) for v in item]
        case _:
            return item


def named(rows: list[Any]) -> Any:  # noqa: ANN401 - pytest's own type
    return pytest.mark.parametrize("row", rows, ids=[row["name"] for row in rows])


def refused_code(read: Any, data: bytes) -> str:  # noqa: ANN401 - any decoder
    with pytest.raises(WireError) as refused:
        read(data)
    return refused.value.code


CBOR, KEYS, BATCH, OUTCOME, CHAIN, LOG, KEY_RECORD, AUDIT_RECORD = map(
    load, ("cbor", "keys", "batch", "outcome", "chain", "log", "key_record", "audit_record")
)


def test_every_vector_file_is_read_by_a_test() -> None:
    files = {path.stem for path in FOLDER.iterdir()}
    assert files == {
        "cbor",
        "keys",
        "batch",
        "point_table",
        "outcome",
        "chain",
        "log",
        "key_record",
        "audit_record",
        "enrolment",
    }


@pytest.mark.parametrize("spelled", CBOR["good"])
def test_cbor_is_read_and_spelled_the_same(spelled: str) -> None:
    assert cbor.encode(cbor.decode(bytes.fromhex(spelled))).hex() == spelled


@named(CBOR["bad"])
def test_cbor_is_refused(row: dict[str, str]) -> None:
    assert refused_code(cbor.decode, bytes.fromhex(row["bytes"])) == row["error"]


@pytest.mark.parametrize("row", KEYS["keys"], ids=["ed25519", "p256"])
def test_keys_have_their_names_and_accept_one_signature(row: dict[str, Any]) -> None:
    key = SoftwareKey(row["alg"], bytes.fromhex(row["secret"]))
    public, message = key.public, bytes.fromhex(row["message"])
    assert public == PublicKey.from_text(row["text"])
    assert public.raw.hex() == row["public"]
    assert (public.thumbprint.hex(), public.kid.hex()) == (row["thumbprint"], row["kid"])
    assert public.verify(message, bytes.fromhex(row["signature"]))
    for twin in row["refused_signatures"]:
        assert not public.verify(message, bytes.fromhex(twin))
    if row["alg"] == cose.ALG_ED25519:
        assert key.sign(message).hex() == row["signature"]


def key_of(owner: dict[str, Any]) -> SoftwareKey:
    return SoftwareKey(owner["alg"], bytes.fromhex(owner["secret"]))


def body_of(row: dict[str, Any]) -> Body:
    given = {name: value(item) for name, item in row.items()}
    for name in ("checkpoint", "lowest_held", "parent"):
        given[name] = None if given[name] is None else tuple(given[name])
    if row["columns"] is not None:
        columns = {f.name: array("q", row["columns"][f.name]) for f in fields(Columns)}
        given["columns"] = Columns(**columns)
    given["events"] = tuple(
        Event(t_off=t_off, kind=kind, channel=channel, body=body)
        for t_off, kind, channel, body in given["events"]
    )
    return Body(**given)


@named(BATCH["good"])
def test_batches_have_these_bytes(row: dict[str, Any]) -> None:
    owner, key = BATCH["key"], key_of(BATCH["key"])
    body, payload = body_of(row["body"]), bytes.fromhex(row["payload"])
    assert encode_body(body) == payload
    assert decode_body(payload) == body
    header = expected_header(owner["gateway"], owner["site"], key.public)
    assert header.hex() == owner["protected"]
    assert cose.sign1(header, payload, key).hex() == row["envelope"]
    if row["readings"] is not None:
        assert [list(reading) for reading in expand(decode_body(payload))] == row["readings"]


def accept(data: bytes) -> Body:
    cache = BatchHeaderCache()
    cache.enrol(BATCH["key"]["gateway"], BATCH["key"]["site"], key_of(BATCH["key"]).public)
    envelope = cose.parse1(data)
    sender = cache.find(envelope.protected)
    assert sender is not None
    cose.verify1(envelope, sender.key)
    return decode_body(envelope.payload)


@named(BATCH["good"])
def test_envelopes_are_accepted(row: dict[str, Any]) -> None:
    assert encode_body(accept(bytes.fromhex(row["envelope"]))).hex() == row["payload"]


def test_an_independent_implementation_accepts_the_envelopes() -> None:
    public = key_of(BATCH["key"]).public
    cases = [(bytes.fromhex(row["envelope"]), public.alg, public.raw) for row in BATCH["good"]]
    assert cwt_oracle.payloads(cases) == [bytes.fromhex(r["payload"]) for r in BATCH["good"]]


@named(BATCH["bad_payloads"])
def test_payloads_are_refused(row: dict[str, str]) -> None:
    assert refused_code(decode_body, bytes.fromhex(row["bytes"])) == row["error"]


@named(BATCH["bad_envelopes"])
def test_envelopes_are_refused(row: dict[str, str]) -> None:
    assert refused_code(accept, bytes.fromhex(row["bytes"])) == row["error"]


def test_a_point_table_has_this_hash() -> None:
    vector = load("point_table")
    rows = decode_table(vector["rows"])
    assert encode_table(rows) == vector["rows"]
    assert cbor.encode(vector["rows"]).hex() == vector["bytes"]
    assert table_hash(rows).hex() == vector["sha256"]


def message_of(name: str, given: dict[str, Any]) -> Down:
    match name:
        case "refusal":
            return Refusal(**given | {"retry": Retry(given["retry"])})
        case "archived":
            return Archived(runs=tuple(tuple(run) for run in given["runs"]))
        case "slow":
            return Slow(**given)
        case "resend":
            return Resend(**given)
        case _:
            return Configuration(**given)


@named(OUTCOME["good"])
def test_outcomes_have_these_bytes(row: dict[str, Any]) -> None:
    owner, key = OUTCOME["key"], key_of(OUTCOME["key"])
    message, data = message_of(row["name"], value(row["message"])), bytes.fromhex(row["bytes"])
    assert encode_down(message, key, owner["gateway"], owner["site"]) == data
    assert decode_down(data, key.public, owner["gateway"]) == message


@named(OUTCOME["bad"])
def test_outcomes_are_refused(row: dict[str, str]) -> None:
    key, gateway = key_of(OUTCOME["key"]).public, OUTCOME["key"]["gateway"]
    data = bytes.fromhex(row["bytes"])
    assert refused_code(lambda d: decode_down(d, key, gateway), data) == row["error"]


def test_all_outcomes_travel_as_one_sequence() -> None:
    items = [bytes.fromhex(row["bytes"]) for row in OUTCOME["good"]]
    assert split_sequence(b"".join(items)) == items


def head_of(batch: dict[str, Any]) -> BatchHead:
    count, (readings, dropped) = batch["count"], batch["totals"]
    shape = Columns(
        **{
            name: array("q") for name in ("rows", "width", "t_off", "period", "exp", "v0", "dt")
        },
        channel=array("q", [1] * count),
        dv=array("q"),
    )
    parent, (low_epoch, low_seq) = batch["parent"], batch["lowest_held"]
    body = Body(
        epoch=bytes.fromhex(batch["epoch"]),
        seq=batch["seq"],
        prev=bytes.fromhex(batch["prev"]),
        t0=batch["t0"],
        mono_ms=batch["mono_ms"],
        boot=batch["boot"],
        sync=batch["sync"],
        err_ms=0,
        columns=shape if count else None,
        readings_total=readings,
        dropped_total=dropped,
        lowest_held=(bytes.fromhex(low_epoch), low_seq),
        config=bytes(32),
        parent=None if parent is None else (bytes.fromhex(parent[0]), parent[1]),
    )
    return BatchHead(body, bytes.fromhex(batch["sha256"]))


@named(CHAIN["scenarios"])
def test_chains_are_judged_so(row: dict[str, Any]) -> None:
    chain = ChainState()
    archived: dict[tuple[bytes, int], bytes] = {}
    for step in row["steps"]:
        head = head_of(step["batch"])
        place = (head.body.epoch, head.body.seq)
        verdict = judge(chain, head, archived.get(place), step["recv_ms"])
        assert verdict.action.name.lower() == step["action"]
        if verdict.action is Action.STORE:
            assert verdict.run_lo == step["run_lo"]
            archived[place] = head.sha256
            apply(chain, head)
        found = [
            {
                "finding": f.finding.value,
                "epoch": f.epoch.hex(),
                "lo": f.lo,
                "hi": f.hi,
                "amount": f.amount,
                "other": f.other.hex(),
                "cleared": f.cleared,
            }
            for f in verdict.findings
        ]
        assert found == step["findings"]
    assert [[g.epoch.hex(), g.lo, g.hi, g.lost] for g in chain.gaps()] == row["gaps"]


def test_records_have_these_leaves_and_the_log_this_root() -> None:
    tree = Frontier()
    for row in LOG["records"]:
        record = decode_record(bytes.fromhex(row["bytes"]))
        assert encode_record(record).hex() == row["bytes"]
        assert leaf_of(record).hex() == row["leaf"]
        assert leaf_hash(leaf_of(record)).hex() == row["leaf_hash"]
        tree.append(leaf_hash(leaf_of(record)))
    assert tree.root().hex() == LOG["root"]


def test_a_checkpoint_has_these_bytes() -> None:
    key, origin = key_of(LOG["log_key"]), LOG["origin"]
    root = bytes.fromhex(LOG["root"])
    made = checkpoint.Checkpoint(origin=origin, size=len(LOG["records"]), root=root)
    assert checkpoint.sign(made, key, key.public).decode() == LOG["checkpoint"]
    assert checkpoint.open_note(LOG["checkpoint"].encode(), {origin: key.public}) == made


def test_a_receipt_has_these_bytes_and_proves_its_run() -> None:
    key, row = key_of(LOG["log_key"]), LOG["receipt"]
    root, data = bytes.fromhex(LOG["root"]), bytes.fromhex(row["bytes"])
    [[epoch, lo, hi]] = [[bytes.fromhex(e), lo, hi] for e, lo, hi in row["runs"]]
    path = [bytes.fromhex(step) for step in row["path"]]
    signed = ReceiptSigner(LOG["origin"], key).checkpoint(
        len(LOG["records"]), root, LOG["iat_s"]
    )
    assert signed.receipt([Run(epoch, lo, hi, row["index"], path)]) == data
    held = {(epoch, hi): bytes.fromhex(row["last_batch_sha256"])}
    kid = bytes.fromhex(LOG["gateway_kid"])
    proven = verify_receipt(
        data, key.public, LOG["origin"], kid, lambda *place: held.get(place)
    )
    assert (proven.root, proven.iat_s, proven.runs) == (root, LOG["iat_s"], ((epoch, lo, hi),))


@named(KEY_RECORD["good"])
def test_key_records_have_these_bytes(row: dict[str, Any]) -> None:
    given = row["record"]
    of_hex = {name: bytes.fromhex(given[name]) for name in ("kid", "signed")}
    record = KeyRecord(**given | of_hex | {"event": KeyEvent(given["event"])})
    assert encode_key_record(record).hex() == row["bytes"]
    assert decode_key_record(bytes.fromhex(row["bytes"])) == record


@named(KEY_RECORD["bad"])
def test_key_records_are_refused(row: dict[str, str]) -> None:
    assert refused_code(decode_key_record, bytes.fromhex(row["bytes"])) == row["error"]


def test_a_key_record_has_this_leaf() -> None:
    vector = KEY_RECORD["record"]
    record = decode_record(bytes.fromhex(vector["bytes"]))
    assert record.data.hex() == KEY_RECORD["good"][-1]["bytes"]
    assert leaf_of(record).hex() == vector["leaf"]


def test_audit_entries_have_these_fields_and_hashes() -> None:
    before = bytes(32)
    for row in AUDIT_RECORD["good"]:
        data = bytes.fromhex(row["bytes"])
        entry = decode_audit_record(data)
        assert {f.name: getattr(entry, f.name) for f in fields(entry)} == row["entry"] | {
            "prev_hash": before
        }
        before = audit_hash(data)
        assert before.hex() == row["hash"]


@named(AUDIT_RECORD["bad"])
def test_audit_entries_are_refused(row: dict[str, str]) -> None:
    assert refused_code(decode_audit_record, bytes.fromhex(row["bytes"])) == row["error"]
