"""Tells when this machine's own network comes up, from the kernel's netlink messages.

`came_up` is pure. Where netlink is not there, nothing is told, and the back-off ends by itself.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

log = logging.getLogger(__name__)

RTM_NEWLINK, RTM_NEWADDR = 16, 20
IFF_LOOPBACK, IFF_RUNNING = 0x8, 0x40
GROUPS = 0x1 | 0x10 | 0x100  # RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR
BUFFER_BYTES = 65536
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_LINK = struct.Struct("=BxHiII")  # family, type, index, flags, change


def came_up(data: bytes) -> bool:
    """Return whether a datagram of NETLINK_ROUTE says that a link or an address came up."""
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, at)
        if length < _HEADER.size:
            return False
        if kind == RTM_NEWADDR:
            return True
        if kind == RTM_NEWLINK and at + _HEADER.size + _LINK.size <= len(data):
            flags = _LINK.unpack_from(data, at + _HEADER.size)[3]
            if flags & IFF_RUNNING and not flags & IFF_LOOPBACK:
                return True
        at += length + 3 & ~3
    return False


@asynccontextmanager
async def own_link_events() -> AsyncIterator[asyncio.Event]:
    """Yield an event that is set whenever this machine's network comes up."""
    event = asyncio.Event()
    try:
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        sock.bind((0, GROUPS))
    except OSError as error:
        log.info("no news of the own network: %s", error)
        yield event
        return
    sock.settimeout(0)
    loop = asyncio.get_running_loop()

    def read() -> None:
        try:
            data = sock.recv(BUFFER_BYTES)
        except OSError:  # an overrun: something changed, whatever it was
            event.set()
            return
        if came_up(data):
            event.set()

    loop.add_reader(sock, read)
    try:
        yield event
    finally:
        loop.remove_reader(sock)
        sock.close()
