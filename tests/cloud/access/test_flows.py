"""`cloud.access.flows`: each flow once, for its browser and provider, and not for long."""

from cloud.access.flows import MAX_FLOWS, VALID_MS, Flows
from cloud.access.providers import Flow

NOW_MS = 1_795_363_200_000
FLOW = Flow(
    provider="city",
    state="s",
    nonce="n",
    verifier="v",
    redirect_uri="http://127.0.0.1/x",
    next="/",
    began_ms=NOW_MS,
)


def test_a_flow_ends_once() -> None:
    flows = Flows()
    cookie = flows.begin(FLOW, NOW_MS)
    assert flows.end(cookie, "city", NOW_MS) == FLOW
    assert flows.end(cookie, "city", NOW_MS) is None


def test_a_flow_ends_at_its_provider_and_in_time() -> None:
    flows = Flows()
    assert flows.end(flows.begin(FLOW, NOW_MS), "other", NOW_MS) is None
    assert flows.end(flows.begin(FLOW, NOW_MS), "city", NOW_MS + VALID_MS) is None
    assert flows.end("guessed", "city", NOW_MS) is None


def test_however_many_begin_a_bounded_number_is_kept() -> None:
    flows = Flows()
    cookies = [flows.begin(FLOW, NOW_MS) for _ in range(MAX_FLOWS + 1)]
    assert flows.end(cookies[0], "city", NOW_MS) is None
    assert flows.end(cookies[1], "city", NOW_MS) == FLOW
