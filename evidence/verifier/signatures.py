"""Verifies signatures in threads beside the reading, and tells of failures in reading order."""

import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, Self

from evidence.cose import Sign1, to_be_signed
from evidence.keys import PublicKey
from evidence.verifier.report import Check, Place

CHUNK = 64  # batches a task: the hand-over costs less than one signature
MAX_TASKS = 16  # waiting at once, so that memory stays bounded


class _Item(NamedTuple):
    """A signature to verify, or (without one) an offence that was found already."""

    place: Place
    key: PublicKey | None = None
    envelope: Sign1 | None = None
    message: str = "the signature does not verify"


class SignatureQueue:
    """Both libraries let go of the interpreter's lock while they verify."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._pool = ThreadPoolExecutor(max_workers=os.cpu_count() or 1)
        self._chunk: list[_Item] = []
        self._tasks: deque[Future[list[_Item]]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.finish()
        self._pool.shutdown()

    def verify(self, key: PublicKey, envelope: Sign1, place: Place) -> None:
        """Fail the check if the envelope is not signed by `key`, now or later."""
        self._add(_Item(place, key, envelope))

    def offence(self, message: str, place: Place) -> None:
        """Fail the check, in its turn."""
        self._add(_Item(place, message=message))

    def finish(self) -> None:
        """Wait until everything is verified."""
        self._submit()
        while self._tasks:
            self._collect()

    def _add(self, item: _Item) -> None:
        self._check.examined += 1
        self._chunk.append(item)
        if len(self._chunk) >= CHUNK:
            self._submit()
            while len(self._tasks) > MAX_TASKS:
                self._collect()

    def _submit(self) -> None:
        if self._chunk:
            self._tasks.append(self._pool.submit(_offences, self._chunk))
            self._chunk = []

    def _collect(self) -> None:
        for item in self._tasks.popleft().result():
            self._check.fail(item.message, item.place)


def _offences(items: Sequence[_Item]) -> list[_Item]:
    return [item for item in items if not _verifies(item)]


def _verifies(item: _Item) -> bool:
    if item.key is None or item.envelope is None:
        return False
    signed = to_be_signed(item.envelope.protected, item.envelope.payload)
    return item.key.verify(signed, item.envelope.signature)
