"""`coldwarden-sim` as a process: ports, orders, signals and exit codes."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import pytest

from simulators.cli import EXIT_FAILED, EXIT_USAGE, main

SIM = [sys.executable, "-m", "simulators.cli"]


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    command = [*SIM, *arguments]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def answer(stream: IO[str] | None) -> dict[str, object]:
    assert stream is not None
    said: dict[str, object] = json.loads(stream.readline())
    return said


def order(process: subprocess.Popen[str], text: str) -> dict[str, object]:
    assert process.stdin is not None
    process.stdin.write(text + "\n")
    process.stdin.flush()
    return answer(process.stdout)


def test_a_site_runs_until_it_is_told_to_stop() -> None:
    ports = ("--modbus-port", "0", "--scanner-port", "0")
    with running("site", "--json", *ports) as process:
        port = answer(process.stdout)["modbus"]
        with socket.create_connection(("127.0.0.1", int(str(port)))):
            pass
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_a_link_obeys_and_ends_with_its_input() -> None:
    with running("link", "--to", "127.0.0.1:9", "--storm", "1") as process:
        port = int(str(answer(process.stdout)["listening"]))
        assert order(process, '{"do": "cut"}')["mode"] == "cut"
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", port)) != 0
        assert "explode" in str(order(process, '{"do": "explode"}')["error"])
        assert order(process, '{"do": "restore"}')["mode"] == "up"
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(20) == 0


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], ["site", "--help"], ["link", "--help"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 0
        assert "coldwarden-sim" in capsys.readouterr().out


def test_what_cannot_be_is_exit_2_and_what_failed_is_exit_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["site", "--mqtt", "nonsense"]) == EXIT_USAGE
    assert "HOST:PORT" in capsys.readouterr().err
    assert main(["link", "--to", "a:1", "--schedule", "/nonexistent"]) == EXIT_USAGE
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert main(["site", "--modbus-port", port]) == EXIT_FAILED
    assert port in capsys.readouterr().err
