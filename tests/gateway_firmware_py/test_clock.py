"""The boot counter and what the kernel's word on its clock means."""

from pathlib import Path

import pytest

from gateway_firmware_py.clock import NONE, NTP, SystemClock, count_boot, judge_sync


def test_a_boot_is_counted_once_however_often_the_program_starts(tmp_path: Path) -> None:
    boot_id = tmp_path / "boot_id"
    boot_id.write_text("one\n")
    assert [count_boot(tmp_path, boot_id) for _ in range(3)] == [1, 1, 1]
    boot_id.write_text("two\n")
    assert [count_boot(tmp_path, boot_id) for _ in range(2)] == [2, 2]


@pytest.mark.parametrize(
    ("state", "status", "error_us", "expected"),
    [
        (0, 0, 16_000, (NTP, 16)),
        (0, 0x0040, 16_000, (NONE, 16)),
        (5, 0, 16_000, (NONE, 16)),
        (-1, 0, 0, (NONE, 1)),
        (0, 0x2001, 500, (NTP, 1)),
    ],
)
def test_synchronised_is_what_the_kernel_says(
    state: int, status: int, error_us: int, expected: tuple[int, int]
) -> None:
    assert judge_sync(state, status, error_us) == expected


def test_the_real_clock_runs_forward() -> None:
    clock = SystemClock(1)
    before = clock.mono_ms()
    assert clock.mono_ms() >= before > 0
    assert clock.sync()[0] in (NONE, NTP)
