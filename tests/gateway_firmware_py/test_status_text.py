"""The lines that people read."""

from gateway_firmware_py.status_text import STALE_MS, status_lines


def test_faults_and_losses_stand_out() -> None:
    status = {
        "gateway": "gw-1",
        "clock": {"sync": 0, "err_ms": 16_000},
        "recorder": {"readings": 5, "dropped": {"outbox_full": 7}},
        "uplink": {"link": "down", "way": "https", "last_error": "refused"},
        "sources": {
            "modbus bus1": {
                "is_up": False,
                "fault": "no route",
                "devices": [
                    {"name": "fridge-1", "fault": "silent"},
                    {"name": "b", "fault": ""},
                ],
            },
            "scanner counter": {"is_up": True},
        },
    }
    lines = list(status_lines(status, 4000))
    assert "clock     NOT synchronised, within 16000 ms" in lines
    assert "DROPPED   7 (outbox_full)" in lines
    assert "source    modbus bus1 DOWN: no route" in lines
    assert "DEVICE    fridge-1: silent" in lines
    assert "source    scanner counter up" in lines
    assert any(line.endswith("; refused") for line in lines)
    assert not any("DEVICE    b" in line for line in lines)


def test_a_status_of_another_version_is_shown_as_far_as_it_goes() -> None:
    assert len(list(status_lines({"sources": "none"}, 0))) > 3


def test_an_old_status_says_first_that_it_is_old() -> None:
    assert next(status_lines({}, STALE_MS)).startswith("STOPPED   or stuck: this was written 3")
    assert not any("STOPPED" in line for line in status_lines({}, STALE_MS - 1))


def test_what_the_cloud_told_the_gateway_is_shown_with_what_became_of_it() -> None:
    told = {"version": 3, "stage": "rolled_back", "reason": "no point gave a value"}
    lines = list(status_lines({"configuration": told}, 0))
    assert "told      configuration 3 is rolled_back: no point gave a value" in lines
    files_own = {"version": 0, "stage": "", "reason": ""}
    assert not any("told" in line for line in status_lines({"configuration": files_own}, 0))
