"""How a command hands something to the server that is running: files in `state/spool`.

A command writes `NAME.KIND.request`, whole or not at all; the server's spool thread takes it
and writes `NAME.result` (JSON). The folder is its owner's alone (0700). What is left when the
server is away is taken at its next start, so a backup is entered even then.

    KIND backup    the object of a backup record
    KIND card      a CBOR sequence of batches from a gateway's card
"""

import json
import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from evidence.disk import write_file
from evidence.errors import EvidenceError, WireError

FOLDER = "spool"
POLL_S = 0.25
PAUSE_S = 5.0  # after the disk refused
REQUEST_BYTES = 8 << 20

_log = logging.getLogger(__name__)

Handler = Callable[[bytes], Mapping[str, int]]
"""Takes a request's bytes and returns what to answer."""


class Spool:
    """The server's end: calls `handlers[kind]` for each request, in a thread of its own."""

    def __init__(self, state_dir: Path, handlers: Mapping[str, Handler]) -> None:
        self._folder = folder_of(state_dir)
        self._handlers = handlers
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)

    def start(self) -> None:
        """Begin to look for requests."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the request at hand and end the thread."""
        self._stopping.set()
        self._thread.join()

    def take(self) -> None:
        """Serve every request that is there now."""
        for path in sorted(self._folder.glob("*.request")):
            name, kind = path.name.split(".")[:2]
            handler = self._handlers.get(kind)
            if handler is not None and path.stat().st_size <= REQUEST_BYTES:
                result = json.dumps(_served(handler, path.read_bytes())).encode()
                write_file(self._folder / f"{name}.result", result)
            # Only now: a crash before it serves the request again, which changes nothing.
            path.unlink()

    def _run(self) -> None:
        while not self._stopping.wait(POLL_S):
            try:
                self.take()
            except (OSError, EvidenceError) as error:
                _log.warning("the spool cannot be served now, trying again: %s", error)
                self._stopping.wait(PAUSE_S)


def _served(handler: Handler, data: bytes) -> dict[str, int]:
    try:
        return dict(handler(data))
    except WireError:
        return {"invalid": 1}


def leave(state_dir: Path, kind: str, data: bytes) -> str:
    """Leave a request for the server and return its name."""
    name = uuid.uuid4().hex
    write_file(folder_of(state_dir) / f"{name}.{kind}.request", data)
    return name


def is_waiting(state_dir: Path, kind: str) -> bool:
    """Return whether a request of this kind has not been taken yet; makes nothing."""
    return any((state_dir / FOLDER).glob(f"*.{kind}.request"))


def answer(state_dir: Path, name: str) -> dict[str, int] | None:
    """Return the answer to a request and remove it, None while there is none."""
    path = folder_of(state_dir) / f"{name}.result"
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    path.unlink()
    document: dict[str, int] = json.loads(data)
    return document


def folder_of(state_dir: Path) -> Path:
    """Return the spool's folder, made for its owner alone."""
    folder = state_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder
