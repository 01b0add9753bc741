"""An HTTP proxy that knows CONNECT alone, as a shop's network may demand."""

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_CONNECT = re.compile(rb"CONNECT ([^ :]+):(\d+) HTTP/1\.[01]\r\n")


@dataclass(slots=True)
class ConnectProxy:
    """Where it listens, and what it was asked for."""

    url: str = ""
    asked: list[str] = field(default_factory=list)


@contextmanager
def connect_proxy() -> Iterator[ConnectProxy]:
    """Run a proxy while the context lasts."""
    proxy = ConnectProxy()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        threading.Thread(target=_accept, args=(listener, proxy), daemon=True).start()
        yield proxy


def _accept(listener: socket.socket, proxy: ConnectProxy) -> None:
    with contextlib.suppress(OSError):  # the listener was closed: the end
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_tunnel, args=(client, proxy), daemon=True).start()


def _tunnel(client: socket.socket, proxy: ConnectProxy) -> None:
    with client:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        asked = _CONNECT.match(head)
        if asked is None:
            client.sendall(b"HTTP/1.1 405 Only CONNECT\r\n\r\n")
            return
        proxy.asked.append(f"{asked[1].decode()}:{asked[2].decode()}")
        with socket.create_connection((asked[1], int(asked[2]))) as server:
            client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            back = threading.Thread(target=_pass_on, args=(server, client), daemon=True)
            back.start()
            _pass_on(client, server)
            back.join(10)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
