"""A private engine that is idle makes room for a service: it would end by itself a few seconds later."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path

from deployx_tui.errors import EngineUnreachable
from deployx_tui.service.sockets import is_ours

#: an idle engine ends within a second; a loaded machine gets more
_ENDS_WITHIN_SECONDS = 30.0


async def end_if_idle(socket: Path, drain: timedelta) -> bool:
    """Ask the engine at `socket` to end, and wait for that, if it is private and neither works nor has a client.

    False: it has something to do, or is a service; nothing was asked. `drain` is for what comes to it at the last
    moment. Raises as the engine answers, and EngineUnreachable when it does not end.
    """
    from deployx_tui.service.remote import RemoteBackend  # noqa: PLC0415 - loads the HTTP client, seldom wanted here

    backend = await RemoteBackend.connect(socket)
    try:
        status = await backend.engine.status()
        is_busy = status.running_executions or status.queued_executions or status.clients > 1
        if status.is_service or is_busy:
            return False
        await backend.engine.shutdown(drain)
    finally:
        await backend.close()
    deadline = time.monotonic() + _ENDS_WITHIN_SECONDS
    # it takes its socket away last: one that is bound there before that would be taken away with it
    while socket.exists():
        if time.monotonic() > deadline:
            if not await asyncio.to_thread(is_ours, socket):
                break  # it was killed meanwhile
            raise EngineUnreachable(
                f"the idle engine with pid {status.pid} was asked to end and does not: kill {status.pid}"
            )
        await asyncio.sleep(0.05)
    return True
