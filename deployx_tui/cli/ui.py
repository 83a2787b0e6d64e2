"""What `deployx` without a command does: the terminal UI on this database's engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from deployx_tui.cli.invocation import Invocation
from deployx_tui.cli.terminal import require_terminal, without_colors

if TYPE_CHECKING:
    from deployx_tui.config import Settings
    from deployx_tui.service.backend import Backend
    from deployx_tui.tui.app import DeployxApp
    from deployx_tui.tui.welcome import Beginning


def open_ui(call: Invocation) -> int:
    """Show the first screen at once; the engine comes up beside it. The exit status.

    Where there is no database yet, the first screen asks how to begin, and nothing is written before the answer.
    """
    require_terminal("call a command (deployx --help), or run deployx --serve")
    settings = call.settings
    if call.no_color or settings.color == "never":
        without_colors()
    if not _is_first_start(settings):
        return _show(call, None)
    beginning = _welcome(settings)
    if beginning is None:
        return 0
    from deployx_tui.tui.welcome import Beginning

    if beginning is Beginning.DEMO:
        from deployx_tui.cli.demo import show_demo

        return show_demo(call)
    return _show(call, beginning)


def _show(call: Invocation, beginning: Beginning | None) -> int:
    """The program's screens; `beginning` says what was chosen at the first start, None at any other."""
    if call.in_process and call.settings.connect is None:
        return asyncio.run(_show_in_process(call.settings, beginning))
    from deployx_tui.tui.given_back import given_back

    app = _app(*connecting(call.settings), beginning)
    with given_back():
        app.run()
    return app.return_code or 0


async def _show_in_process(settings: Settings, beginning: Beginning | None) -> int:
    """The screens with the engine in this process, which runs before anything is drawn.

    What forbids it (another engine serves the database) is said on the plain terminal. Raises as `open_backend`.
    """
    from deployx_tui.service import process

    opened = [await process.open_backend(settings, in_process=True)]

    async def connect() -> Backend:
        return opened.pop() if opened else await process.open_backend(settings, in_process=True)

    app = _app(connect, lambda: "local", beginning)
    from deployx_tui.tui.given_back import given_back

    try:
        with given_back():
            await app.run_async()
    finally:
        # the screens close what they took
        for left in opened:
            await left.close()
    return app.return_code or 0


def _app(
    connect: Callable[[], Awaitable[Backend]], connection: Callable[[], str], beginning: Beginning | None
) -> DeployxApp:
    if beginning is None:
        from deployx_tui.tui.app import DeployxApp

        return DeployxApp(connect, connection=connection)
    from deployx_tui.tui.welcome import Begun

    return Begun(connect, beginning, connection=connection)


def connecting(settings: Settings) -> tuple[Callable[[], Awaitable[Backend]], Callable[[], str]]:
    """What the screens call for a Backend, and again whenever they lost it; and the word for what it is on.

    The engine's process starts here, before the screens are loaded: it takes longer than they do, on a core of its own.
    """
    from deployx_tui.service import process

    # one for the life of the screens: a service that they were attached to is waited for, never replaced
    finding = process.Finding(settings)
    if settings.connect is None:
        finding.begin()

    async def connect() -> Backend:
        return await process.open_backend(settings, finding=finding)

    return connect, lambda: finding.connection


def _is_first_start(settings: Settings) -> bool:
    """A database of this machine that nobody has made yet."""
    return settings.connect is None and settings.is_sqlite and not _database(settings).exists()


def _database(settings: Settings) -> Path:
    return Path(settings.db.removeprefix("sqlite:///"))


def _welcome(settings: Settings) -> Beginning | None:
    """What a person chooses; None: to leave."""
    from deployx_tui.tui.given_back import given_back
    from deployx_tui.tui.welcome import Welcome

    with given_back():
        return Welcome(str(_database(settings)), _count_hosts()).run()


def _count_hosts() -> int:
    """Hosts of ~/.ssh/config, read as text: the SSH library would take a second before the first screen."""
    from deployx_tui.ssh_hosts import lines_of, named_hosts

    try:
        lines, _ = lines_of(Path.home() / ".ssh" / "config")
        return len(named_hosts(lines))
    except (OSError, ValueError):
        # it is not offered then; taking hosts over from Devices says what is wrong with the file
        return 0
