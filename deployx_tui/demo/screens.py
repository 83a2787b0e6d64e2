"""The screens as the demo shows them, in a process of their own: nothing outlives them, so Q has nothing to ask."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from deployx_tui import config
from deployx_tui.tui.app import DeployxApp

if TYPE_CHECKING:
    from deployx_tui.service.backend import Backend


class DemoApp(DeployxApp):
    """Leaves at once: the engine, the servers and the database go with the demo, whoever else is a client of it."""

    async def ask_to_leave(self) -> None:
        self.leave_now()


def main() -> int:
    """The exit status of the screens."""
    settings = config.load()

    async def connect() -> Backend:
        from deployx_tui.service import process  # noqa: PLC0415 - after the first paint

        return await process.open_backend(settings)

    app = DemoApp(connect, connection="demo")
    app.run()
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(main())
