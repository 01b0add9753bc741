"""A real InfluxDB 1.6.7 of the test's own.

with influxd(tmp_path) as server: ... server.url; server.kill(); server.start()
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from tests.support.engines import engine
from tests.support.ports import free_port
from tests.support.server_process import ServerProcess, running

CONFIG = """\
reporting-disabled = true
bind-address = "127.0.0.1:{backup_port}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  index-version = "tsi1"
  query-log-enabled = false
  max-series-per-database = 0
  max-values-per-tag = 0
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
  max-body-size = 0
  auth-enabled = {auth}
[monitor]
  store-enabled = false
[logging]
  level = "warn"
"""


def influxd(folder: Path, *, auth: bool = False) -> AbstractContextManager[ServerProcess]:
    """Run influxd on free loopback ports, its files under `folder`."""
    program = engine("influxd")

    def command(own: Path, port: int) -> Sequence[str]:
        config = own / "influx.conf"
        config.write_text(
            CONFIG.format(
                folder=own, port=port, backup_port=free_port(), auth=str(auth).lower()
            )
        )
        return [program, "-config", str(config)]

    return running(ServerProcess(folder=folder / "influxd", command=command))
