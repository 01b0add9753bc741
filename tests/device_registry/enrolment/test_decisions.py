"""Each step decided by itself: once, again, and no with the right reason and a remedy."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_registry.authority import key_file
from device_registry.authority.csr import Csr, key_sha256
from device_registry.enrolment import decisions
from device_registry.enrolment.decisions import (
    CLAIM_LIFE,
    CertificateFacts,
    ClaimFacts,
    Decision,
    KeyFacts,
    Proceed,
    Repeat,
)
from device_registry.enrolment.errors import EnrolmentRefusedError, Reason
from evidence.enrolment.claim import secret_hash
from evidence.enrolment.request import EnrolRequest, secret_proof
from evidence.enrolment.rotation import Rotation
from evidence.keys import SoftwareKey

NOW_MS = 1_793_584_800_000
DAY_MS = 86_400_000
SECRET = b"sixteen-secrets!"
KEY = SoftwareKey(-19, b"evidence-key-of-a-gateway-------")
NEW = SoftwareKey(-19, b"the-next-evidence-key-----------")
TLS = key_file.new_key().public_key()
TLS_HASH = key_sha256(TLS)
CERTIFICATE = b"c" * 32
CSR = Csr(common_name="gw-0001", public_key=TLS, sha256=b"r" * 32, key_sha256=TLS_HASH)
OPEN = ClaimFacts(
    gateway="gw-0001",
    site="chs-001",
    state="open",
    until_ms=NOW_MS + DAY_MS,
    secret_hash=secret_hash(SECRET),
)
BOUND = replace(OPEN, state="bound", bound_key=TLS_HASH)
USED = replace(BOUND, state="used")
REQUEST = EnrolRequest(
    claim_id=b"claim-id",
    gateway="gw-0001",
    site="chs-001",
    public=KEY.public,
    key_kind="software",
    certificate_sha256=CERTIFICATE,
    csr_sha256=CSR.sha256,
    software="",
    at_ms=NOW_MS,
    secret_proof=secret_proof(SECRET, KEY.public, CERTIFICATE),
)
ACTIVE = KeyFacts(gateway="gw-0001", site="chs-001", state="active")
ROTATION = Rotation(
    gateway="gw-0001",
    site="chs-001",
    old_kid=KEY.kid,
    public=NEW.public,
    key_kind="software",
    at_ms=NOW_MS,
)
VALID = CertificateFacts(
    serial=7,
    key_sha256=TLS_HASH,
    state="valid",
    not_before_ms=NOW_MS - DAY_MS,
    not_after_ms=NOW_MS + 90 * DAY_MS,
)


def on_request(
    claim: ClaimFacts | None, key: KeyFacts | None = None, request: EnrolRequest = REQUEST
) -> Decision:
    return decisions.on_request(claim, request, {CERTIFICATE}, key)


def test_the_diagram_shows_the_table() -> None:
    drawn = re.findall(r"^ +(\w+) --> (\w+):", decisions.__doc__ or "", re.MULTILINE)
    table = {(old, new) for old, after in CLAIM_LIFE.moves.items() for new in after}
    assert set(drawn) == table


def test_the_first_key_binds_an_open_claim_and_only_it_is_answered_again() -> None:
    other = replace(CSR, key_sha256=b"o" * 32)
    assert decisions.on_certificate(OPEN, CSR, NOW_MS) == Proceed()
    for claim in (BOUND, USED):
        assert decisions.on_certificate(claim, CSR, NOW_MS) == Repeat()
        with pytest.raises(EnrolmentRefusedError) as raised:
            decisions.on_certificate(claim, other, NOW_MS)
        assert raised.value.reason is Reason.OTHER_KEY


def test_a_claim_ends_after_its_day_but_who_began_may_finish() -> None:
    late_ms = OPEN.until_ms
    assert decisions.on_certificate(OPEN, CSR, late_ms - 1) == Proceed()
    with pytest.raises(EnrolmentRefusedError) as raised:
        decisions.on_certificate(OPEN, CSR, late_ms)
    assert raised.value.reason is Reason.EXPIRED
    assert decisions.on_certificate(BOUND, CSR, late_ms) == Repeat()
    assert on_request(BOUND) == Proceed()


@pytest.mark.parametrize(
    ("state", "reason"), [("cancelled", "cancelled"), ("expired", "expired")]
)
def test_an_ended_claim_is_refused_at_every_step(state: str, reason: str) -> None:
    ended = replace(BOUND, state=state)
    steps: list[Callable[[], Decision]] = [
        lambda: decisions.on_certificate(ended, CSR, NOW_MS),
        lambda: on_request(ended),
    ]
    for step in steps:
        with pytest.raises(EnrolmentRefusedError, match="new claim") as raised:
            step()
        assert raised.value.reason == reason


@given(st.binary(min_size=32, max_size=32))
def test_a_wrong_secret_reads_like_no_claim(guess: bytes) -> None:
    texts = set()
    for claim in (None, OPEN):
        with pytest.raises(EnrolmentRefusedError) as raised:
            decisions.check_claim(claim, guess)
        assert raised.value.reason is Reason.UNKNOWN
        texts.add(str(raised.value))
        with pytest.raises(EnrolmentRefusedError) as raised:
            on_request(claim and BOUND, request=replace(REQUEST, secret_proof=guess))
        texts.add(str(raised.value))
    assert len(texts) == 1


def test_a_request_for_another_gateway_is_refused() -> None:
    with pytest.raises(EnrolmentRefusedError) as raised:
        decisions.on_certificate(OPEN, replace(CSR, common_name="gw-0002"), NOW_MS)
    assert raised.value.reason is Reason.MISMATCH
    for change in ({"gateway": "gw-0002"}, {"site": "chs-002"}):
        with pytest.raises(EnrolmentRefusedError) as raised:
            on_request(BOUND, request=replace(REQUEST, **change))  # type: ignore[arg-type]
        assert raised.value.reason is Reason.OTHER_GATEWAY


def test_an_evidence_key_is_taken_once_and_answered_again() -> None:
    assert on_request(BOUND) == Proceed()
    assert on_request(USED, ACTIVE) == Repeat()
    assert on_request(USED, replace(ACTIVE, state="superseded")) == Repeat()


@pytest.mark.parametrize(
    ("claim", "key", "reason"),
    [
        (OPEN, None, Reason.NOT_YET),
        (BOUND, ACTIVE, Reason.OTHER_KEY),
        (BOUND, replace(ACTIVE, gateway="gw-0002"), Reason.OTHER_KEY),
        (USED, None, Reason.OTHER_KEY),
        (USED, replace(ACTIVE, gateway="gw-0002"), Reason.OTHER_KEY),
        (USED, replace(ACTIVE, state="revoked"), Reason.REVOKED),
    ],
)
def test_an_evidence_key_that_cannot_be_taken_is_refused(
    claim: ClaimFacts, key: KeyFacts | None, reason: Reason
) -> None:
    with pytest.raises(EnrolmentRefusedError) as raised:
        on_request(claim, key)
    assert raised.value.reason is reason


def test_a_certificate_of_another_claim_is_refused() -> None:
    with pytest.raises(EnrolmentRefusedError) as raised:
        decisions.on_request(BOUND, REQUEST, {b"d" * 32}, None)
    assert raised.value.reason is Reason.MISMATCH


def renewal(*known: CertificateFacts, at_ms: int = NOW_MS) -> Decision:
    return decisions.on_renewal(ACTIVE, CSR, "gw-0001", known, at_ms)


def test_a_certificate_is_renewed_when_a_third_of_its_life_is_gone() -> None:
    third_ms = VALID.not_before_ms + (VALID.not_after_ms - VALID.not_before_ms) // 3
    assert renewal() == Proceed()
    assert renewal(VALID, at_ms=third_ms - DAY_MS) == Repeat(serial=7)
    assert renewal(VALID, at_ms=third_ms + DAY_MS) == Proceed()


def test_a_new_tls_key_is_welcome_and_a_replaced_one_is_not() -> None:
    other = replace(VALID, key_sha256=b"o" * 32)
    replaced = replace(VALID, state="superseded")
    assert renewal(other) == Proceed()
    assert renewal(replaced, VALID) == Repeat(serial=7)
    for known, reason in (
        ([replaced, other], Reason.OTHER_KEY),
        ([replace(VALID, state="revoked")], Reason.REVOKED),
    ):
        with pytest.raises(EnrolmentRefusedError) as raised:
            renewal(*known)
        assert raised.value.reason is reason


@pytest.mark.parametrize(
    ("key", "state", "reason"),
    [
        (None, "in_service", Reason.UNKNOWN),
        (replace(ACTIVE, gateway="gw-0002"), "in_service", Reason.UNKNOWN),
        (replace(ACTIVE, state="revoked"), "in_service", Reason.REVOKED),
        (ACTIVE, "retired", Reason.RETIRED),
    ],
)
def test_a_key_that_may_not_speak_is_refused(
    key: KeyFacts | None, state: str, reason: Reason
) -> None:
    with pytest.raises(EnrolmentRefusedError) as raised:
        decisions.check_key(key, "gw-0001", state)
    assert raised.value.reason is reason
    assert decisions.check_key(ACTIVE, "gw-0001", "suspended") == ACTIVE


def test_a_renewal_by_a_key_that_was_rotated_away_is_refused() -> None:
    with pytest.raises(EnrolmentRefusedError) as raised:
        decisions.on_renewal(replace(ACTIVE, state="superseded"), CSR, "gw-0001", (), NOW_MS)
    assert raised.value.reason is Reason.MISMATCH


ROTATED = replace(ACTIVE, state="superseded", successor=NEW.kid)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (ACTIVE, None, Proceed()),
        (ROTATED, ACTIVE, Repeat()),
        (ROTATED, replace(ACTIVE, state="superseded"), Repeat()),
        (ROTATED, replace(ACTIVE, state="revoked"), Reason.REVOKED),
        (replace(ROTATED, successor=b"elsewher"), None, Reason.OTHER_KEY),
        (replace(ROTATED, successor=b"elsewher"), ACTIVE, Reason.OTHER_KEY),
        (ACTIVE, ACTIVE, Reason.OTHER_KEY),
        (replace(ACTIVE, site="chs-002"), None, Reason.OTHER_GATEWAY),
    ],
)
def test_a_key_is_rotated_once_and_answered_again(
    old: KeyFacts, new: KeyFacts | None, expected: Decision | Reason
) -> None:
    if not isinstance(expected, Reason):
        assert decisions.on_rotation(old, ROTATION, new) == expected
        return
    with pytest.raises(EnrolmentRefusedError) as raised:
        decisions.on_rotation(old, ROTATION, new)
    assert raised.value.reason is expected
    assert raised.value.remedy
