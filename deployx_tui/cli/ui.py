"""What `deployx` without a command does: the terminal UI on this database's engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from deployx_tui.cli.invocation import Invocation
from deployx_tui.cli.terminal import require_terminal, without_colors

if TYPE_CHECKING:
    from deployx_tui.config import Settings
    from deployx_tui.service.backend import Backend
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
    connect = connecting(call.settings, in_process=call.in_process)
    if beginning is None:
        from deployx_tui.tui.app import DeployxApp

        app = DeployxApp(connect)
    else:
        from deployx_tui.tui.welcome import Begun

        app = Begun(connect, beginning)
    from deployx_tui.tui.given_back import given_back

    with given_back():
        app.run()
    return app.return_code or 0


def connecting(settings: Settings, *, in_process: bool = False) -> Callable[[], Awaitable[Backend]]:
    """What the screens call for a Backend, and again whenever they lost it.

    The engine's process starts here, before the screens are loaded: it takes longer than they do, on a core of its own.
    """
    from deployx_tui.service import process

    # one for the life of the screens: a service that they were attached to is waited for, never replaced
    finding = process.Finding(settings)
    if settings.connect is None and not in_process:
        finding.begin()

    async def connect() -> Backend:
        return await process.open_backend(settings, in_process=in_process, finding=finding)

    return connect


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
