"""What a process of ours cost: its CPU time, and the most memory it ever held."""

import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


def cpu_ns(pid: int) -> int:
    """Return the CPU time of a whole process, its ended threads included."""
    # clock_getcpuclockid(3), which Python does not have
    return time.clock_gettime_ns(~pid << 3 | 2)


def peak_rss_mib(pid: int) -> float:
    """Return the high-water mark of a process's memory."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1024


@contextmanager
def module(name: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run a module of the benchmark as a process of its own, ended when the `with` ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"tests.bench.{name}", *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def first_line(process: subprocess.Popen[str]) -> str:
    """Return the next line that a process prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def rest(process: subprocess.Popen[str]) -> str:
    """End a process's input and return everything more that it prints."""
    return process.communicate(timeout=60)[0]


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that so large a share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * share) - 1, 0)]


def pause(seconds: float) -> None:
    """Let real processes run for a while."""
    os.sched_yield()
    time.sleep(seconds)
