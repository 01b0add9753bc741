"""`cloud.access.sms`: one request per message; what goes wrong is the world's."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from cloud.access.sms import WebhookSms


class _Adapter(HTTPServer):
    got: list[tuple[str, dict[str, str]]]


class _Handler(BaseHTTPRequestHandler):
    server: _Adapter

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append((self.headers["Authorization"], body))
        self.send_response(200 if body["phone"] == "+8613800000000" else 502)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def adapter() -> Iterator[_Adapter]:
    server = _Adapter(("127.0.0.1", 0), _Handler)
    server.got = []
    thread = Thread(target=server.serve_forever, args=(0.02,), name="sms adapter")
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_code_is_handed_to_the_operators_adapter(adapter: _Adapter) -> None:
    sms = WebhookSms(f"http://127.0.0.1:{adapter.server_port}/send", "t")
    sms.send_code("+8613800000000", "123456")
    sms.send_text("+8613800000000", "许可证到期")
    assert adapter.got == [
        ("Bearer t", {"phone": "+8613800000000", "code": "123456"}),
        ("Bearer t", {"phone": "+8613800000000", "text": "许可证到期"}),
    ]


def test_what_the_adapter_refuses_is_an_error_of_the_world(adapter: _Adapter) -> None:
    address = f"http://127.0.0.1:{adapter.server_port}/send"
    with pytest.raises(OSError, match="502"):
        WebhookSms(address, "t").send_code("+8613800000001", "123456")
    with pytest.raises(OSError, match=r"127\.0\.0\.1:9"):
        WebhookSms("http://127.0.0.1:9/", "t").send_code("+8613800000000", "123456")
