"""A real PostgreSQL 15 of the tests' own: one server per session, a database per test.

url = postgres().database()      # empty
url = postgres().registry()      # with the registry's tables of today

It refuses to run as root, so as root it runs as the system's user `postgres`. Nothing is
synced to the disk: what these tests ask of it is its SQL, not its durability.
"""

import atexit
import ctypes
import getpass
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from functools import cache, cached_property
from pathlib import Path

import psycopg
from psycopg import sql

from device_registry.store.store import RegistryStore
from tests.support.engines import engine
from tests.support.ports import free_port
from tests.support.wait import until_sync

START_TIMEOUT_S = 30
SYSTEM_USER = "postgres"
SETTINGS = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "listen_addresses=127.0.0.1",
    "max_connections=200",
)


PR_SET_PDEATHSIG = 1
"""Of Linux' <sys/prctl.h>."""


class Postgres:
    """One server on a free loopback port."""

    def __init__(self, folder: Path) -> None:
        """Make the cluster in `folder` and start it."""
        self.folder = folder
        self.user = SYSTEM_USER if os.geteuid() == 0 else getpass.getuser()
        self._numbers = itertools.count()
        if os.geteuid() == 0:
            shutil.chown(folder, SYSTEM_USER)
        options = ["-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        self._run("initdb", "-D", str(folder / "data"), *options)
        self.port = free_port()
        self._process = self._start()

    def database(self, template: str = "template0") -> str:
        """Return the url of a new database, a copy of `template`."""
        name = f"t{next(self._numbers)}"
        with self._admin() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
        return self.url(name)

    def registry(self) -> str:
        """Return the url of a new database that has the registry's tables."""
        return self.database(self._registry_template)

    def url(self, database: str) -> str:
        """Return how SQLAlchemy reaches a database."""
        return f"postgresql+psycopg://{self.user}@127.0.0.1:{self.port}/{database}"

    def kill(self) -> None:
        """End it at once, and keep its files."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()

    def start_again(self) -> None:
        """Start it on the same port and files after `kill`."""
        self._process = self._start()

    def stop(self) -> None:
        """End it at once; nothing in it is wanted."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @cached_property
    def _registry_template(self) -> str:
        url = self.database()
        RegistryStore.open(url, now_ms=lambda: 0).close()
        return url.rpartition("/")[2]

    def _admin(self) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=self.user, dbname="postgres", autocommit=True
        )

    def _run(self, program: str, *arguments: str) -> None:
        user = SYSTEM_USER if os.geteuid() == 0 else None
        done = subprocess.run(
            [engine(program), *arguments],
            user=user,
            cwd=self.folder,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()

    def _start(self) -> subprocess.Popen[bytes]:
        settings = [*SETTINGS, f"port={self.port}", f"unix_socket_directories={self.folder}"]
        with (self.folder / "server.log").open("ab") as log:
            process = subprocess.Popen(
                [
                    engine("postgres"),
                    "-D",
                    str(self.folder / "data"),
                    *(word for setting in settings for word in ("-c", setting)),
                ],
                user=SYSTEM_USER if os.geteuid() == 0 else None,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - no thread runs yet
            )
        until_sync(
            lambda: process.poll() is not None or self._answers(), START_TIMEOUT_S, "PostgreSQL"
        )
        assert process.poll() is None, (self.folder / "server.log").read_text()
        return process

    def _answers(self) -> bool:
        try:
            self._admin().close()
        except psycopg.OperationalError:
            return False
        return True


def _end_with_parent() -> None:
    """Have the kernel end this process when the tests are killed, so that no server stays."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


@cache
def postgres() -> Postgres:
    """Return the session's server; skips the test where PostgreSQL is not installed."""
    engine("initdb")
    # Not below pytest's folders: the system's user may not enter those.
    server = Postgres(Path(tempfile.mkdtemp(prefix="coldwarden-pg-")))
    atexit.register(server.stop)
    return server
