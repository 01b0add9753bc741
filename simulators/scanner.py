"""A code scanner with a network port: it listens, and sends each code to who is connected.

Used by `simulators.site` and by tests. A code that is scanned while nobody is connected is
lost, as with the real ones.
"""

import asyncio
import contextlib

from simulators.codes import code
from simulators.errors import UnavailableError
from simulators.ledger import Ledger


class Scanner:
    """A scanner on TCP; `ending` follows each code."""

    def __init__(self, name: str, seed: int, ledger: Ledger, ending: bytes = b"\r\n") -> None:
        self._name = name
        self._seed = seed
        self._ledger = ledger
        self._ending = ending
        self._clients: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.scanned = 0

    @property
    def clients(self) -> int:
        """Return how many are connected."""
        return len(self._clients)

    async def serve(self, host: str, port: int = 0) -> int:
        """Listen, and return the port, chosen freely when 0."""
        try:
            self._server = await asyncio.start_server(self._welcome, host, port)
        except OSError as exc:
            where = f"{host}:{port}"
            raise UnavailableError(f"cannot serve a scanner on {where}; is it in use") from exc
        return int(self._server.sockets[0].getsockname()[1])

    async def scan(self, raw: bytes | None = None) -> bytes:
        """Scan `raw`, or the next code of the seed, and return what was sent."""
        raw = raw if raw is not None else code(self._seed, self.scanned).encode()
        self.scanned += 1
        for client in tuple(self._clients):
            client.write(raw + self._ending)
            with contextlib.suppress(ConnectionError):
                await client.drain()
        self._ledger.served(self._name, "scan", code=raw.hex(), to=self.clients)
        return raw

    async def run(self, period_s: float) -> None:
        """Scan something every `period_s` until cancelled."""
        while True:
            await asyncio.sleep(period_s)
            await self.scan()

    async def close(self) -> None:
        """Drop the clients and stop listening."""
        for client in tuple(self._clients):
            client.close()
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _welcome(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._clients.add(writer)
        with contextlib.suppress(ConnectionError):
            await reader.read()  # a scanner hears nothing; this ends when the client goes
        self._clients.discard(writer)
        writer.close()
