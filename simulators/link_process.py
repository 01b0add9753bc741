"""A link as a process of its own, told what to do by JSON lines on standard input.

Used through `coldwarden-sim link` by the demo and by tests that kill the other programs. It
prints `{"listening": PORT}` first and one line for each order; it ends when its input ends.
"""

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from typing import TextIO

from simulators.errors import SimulatorError, UsageError
from simulators.link import Link
from simulators.link_command import Command, obey, parse

LINE_LIMIT_BYTES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOptions:
    """Where a link listens, where it leads, and what happens to it by itself."""

    listen: tuple[str, int]
    upstream: tuple[str, int]
    protocol: str = "bytes"
    schedule: tuple[Command, ...] = ()


async def run_link(options: LinkOptions, out: TextIO) -> None:
    """Carry until standard input ends."""
    link = Link(options.upstream, options.protocol)
    port = await link.start(*options.listen)
    _say(out, {"listening": port})
    following = asyncio.create_task(_follow(link, options.schedule), name="link schedule")
    orders = await _standard_input()
    try:
        while line := await orders.readline():
            if line.strip():
                _say(out, await _carry_out(link, line.decode(errors="replace")))
    finally:
        following.cancel()
        await link.close()


async def _carry_out(link: Link, line: str) -> dict[str, object]:
    try:
        order = parse(line)
        await obey(link, order)
    except SimulatorError as exc:
        return {"ok": False, "error": str(exc)}
    return {"ok": True, "did": order.do, "mode": link.mode, "counts": asdict(link.counts)}


async def _follow(link: Link, schedule: tuple[Command, ...]) -> None:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for order in schedule:
        await asyncio.sleep(max(0.0, began_s + order.at_s - loop.time()))
        await obey(link, order)


async def _standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=LINE_LIMIT_BYTES)
    protocol = asyncio.StreamReaderProtocol(reader)
    try:
        await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    except (ValueError, OSError) as exc:
        raise UsageError("standard input must be a pipe or a terminal") from exc
    return reader


def _say(out: TextIO, said: dict[str, object]) -> None:
    out.write(json.dumps(said) + "\n")
    out.flush()
