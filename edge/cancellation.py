"""Ending a task although a library swallowed its cancellation.

Python 3.11's `asyncio.wait_for`, which aiomqtt calls on every exchange, returns the result
instead of raising when the cancellation and the result come in the same turn of the loop. The
task then runs on, and whoever waits for its end waits for ever.
"""

import asyncio


def heed_cancellation() -> None:
    """Raise `CancelledError` if this task has been cancelled; call it after such a library."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
