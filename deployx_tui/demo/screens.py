"""The screens as the demo shows them, in a process of their own: nothing outlives them, so Q has nothing to ask."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from deployx_tui import config
from deployx_tui.demo.card import DemoCard
from deployx_tui.tui.app import DeployxApp
from deployx_tui.tui.bridge import Connect
from deployx_tui.tui.given_back import given_back

if TYPE_CHECKING:
    from deployx_tui.service.backend import Backend


class DemoApp(DeployxApp):
    """Says what is real, and leaves at once: the engine, the servers and the database go with the demo, whoever else
    is a client of it."""

    def __init__(self, connect: Connect, notice: str) -> None:
        """`notice`: what the fleet says of its hosts."""
        super().__init__(connect, connection="demo")
        self._notice = notice

    async def show_first(self) -> None:
        await self.push_screen(DemoCard(self._notice))

    async def ask_to_leave(self) -> None:
        self.leave_now()


def main() -> int:
    """The exit status of the screens. The one argument is the fleet's notice."""
    settings = config.load()

    async def connect() -> Backend:
        from deployx_tui.service import process  # noqa: PLC0415 - after the first paint

        return await process.open_backend(settings)

    app = DemoApp(connect, sys.argv[1])
    with given_back():
        app.run()
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(main())
