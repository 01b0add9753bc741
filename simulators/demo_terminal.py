"""What a person sees and presses during the demo, and what happens by itself without one."""

import asyncio
import contextlib
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from simulators.demo_stage import Stage
from simulators.enrolled import PASSWORD, USER
from simulators.link_state import Mode

DOOR_AT, CUT_AT, RESTORE_AT = 0.15, 0.45, 0.70
DOOR_SCENARIO_S = 900.0
MAINS_SCENARIO_S = 1800.0
TICK_S = 0.2
STATUS_EVERY_S = 1.0
KEYS = "keys: c cut the link · r restore it · d open refrigerator 1 · m cut the mains · q end"


@dataclass(slots=True)
class Terminal:
    """Prints a status line and reads single keys; quiet, it does neither."""

    quiet: bool
    keys: list[str] = field(default_factory=list)

    @property
    def interactive(self) -> bool:
        """Return whether somebody can press keys."""
        return not self.quiet and sys.stdin.isatty()

    @contextlib.contextmanager
    def reading_keys(self) -> Iterator[None]:
        """Take single keys from the terminal while inside."""
        if not self.interactive:
            yield
            return
        loop, fd = asyncio.get_running_loop(), sys.stdin.fileno()
        before = termios.tcgetattr(fd)
        tty.setcbreak(fd)
        loop.add_reader(fd, lambda: self.keys.append(sys.stdin.read(1)))
        try:
            yield
        finally:
            loop.remove_reader(fd)
            termios.tcsetattr(fd, termios.TCSADRAIN, before)

    def show(self, line: str) -> None:
        """Replace the status line."""
        if self.quiet:
            return
        if sys.stdout.isatty():
            print(f"\r\033[K{line}", end="", flush=True)
        else:
            print(line, flush=True)

    def tell(self, text: str) -> None:
        """Print a line of its own."""
        if not self.quiet:
            start = "\r\033[K" if sys.stdout.isatty() else ""
            print(f"{start}{text}", flush=True)


async def play(stage: Stage, terminal: Terminal, seconds: float | None) -> None:
    """Run until `seconds` have passed or q is pressed; with no keys, things happen alone."""
    terminal.tell(f"\n  page      {stage.installation.url}/")
    terminal.tell(f"  sign in   {USER}, password {PASSWORD}")
    terminal.tell(f"  folder    {stage.installation.folder}")
    terminal.tell(f"  uplink    {'MQTT, mutual TLS' if stage.mqtt else 'HTTP on loopback'}")
    if terminal.interactive:
        terminal.tell(f"  {KEYS}\n")
    script = [] if terminal.interactive or seconds is None else _script(stage, seconds)
    began_s = time.monotonic()
    shown_s = 0.0
    with terminal.reading_keys():
        while seconds is None or time.monotonic() - began_s < seconds:
            now_s = time.monotonic() - began_s
            while script and script[0][0] <= now_s:
                _, name, act = script.pop(0)
                terminal.tell(f"-- {name}")
                act()
            if not await _press(stage, terminal):
                return
            if now_s - shown_s >= STATUS_EVERY_S and not terminal.quiet:
                shown_s = now_s
                terminal.show(await asyncio.to_thread(_status_line, stage, now_s))
            stage.installation.gateway.check()
            stage.installation.cloud.check()
            await asyncio.sleep(TICK_S)


def _script(stage: Stage, seconds: float) -> list[tuple[float, str, Callable[[], Any]]]:
    cut_s = (RESTORE_AT - CUT_AT) * seconds
    return [
        (
            DOOR_AT * seconds,
            "somebody leaves refrigerator 1 open",
            lambda: stage.site.hold_door("fridge-1", DOOR_SCENARIO_S),
        ),
        (CUT_AT * seconds, f"the link is cut for {cut_s:.0f} s", lambda: stage.cut(cut_s)),
    ]


async def _press(stage: Stage, terminal: Terminal) -> bool:
    """Obey the keys pressed since the last time; False ends the demo."""
    while terminal.keys:
        match terminal.keys.pop(0):
            case "c":
                stage.cut()
                terminal.tell("-- link cut: the gateway goes on recording and alarming")
            case "r":
                await stage.restore()
                terminal.tell("-- link restored")
            case "d":
                stage.site.hold_door("fridge-1", DOOR_SCENARIO_S)
                terminal.tell("-- refrigerator 1 stands open")
            case "m":
                stage.site.cut_mains(MAINS_SCENARIO_S)
                terminal.tell("-- the mains have failed")
            case "q":
                return False
            case _:
                terminal.tell(f"  {KEYS}")
    return True


def _status_line(stage: Stage, now_s: float) -> str:
    ours, theirs = stage.gateway_status(), stage.cloud_status()
    recorder, uplink = ours.get("recorder", {}), ours.get("uplink", {})
    link = "up" if stage.link.mode is Mode.UP else "CUT"
    taken, waiting = recorder.get("readings", 0), uplink.get("waiting", 0)
    return (
        f"{int(now_s) // 60:02d}:{int(now_s) % 60:02d}  link {link:<3}  "
        f"taken {taken:>6}  waiting {waiting:>3} batches  "
        f"archived {theirs.get('readings', 0):>6}  "
        f"alarms {recorder.get('alarms', 0)} here, {theirs.get('alarms', 0)} in the cloud"
    )
