"""Two serial ports joined by a cable that exists only in this process.

Used by tests and by `coldwarden-sim site --rtu`: a device answers on one end, the gateway opens
the other. Pseudo-terminals, so programs that want a real device path get one.
"""

import asyncio
import contextlib
import os
import pty
import tty

CHUNK_BYTES = 4096


class SerialPair:
    """Device paths `near` and `far`; what is written to one is read from the other."""

    def __init__(self) -> None:
        self._near_master, self._near_slave = _raw_terminal()
        self._far_master, self._far_slave = _raw_terminal()
        self.near = os.ttyname(self._near_slave)
        self.far = os.ttyname(self._far_slave)
        self.joined = True

    def start(self) -> None:
        """Carry bytes both ways on the running loop until `close`."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._near_master, self._carry, self._near_master, self._far_master)
        loop.add_reader(self._far_master, self._carry, self._far_master, self._near_master)

    def close(self) -> None:
        """Stop carrying and remove both ports."""
        loop = asyncio.get_running_loop()
        for master in (self._near_master, self._far_master):
            loop.remove_reader(master)
        ends = (self._near_master, self._near_slave, self._far_master, self._far_slave)
        for end in ends:
            with contextlib.suppress(OSError):
                os.close(end)

    def _carry(self, source: int, target: int) -> None:
        data = os.read(source, CHUNK_BYTES)
        if self.joined:
            os.write(target, data)


def _raw_terminal() -> tuple[int, int]:
    # The slave stays open here: a master whose last slave closes reports an error for ever.
    master, slave = pty.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    return master, slave
