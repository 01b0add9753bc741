"""Writes rows as line protocol through influxdb-client, several requests at once.

The only module that knows influxdb-client (pinned to 1.50: `V1ApiClient` overrides a private
class). Used by the Influx and VictoriaMetrics adapters, from one thread: lines are built in the
caller's thread while the connections' threads wait for the server.

Reactions: 429, 5xx, time-outs and broken connections are the world's (`UnavailableError`, the
caller tries the same rows again). A refusal of the content (400, 413, 422) is halved until the
offending lines are alone; InfluxDB has stored their good neighbours either way.
"""

import re
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from influxdb_client import InfluxDBClient, WritePrecision
from influxdb_client._sync.api_client import ApiClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError
from urllib3.util import make_headers

from cloud.errors import UnavailableError
from cloud.projections.timeseries.lines import LineBuilder
from cloud.projections.timeseries.store import Rejected, Rows, WriteResult

LINES_PER_WRITE: Final = 5_000  # with two connections the best of those measured on 1.6.7
CONNECTIONS: Final = 2
MAX_QUEUED: Final = 2 * CONNECTIONS  # bounds the memory of lines that wait for a connection
TIMEOUT_MS: Final = 30_000
CONTENT_REFUSED: Final = frozenset({400, 413, 422})

_REMEDIES: Mapping[int, str] = {
    401: "set timeseries.user and timeseries.password",
    403: "the user may not write; grant it WRITE on the database",
    404: "the database is gone; create it and run `coldwarden-cloud rebuild timeseries`",
}
_DROPPED = re.compile(r"dropped=(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server and how to talk to it; for InfluxDB 2 and 3 the token is the password."""

    url: str
    database: str
    user: str = ""
    password: str = ""

    @property
    def is_local(self) -> bool:
        """Return whether the server is on this machine, where compressing costs more."""
        return urlsplit(self.url).hostname in {"127.0.0.1", "::1", "localhost"}


class V1ApiClient(ApiClient):  # type: ignore[misc]
    """Sends what is meant for `/api/v2/write` to `/write`: InfluxDB before 1.8 has no other."""

    def call_api(  # the signature is the client's
        self,
        resource_path: str,
        method: str,
        *args: Any,  # noqa: ANN401
        **kw: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Translate the path and its parameters, then call."""
        if resource_path == "/api/v2/write":
            path_params, modern, *rest = args
            wanted = dict(modern)
            v1 = [("db", wanted["bucket"]), ("precision", wanted["precision"])]
            resource_path, args = "/write", (path_params, v1, *rest)
        return super().call_api(resource_path, method, *args, **kw)


class LineWriter:
    """A few connections to one server; `close` ends them."""

    def __init__(self, endpoint: Endpoint, *, token: str, v1: bool) -> None:
        self._endpoint = endpoint
        self._client = InfluxDBClient(
            url=endpoint.url,
            token=token,
            org=endpoint.user or "-",
            timeout=TIMEOUT_MS,
            enable_gzip=not endpoint.is_local,
            connection_pool_maxsize=CONNECTIONS,
        )
        if v1:
            self._speak_v1()
        self._api = self._client.write_api(write_options=SYNCHRONOUS)
        self._lines = LineBuilder()
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="line-writer")

    def write(self, rows: Rows) -> WriteResult:
        """Return when the server has answered for every line of `rows`."""
        waiting: deque[Future[list[Rejected]]] = deque()
        rejected: list[Rejected] = []
        try:
            for lines in self._lines.chunks(rows, LINES_PER_WRITE):
                if len(waiting) >= MAX_QUEUED:
                    rejected += waiting.popleft().result()
                waiting.append(self._threads.submit(self._send, lines))
            while waiting:
                rejected += waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
        return WriteResult(accepted=len(rows) - len(rejected), rejected=tuple(rejected))

    def close(self) -> None:
        """Wait for requests under way, then end the connections."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._client.close()

    def _speak_v1(self) -> None:
        modern = self._client.api_client
        client = V1ApiClient(configuration=modern.configuration)
        client.default_headers.update(modern.default_headers)
        client.default_headers.pop("Authorization", None)
        if self._endpoint.user:
            basic = make_headers(basic_auth=f"{self._endpoint.user}:{self._endpoint.password}")
            client.default_headers["Authorization"] = basic["authorization"]
        self._client.api_client = client

    def _send(self, lines: bytes) -> list[Rejected]:
        try:
            self._api.write(
                bucket=self._endpoint.database,
                record=lines,
                write_precision=WritePrecision.MS,
            )
        except ApiException as e:
            return self._refused(lines, e)
        except HTTPError as e:
            raise UnavailableError(f"{self._endpoint.url}: {e}") from e
        return []

    def _refused(self, lines: bytes, e: ApiException) -> list[Rejected]:
        reason = _reason(e)
        if e.status not in CONTENT_REFUSED:
            remedy = _REMEDIES.get(e.status, "tried again with growing pauses")
            raise UnavailableError(
                f"{self._endpoint.url}: {e.status} {reason}; {remedy}"
            ) from e
        each = lines.splitlines(keepends=True)
        if len(each) == 1 or _all_dropped(reason, len(each)):
            return [Rejected(line=line.decode().rstrip("\n"), reason=reason) for line in each]
        middle = len(each) // 2
        return self._send(b"".join(each[:middle])) + self._send(b"".join(each[middle:]))


def _reason(e: ApiException) -> str:
    text = e.body or e.reason or ""
    return str(text).strip()[:500]


def _all_dropped(reason: str, count: int) -> bool:
    """Tell a conflict that concerns every line from single bad lines: saves the halving."""
    dropped = _DROPPED.search(reason)
    return dropped is not None and int(dropped[1]) == count
