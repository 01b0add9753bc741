"""An HTTP server that answers as an InfluxDB of a version that cannot be installed here."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

NO_CONTENT = (204, "")


def _accept(_lines: list[str]) -> tuple[int, str]:
    return NO_CONTENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request that wrote lines."""

    path: str
    parameters: dict[str, str]
    authorization: str
    lines: list[str]


@dataclass(slots=True)
class StubInflux:
    """`answer` turns the lines of a write into status and body; `writes` is what came."""

    version: str
    url: str = ""
    answer: Callable[[list[str]], tuple[int, str]] = _accept
    writes: list[Asked] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)


@contextmanager
def stub_influx(version: str) -> Iterator[StubInflux]:
    """Listen on loopback for the length of the block."""
    stub = StubInflux(version)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._reply(204, "")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            url = urlsplit(self.path)
            if url.path == "/query":
                stub.queries.append(parse_qs(body)["q"][0])
                self._reply(200, '{"results": [{}]}')
                return
            asked = Asked(
                path=url.path,
                parameters={name: value for name, (value,) in parse_qs(url.query).items()},
                authorization=self.headers.get("Authorization", ""),
                lines=body.splitlines(),
            )
            stub.writes.append(asked)
            self._reply(*stub.answer(asked.lines))

        def _reply(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("X-Influxdb-Version", stub.version)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        stub.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield stub
        finally:
            server.shutdown()
            thread.join()
