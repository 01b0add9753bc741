"""libmodbus as the far end: a C server, compiled by the test that needs it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.engines import engine

SOURCE = Path(__file__).with_name("libmodbus_server.c")


def compile_server(folder: Path) -> Path:
    """Return the compiled server; needs a C compiler and the package libmodbus-dev."""
    program = folder / "libmodbus_server"
    flags = subprocess.run(
        [engine("pkg-config"), "--cflags", "--libs", "libmodbus"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    subprocess.run([engine("cc"), "-O1", "-o", program, SOURCE, *flags], check=True)
    return program


@contextmanager
def libmodbus_server(program: Path, port: int) -> Iterator[None]:
    """Run the server until the block ends."""
    with subprocess.Popen([program, str(port)], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"listening\n"
            yield
        finally:
            process.kill()
