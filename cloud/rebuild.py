"""`rebuild` and `export`: projections made anew from the archive, and what they hold.

Two rebuilds of one archive export the same lines; so does a projection that was kept up while
the records came. What was told to people is not told again. The server must be stopped: the
files are replaced. InfluxDB is written again in place, which leaves every reading as the
archive has it.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from cloud.config import Config
from cloud.core import Core
from cloud.errors import OperatorError
from cloud.opening import open_core
from cloud.projections.latest import LatestProjection
from cloud.projections.runner import Projection, catch_up
from cloud.projections.series import SeriesIndex
from cloud.readside import open_alarms, open_store, open_timeseries

FOLDER = "projections"
SET_ASIDE = "projections.before-rebuild"

Progress = Callable[[str, int, int], None]
"""Called with a projection's name, records done, records in all."""


class Exported(Projection, Protocol):
    """A projection that can say what it holds."""

    def export(self) -> Iterator[str]:
        """Yield its content, canonical, line by line."""
        ...

    def close(self) -> None:
        """Let go of its file."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a projection holds: `sha256` over its exported lines, up to archive `cursor`."""

    name: str
    cursor: int
    lines: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """A projection anew; `before` is None when there was none."""

    after: Content
    before: Content | None

    @property
    def differs(self) -> bool:
        """Return whether the old one, brought as far, held something else."""
        return self.before is not None and self.before != self.after


def rebuild(config: Config, on_progress: Progress) -> list[Rebuilt]:
    """Drop every projection, make it anew, and compare; the old files go when all agree.

    Raises:
        OperatorError: what was set aside by an earlier rebuild is still there.
        LogInUseError: the server is running.
    """
    core = open_core(config)
    try:
        folder, aside = config.state_dir / FOLDER, config.state_dir / SET_ASIDE
        if aside.exists():
            raise OperatorError(f"{aside} is left of an earlier rebuild; look at it, remove it")
        before = {c.name: c for c in _contents(core, folder)} if folder.exists() else {}
        after = _replaced(core, (folder, aside), on_progress)
        rebuilt = [Rebuilt(after=c, before=before.get(c.name)) for c in after]
        if aside.exists() and not any(one.differs for one in rebuilt):
            shutil.rmtree(aside)
        return rebuilt
    finally:
        core.close()


def export(config: Config, name: str) -> Iterator[str]:
    """Yield the lines of one projection, brought up to the archive's end first.

    Raises:
        OperatorError: there is no such projection.
        LogInUseError: the server is running.
    """
    core = open_core(config)
    try:
        with _opened(core, config.state_dir / FOLDER) as projections:
            found = next((p for p in projections if p.name == name), None)
            if found is None:
                known = ", ".join(p.name for p in projections)
                raise OperatorError(f"no projection {name!r}; there are {known}")
            catch_up(found, core.reader)
            yield from found.export()
    finally:
        core.close()


class _opened:  # noqa: N801 - reads as a function of `with`
    """Opens every projection that can be exported, and closes them all."""

    def __init__(self, core: Core, folder: Path) -> None:
        series = SeriesIndex(core.registry)
        store = open_store(core.config.timeseries, folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._projections: Sequence[Exported] = (
            open_timeseries(core, store, series, folder),
            open_alarms(core, series, folder),
            LatestProjection(folder / "latest.db", series),
        )

    def __enter__(self) -> Sequence[Exported]:
        return self._projections

    def __exit__(self, *_: object) -> None:
        for projection in self._projections:
            with closing(projection):
                pass


def _replaced(core: Core, folders: tuple[Path, Path], on_progress: Progress) -> list[Content]:
    """Make the projections anew; a failure leaves the old ones where they were."""
    folder, aside = folders
    if folder.exists():
        folder.rename(aside)
    try:
        return _made_anew(core, folder, on_progress)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        if aside.exists():
            aside.rename(folder)
        raise


def _made_anew(core: Core, folder: Path, on_progress: Progress) -> list[Content]:
    with _opened(core, folder) as projections:
        for projection in projections:
            catch_up(projection, core.reader, partial(on_progress, projection.name))
        return [_content(projection) for projection in projections]


def _contents(core: Core, folder: Path) -> list[Content]:
    """Return what the old projections hold, with what was archived after they stopped."""
    with _opened(core, folder) as projections:
        for projection in projections:
            catch_up(projection, core.reader)
        return [_content(projection) for projection in projections]


def _content(projection: Exported) -> Content:
    digest, lines = hashlib.sha256(), 0
    for line in projection.export():
        digest.update(line.encode() + b"\n")
        lines += 1
    return Content(
        name=projection.name, cursor=projection.cursor, lines=lines, sha256=digest.hexdigest()
    )
