"""What `deployx` without a command does: the terminal UI on this database's engine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from deployx_tui.cli.invocation import Invocation
from deployx_tui.errors import InvalidInput

if TYPE_CHECKING:
    from deployx_tui.service.backend import Backend


def open_ui(call: Invocation) -> int:
    """Show the first screen at once; the engine is found or started behind it. The exit status."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InvalidInput.of(
            "terminal", "the screens need a terminal", "call a command (deployx --help), or run deployx --serve"
        )
    settings = call.settings
    from deployx_tui.tui.app import DeployxApp

    async def connect() -> Backend:
        from deployx_tui.service import process

        return await process.open_backend(settings, in_process=call.in_process)

    app = DeployxApp(connect)
    app.run()
    return app.return_code or 0
