"""A real HTTP server that takes webhooks, and fails as it is told to."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(slots=True)
class Receiver:
    """`answers` are the next status codes, then 200; 0 hangs up after having taken it."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    taken: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    refused_keys: set[str] = field(default_factory=set)

    @property
    def keys(self) -> list[str]:
        """Return the idempotency keys of everything that was taken, in order."""
        return [key for key, _ in self.taken]


@contextmanager
def webhook_receiver(port: int = 0) -> Iterator[Receiver]:
    """Listen on loopback for the length of the block."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            key = str(self.headers["Idempotency-Key"])
            status = receiver.answers.pop(0) if receiver.answers else 200
            if key in receiver.refused_keys:
                status = 422
            if status in {0, 200}:
                receiver.taken.append((key, json.loads(body)))
            if status == 0:
                self.connection.close()
                return
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        server.daemon_threads = True
        receiver.url = f"http://127.0.0.1:{server.server_address[1]}/alarms?token=secret"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
