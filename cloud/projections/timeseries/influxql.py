"""Asks an InfluxDB of any version: `/ping` for what it is, `/query` in InfluxQL, never Flux.

Used by the Influx adapter, from any thread.
"""

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import httpx

from cloud.errors import UnavailableError
from cloud.projections.timeseries.line_writer import Endpoint
from cloud.projections.timeseries.lines import MEASUREMENT, storable
from cloud.projections.timeseries.store import SeriesKey

TIMEOUT_S: Final = 10
_VERSION = re.compile(r"(\d+)\.(\d+)")


class Version(NamedTuple):
    """What a server says it is; compares by number."""

    major: int
    minor: int
    text: str


class InfluxQl:
    """One server's query interface."""

    def __init__(self, endpoint: Endpoint) -> None:
        auth = (endpoint.user or "-", endpoint.password) if endpoint.password else None
        self._database = endpoint.database
        self._http = httpx.Client(base_url=endpoint.url, auth=auth, timeout=TIMEOUT_S)

    def version(self) -> Version:
        """Return the server's version from `/ping`."""
        try:
            answer = self._http.get("/ping")
        except httpx.HTTPError as e:
            raise UnavailableError(f"{self._http.base_url}: {e}") from e
        text = answer.headers.get("X-Influxdb-Version", "")
        found = _VERSION.search(text)
        if found is None:
            raise UnavailableError(
                f"{self._http.base_url}: /ping ({answer.status_code}) does not say the version"
                " of an InfluxDB; check timeseries.url and timeseries.kind"
            )
        return Version(int(found[1]), int(found[2]), text)

    def ask(self, statements: Sequence[str]) -> list[list[list[Any]]]:
        """Return the rows (times in ms) of the first series of each statement's result."""
        form = {"q": ";".join(statements), "db": self._database, "epoch": "ms"}
        try:
            answer = self._http.post("/query", data=form)
            answer.raise_for_status()
        except httpx.HTTPError as e:
            raise UnavailableError(f"{self._http.base_url}: {e}") from e
        return [_rows(result) for result in answer.json()["results"]]

    def close(self) -> None:
        """End the connections."""
        self._http.close()


def identifier(name: str) -> str:
    """Return a database name quoted for InfluxQL."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def of_series(key: SeriesKey) -> str:
    """Return the FROM and WHERE that choose one series."""
    tags = " AND ".join(
        f"{tag} = {_text(value)}" for tag, value in zip(key._fields, key, strict=True)
    )
    return f"FROM {MEASUREMENT} WHERE {tags}"


def _text(value: str) -> str:
    return "'" + storable(value).replace("\\", "\\\\").replace("'", "\\'") + "'"


def _rows(result: dict[str, Any]) -> list[list[Any]]:
    if "error" in result:
        raise UnavailableError(f"InfluxDB refused a query: {result['error']}")
    series = result.get("series", [])
    return list(series[0]["values"]) if series else []
