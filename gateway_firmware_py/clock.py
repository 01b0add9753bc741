"""The real clock of a gateway: wall time, time since boot, boot counter, and its quality.

Used by `gateway_firmware_py.compose` and `doctor`. Synchronisation is the kernel's own word
(adjtimex): whichever daemon disciplines the clock, it clears STA_UNSYNC and states an error
bound. NTS cannot be told from NTP that way, so a gateway claims 1, never 2.
"""

import ctypes
import time
from pathlib import Path

from edge.clock import Clock
from evidence.cursor import CursorFile

STA_UNSYNC = 0x0040
TIME_ERROR = 5
MAX_ERROR_MS = 3_600_000
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
NONE, NTP = 0, 1


class _Timex(ctypes.Structure):
    """struct timex of adjtimex(2); only the fields before `tai` are read."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 512),
    )


class SystemClock(Clock):
    """The clock of this machine; `boot` counts the boots this state folder has seen."""

    def __init__(self, boot: int) -> None:
        self._boot = boot
        self._adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)

    @property
    def boot(self) -> int:
        """Return the boot counter."""
        return self._boot

    def wall_ms(self) -> int:
        """Return Unix milliseconds UTC."""
        return time.time_ns() // 1_000_000

    def mono_ms(self) -> int:
        """Return CLOCK_BOOTTIME in milliseconds."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    def sync(self) -> tuple[int, int]:
        """Return (0 none | 1 NTP, error bound in milliseconds)."""
        if self._adjtimex is None:
            return NONE, MAX_ERROR_MS
        timex = _Timex()
        state = self._adjtimex(ctypes.byref(timex))
        return judge_sync(state, timex.status, timex.maxerror)


class FixedSyncClock(SystemClock):
    """A machine whose clock is vouched for from outside: a container, a test, the demo."""

    def sync(self) -> tuple[int, int]:
        """Return what was vouched for: synchronised within a tenth of a second."""
        return NTP, 100


def judge_sync(state: int, status: int, max_error_us: int) -> tuple[int, int]:
    """Return (sync, error bound ms) from what adjtimex(2) returned."""
    error_ms = min(max(max_error_us // 1000, 1), MAX_ERROR_MS)
    if state < 0 or state == TIME_ERROR or status & STA_UNSYNC:
        return NONE, error_ms
    return NTP, error_ms


def count_boot(state_dir: Path, boot_id: Path = BOOT_ID) -> int:
    """Return this boot's number, durably one higher than the last boot's."""
    this = boot_id.read_text().strip().encode()
    with CursorFile.open(state_dir / "boot.counter") as counter:
        number, _, last = (counter.load() or b"0 ").partition(b" ")
        if last == this:
            return int(number)
        counter.store(b"%d %s" % (int(number) + 1, this))
        return int(number) + 1
