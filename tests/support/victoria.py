"""A real VictoriaMetrics of the test's own.

with victoria_metrics(tmp_path) as server: ... server.url; make_visible(server)
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import httpx

from tests.support.engines import engine
from tests.support.server_process import ServerProcess, running


def victoria_metrics(folder: Path) -> AbstractContextManager[ServerProcess]:
    """Run VictoriaMetrics on a free loopback port, its files under `folder`."""
    program = engine("victoria-metrics")

    def command(own: Path, port: int) -> Sequence[str]:
        return [
            program,
            f"-storageDataPath={own / 'data'}",
            f"-httpListenAddr=127.0.0.1:{port}",
            "-search.latencyOffset=0s",
            "-retentionPeriod=100y",
        ]

    return running(ServerProcess(folder=folder / "victoria", command=command))


def make_visible(server: ServerProcess) -> None:
    """Make what was written readable now instead of in two seconds."""
    httpx.get(f"{server.url}/internal/force_flush").raise_for_status()
