"""Serves an ASGI application on a free loopback port, in a thread, while a test lasts."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from tests.support.ports import free_port
from tests.support.wait import until_sync


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Give the base address of a running server; stops it at the end."""
    port = free_port()
    config = uvicorn.Config(app, "127.0.0.1", port, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name=f"serve:{port}", daemon=True)
    thread.start()
    try:
        until_sync(lambda: server.started, what=f"server on port {port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(10)
        assert not thread.is_alive(), "the server did not stop"
