"""The screens as the demo shows them, in a process of their own. Nothing outlives them: Q says so where work runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from deployx_tui import config
from deployx_tui.demo.card import DemoCard
from deployx_tui.tui.app import DeployxApp
from deployx_tui.tui.bridge import Connect
from deployx_tui.tui.given_back import given_back
from deployx_tui.tui.render.line import line
from deployx_tui.tui.screens.dialogs import Choice, Question

if TYPE_CHECKING:
    from deployx_tui.service.backend import Backend


class DemoApp(DeployxApp):
    """Says what is real, and leaves nothing: the engine, the servers and the database go with the demo, whoever else
    is a client of it."""

    def __init__(self, connect: Connect, notice: str) -> None:
        """`notice`: what the fleet says of its hosts."""
        super().__init__(connect, connection="demo")
        self._notice = notice

    async def show_first(self) -> None:
        await self.push_screen(DemoCard(self._notice))

    async def ask_to_leave(self) -> None:
        if running := len(self.bridge.running):
            agreed = await self.push_screen_wait(_question(running))
            if not agreed:
                return
        self.leave_now()


def _question(running: int) -> Question[bool]:
    one = "1 run of the demo is going on; it ends with it."
    said = one if running == 1 else f"{running} runs of the demo are going on; they end with it."
    choices = (Choice(True, "end the demo", "its runs, its servers and its folder go"),)
    return Question("Quit the demo", (line(said),), choices, cancel="stay here", again="Q")


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
