"""What systemd hears."""

import os
import socket
from pathlib import Path

from gateway_firmware_py.supervisor import Supervisor


def test_systemd_hears_ready_alive_and_stopping(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(path)
        told = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000000"}
        supervisor = Supervisor({**told, "WATCHDOG_PID": str(os.getpid())})
        supervisor.ready()
        supervisor.alive("3 buses")
        supervisor.stopping()
        heard = [systemd.recv(200) for _ in range(3)]
    assert heard == [b"READY=1", b"WATCHDOG=1\nSTATUS=3 buses", b"STOPPING=1"]
    assert supervisor.pet_every_s == 15


def test_without_systemd_nothing_happens(tmp_path: Path) -> None:
    Supervisor({}).ready()
    Supervisor({"NOTIFY_SOCKET": str(tmp_path / "gone")}).alive("")
    assert Supervisor({"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}).pet_every_s is None
