"""Telling systemd that the gateway is ready, alive and stopping (sd_notify, no library).

Used by `gateway_firmware_py.compose`. Outside systemd every call does nothing. The watchdog is
petted from the event loop: a loop that hangs stops petting, and systemd starts us anew.
"""

import os
import socket
from collections.abc import Mapping


class Supervisor:
    """The notification socket, if systemd gave one."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        path = environment.get("NOTIFY_SOCKET", "")
        # An address that begins with @ lies in the abstract namespace, sd_notify(3).
        self._address = "\0" + path[1:] if path.startswith("@") else path
        watchdog_us = environment.get("WATCHDOG_USEC", "")
        owner = environment.get("WATCHDOG_PID", str(os.getpid()))
        ours = watchdog_us.isdigit() and owner == str(os.getpid())
        self.pet_every_s = int(watchdog_us) / 2e6 if ours else None

    @property
    def is_there(self) -> bool:
        """Return whether somebody hears this, and begins the program again when it ends."""
        return bool(self._address)

    def ready(self) -> None:
        """Say that everything runs."""
        self._tell("READY=1")

    def alive(self, status: str) -> None:
        """Pet the watchdog; `status` is what `systemctl status` shows."""
        self._tell(f"WATCHDOG=1\nSTATUS={status}")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._tell("STOPPING=1")

    def _tell(self, message: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as s:
            try:
                s.connect(self._address)
                s.send(message.encode())
            except OSError:
                # systemd itself is restarting; it hears the next one.
                return
