"""`influx_vs_ceiling`: the whole way to InfluxDB over what influxd takes at best, on two cores.

Ours: signed batches in the archive on disk are read, strictly decoded, expanded, placed, shaped
and written as lines by the time series projection; the time includes its durable cursor. The
ceiling: the same bytes as ready-made lines, as many to a write, over as many connections, by a
client that does nothing else. influxd has a fresh database for every turn.
"""

import http.client
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter_ns

from cloud.projections.placement import Placed
from cloud.projections.runner import catch_up
from cloud.projections.series import SeriesIndex
from cloud.projections.timeseries.influx import InfluxStore
from cloud.projections.timeseries.line_writer import CONNECTIONS, LINES_PER_WRITE, Endpoint
from cloud.projections.timeseries.lines import LineBuilder
from cloud.projections.timeseries.projection import TimeSeriesProjection
from cloud.projections.timeseries.rows import RowShaper
from evidence.batch import Body
from tests.bench.row import Row
from tests.support.batches import real_columns
from tests.support.influxd import influxd
from tests.support.registries import registry_of
from tests.support.routes import RecordingRoute
from tests.support.sequencing import Cloud
from tests.support.server_process import ServerProcess
from tests.support.signing import SigningGateway

GATEWAYS = 400
PER_GATEWAY = 8
READINGS = 300
CHANNELS = 8
ROUNDS = 5


def measure() -> list[Row]:
    """Return the figure."""
    gateways = [SigningGateway(f"gw-bench-{n:03}", n + 1) for n in range(GATEWAYS)]
    series = SeriesIndex(registry_of([g.id for g in gateways], range(1, CHANNELS + 1)))
    with tempfile.TemporaryDirectory() as folder, influxd(Path(folder)) as server:
        cloud = Cloud(Path(folder), gateways)
        _fill(cloud)
        writes = list(_writes(cloud, series))
        readings = GATEWAYS * PER_GATEWAY * READINGS
        ours_ns, ceiling_ns = [], []
        for turn in range(ROUNDS + 1):
            ours_ns.append(_whole_way(cloud, series, server, turn, readings))
            ceiling_ns.append(_ready_made(server, turn, writes))
        cloud.stream.close()
    # The first turn warms both up. In turn, because the machine's speed drifts.
    pairs = zip(ceiling_ns[1:], ours_ns[1:], strict=True)
    return [
        Row(
            name="influx_vs_ceiling",
            value=readings / statistics.median(ours_ns[1:]) * 1e9,
            unit="readings/s",
            floor=readings / statistics.median(ceiling_ns[1:]) * 1e9,
            ratio=statistics.median(best / ours for best, ours in pairs),
            bar=">= 0.6 of the ceiling",
            note=f"{LINES_PER_WRITE} lines a write, {CONNECTIONS} connections,"
            f" {GATEWAYS * CHANNELS} series",
        )
    ]


def _fill(cloud: Cloud) -> None:
    for minute in range(PER_GATEWAY):
        for gateway in cloud.gateways:
            body = gateway.body()
            body.columns = real_columns(READINGS, channels=CHANNELS, seed=minute)
            body.readings_total = gateway.total + READINGS
            cloud.deliver(gateway.sign(body), route=RecordingRoute(gateway.id))
        cloud.sequencer.step()


def _whole_way(
    cloud: Cloud, series: SeriesIndex, server: ServerProcess, turn: int, readings: int
) -> int:
    """Return the time that one projection of the archive takes."""
    store = InfluxStore(Endpoint(url=server.url, database=f"ours{turn}"))
    file = cloud.folder / f"ours{turn}.db"
    projection = TimeSeriesProjection(file, store, series, cloud.reader)
    store.latest(())  # the database is made before the clock runs
    begun_ns = perf_counter_ns()
    catch_up(projection, cloud.reader)
    spent_ns = perf_counter_ns() - begun_ns
    assert projection.counters()["stored"] == readings, projection.counters()
    projection.close()
    store.close()
    return spent_ns


def _ready_made(server: ServerProcess, turn: int, writes: Sequence[bytes]) -> int:
    """Return the time that influxd takes for the same lines at best."""
    database = f"best{turn}"
    _post(server, [f"/query?q=CREATE%20DATABASE%20{database}"], [b""])
    path = f"/write?db={database}&precision=ms"
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        begun_ns = perf_counter_ns()
        shares = [writes[n::CONNECTIONS] for n in range(CONNECTIONS)]
        list(pool.map(lambda share: _post(server, [path] * len(share), share), shares))
        return perf_counter_ns() - begun_ns


def _post(server: ServerProcess, paths: Sequence[str], bodies: Sequence[bytes]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    for path, body in zip(paths, bodies, strict=True):
        connection.request("POST", path, body)
        with connection.getresponse() as response:
            response.read()
            assert response.status in {200, 204}, response.status
    connection.close()


def _writes(cloud: Cloud, series: SeriesIndex) -> Iterator[bytes]:
    """Yield the lines of the whole archive as the projection writes them."""
    shaper, builder = RowShaper(series), LineBuilder()
    records = cloud.reader.read_records(0, 1 + 2 * GATEWAYS * PER_GATEWAY)
    batches = [(record, record.body) for record in records if record.body is not None]
    for start in range(0, len(batches), GATEWAYS):
        part = [_placed(record, body) for record, body in batches[start : start + GATEWAYS]]
        yield from builder.chunks(shaper.shape(part).rows, LINES_PER_WRITE)


def _placed(record: object, body: Body) -> Placed:
    return Placed(record=record, t0_ms=body.t0, is_uncertain=False)  # type: ignore[arg-type]
