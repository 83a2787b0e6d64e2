"""`deployx --serve`: the engine in the foreground, for a service manager or a person."""

from __future__ import annotations

import asyncio
import logging
import resource

from deployx_tui.api.host import Host
from deployx_tui.api.logs import log_to_stderr
from deployx_tui.config import Settings
from deployx_tui.errors import InvalidInput

log = logging.getLogger(__name__)


def serve(settings: Settings, *, second: bool = False) -> int:
    """Serve until SIGTERM, SIGINT or SIGHUP; blocks. The exit status.

    The first signal drains (the `drain` setting), then cancels what still runs; a second one cancels at once. Logs go
    to standard error. `second` bypasses the holder, for crash tests, and needs a `socket` of its own.

    Raises Held (another engine serves the database; names it), DatabaseRefused, Unavailable.
    """
    if second and settings.socket is None:
        raise InvalidInput.of("socket", "a second engine needs one of its own", "give --socket PATH")
    log_to_stderr(settings.log_level)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return asyncio.run(Host(settings, is_service=True, second=second).run(lambda _: None))
