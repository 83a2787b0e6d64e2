"""`deployx doctor`: checks this machine, says what is wrong and what to do, and mends modes when asked."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deployx_tui.cli import printing
from deployx_tui.cli.doctor_check import BAD, GOOD, UNKNOWN, WARNING, Check
from deployx_tui.cli.doctor_modes import modes
from deployx_tui.cli.doctor_outputs import outputs
from deployx_tui.cli.invocation import Command, invocation
from deployx_tui.errors import DatabaseMoved, DeployxError
from deployx_tui.model.words import counted

if TYPE_CHECKING:
    from deployx_tui.config import Settings
    from deployx_tui.model.engine import EngineStatus

_MARKS = {GOOD: "✓", UNKNOWN: "·", WARNING: "!", BAD: "✗"}

#: a run on many hosts holds one descriptor each
ENOUGH_DESCRIPTORS = 2048


@click.command(cls=Command, example="deployx doctor")
@click.option("--fix", is_flag=True, help="Take the rights of others away from deployx's own folders and files.")
def doctor(fix: bool) -> int:
    """Check configuration, permissions, keys, clock, database, output and terminal.

    Exit status 1 when something is bad.
    """
    call = invocation()
    settings = call.settings
    looks: list[Callable[[], Iterator[Check]]] = [
        lambda: _configuration(settings, call.config),
        lambda: modes(settings, fix=fix),
        _keys,
        _clock,
        lambda: _database(settings),
        lambda: outputs(settings),
        lambda: _vault(settings),
        lambda: _engine(settings),
        lambda: _machine(settings),
    ]
    found = [check for look in looks for check in look()]
    if call.json:
        printing.put_json(
            [
                {"check": one.name, "verdict": one.verdict, "message": one.message, "remedy": one.remedy or None}
                for one in found
            ]
        )
    else:
        width = max(len(one.name) for one in found)
        for one in found:
            printing.put_line(f"{_MARKS[one.verdict]} {one.verdict:<7} {one.name:<{width}}  {one.message}")
            if one.remedy:
                printing.put_line(f"  {'':<7} {'':<{width}}  -> {one.remedy}")
    return 1 if any(one.verdict == BAD for one in found) else 0


def _configuration(settings: Settings, named: Path | None) -> Iterator[Check]:
    from deployx_tui.config.sources import file_of

    file = file_of(named)
    typed = [one.name for one in settings.shown() if one.origin != "default"]
    where = str(file) if file.exists() else f"no file at {file}"
    yield Check(
        name="settings", verdict=GOOD, message=f"{where}; not default: {', '.join(typed) if typed else 'nothing'}"
    )


def _vault(settings: Settings) -> Iterator[Check]:
    """Whether secrets can be read; opened for reading only."""
    path = Path(settings.db.removeprefix("sqlite:///"))
    if not settings.is_sqlite or not path.exists():
        return
    from deployx_tui.service.reading import vault_status
    from deployx_tui.store.migrations import HEAD

    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            if connection.execute("SELECT version_num FROM alembic_version").fetchone() != (HEAD,):
                return  # of another version: to look is not to upgrade
    except sqlite3.Error:
        return  # the look at its content says what is wrong with it
    try:
        found = vault_status(settings)
    except DeployxError as error:
        yield Check(name="vault", verdict=UNKNOWN, message=str(error))
        return
    match found.state.value:
        case "empty":
            yield Check(name="vault", verdict=GOOD, message="empty; its key is made with the first secret")
        case "open" if not found.message:
            yield Check(
                name="vault",
                verdict=GOOD,
                message=f"{counted(found.secrets, 'secret')}, {found.source}; keep a copy of that elsewhere",
            )
        case "open":
            yield Check(name="vault", verdict=WARNING, message=found.source, remedy=found.message)
        case "locked" if settings.vault_key == "passphrase":
            message = "opened by a passphrase, which this look does not have"
            yield Check(name="vault", verdict=UNKNOWN, message=message, remedy="deployx vault status asks the engine")
        case _:
            yield Check(name="vault", verdict=BAD, message=found.message, remedy="deployx vault status says more")


def _keys() -> Iterator[Check]:
    """Private keys that others can read are refused by servers' owners and by ssh itself."""
    folder = Path.home() / ".ssh"
    keys = sorted(path for path in folder.glob("id_*") if path.suffix != ".pub") if folder.is_dir() else []
    for key in keys:
        mode = stat.S_IMODE(key.stat().st_mode)
        if mode & 0o077:
            yield Check(
                name="key", verdict=BAD, message=f"{key} is {mode:04o}: others may read it", remedy=f"chmod 600 {key}"
            )
    agent = os.environ.get("SSH_AUTH_SOCK")
    if agent and not Path(agent).exists():
        yield Check(
            name="agent",
            verdict=WARNING,
            message=f"SSH_AUTH_SOCK names {agent}, which is gone",
            remedy="start an agent",
        )
    offers = [f"{counted(len(keys), 'key')} in ~/.ssh"]
    offers.append("an agent" if agent and Path(agent).exists() else "no agent")
    if keys or (agent and Path(agent).exists()):
        yield Check(name="keys", verdict=GOOD, message=", ".join(offers))
    else:
        yield Check(
            name="keys",
            verdict=WARNING,
            message=", ".join(offers),
            remedy="ssh-keygen -t ed25519 makes one; or name one per device: deployx device edit NAME --key FILE",
        )


def _clock() -> Iterator[Check]:
    """A clock that is off fires at the wrong time."""
    program = shutil.which("timedatectl")
    if program is None:
        yield Check(name="clock", verdict=UNKNOWN, message="no timedatectl here says whether it is synchronised")
        return
    asked = subprocess.run(
        [program, "show", "-p", "NTPSynchronized", "--value"], capture_output=True, text=True, check=False, timeout=10
    )
    match asked.stdout.strip():
        case "yes":
            yield Check(name="clock", verdict=GOOD, message="synchronised")
        case "no":
            yield Check(
                name="clock",
                verdict=WARNING,
                message="not synchronised with a time server",
                remedy="timedatectl set-ntp true",
            )
        case _:
            yield Check(name="clock", verdict=UNKNOWN, message="nobody on this machine says whether it is synchronised")


def _database(settings: Settings) -> Iterator[Check]:
    """Opened for reading only; an engine that runs is not disturbed."""
    if not settings.is_sqlite:
        yield Check(name="database", verdict=GOOD, message="PostgreSQL; --serve opens it")
        return
    path = Path(settings.db.removeprefix("sqlite:///"))
    if not path.exists():
        return
    from deployx_tui.store import files
    from deployx_tui.store.migrations.upgrade import refuse_strangers

    try:
        files.check_place(path)
        # a read of SQLite's own puts files beside a database; one that is refused is left as it is
        refuse_strangers(path)
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)
        try:
            answer = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            tasks = connection.execute("SELECT count(*) FROM scheduled_tasks WHERE deleted_at IS NULL").fetchone()[0]
            runs = connection.execute("SELECT count(*) FROM scheduled_task_executions").fetchone()[0]
        finally:
            connection.close()
    except (DeployxError, sqlite3.Error) as error:
        yield Check(name="content", verdict=BAD, message=f"{path}: {error}", remedy="restore it from a backup")
        return
    if answer != "ok":
        yield Check(name="content", verdict=BAD, message=f"{path}: {answer}", remedy="restore it from a backup")
        return
    size = path.stat().st_size
    yield Check(
        name="content",
        verdict=GOOD,
        message=f"sound; {counted(tasks, 'task')}, {counted(runs, 'run')}, {size / 1e6:.1f} MB",
    )


def _engine(settings: Settings) -> Iterator[Check]:
    """Which process serves the database: a background service stays until somebody ends it."""
    from deployx_tui.service.sockets import is_ours

    if settings.connect is not None:
        yield from _asked(settings.connect)
        return
    path = Path(settings.db.removeprefix("sqlite:///"))
    if not settings.is_sqlite:
        return
    if is_ours(settings.socket_path):
        # the file may be another one than that which it has open, so it is asked and the file is not
        yield from _asked(settings.socket_path)
        return
    if not path.exists():
        return
    from deployx_tui.engine import liveness
    from deployx_tui.model.ids import EngineId
    from deployx_tui.store.engines import EngineRow
    from deployx_tui.store.migrations.upgrade import refuse_strangers

    try:
        refuse_strangers(path)
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            found = connection.execute(
                "SELECT e.id, boot_id, host, pid, process_start, started_at, h.socket"
                " FROM holder h JOIN engines e ON e.id = h.engine_id"
            ).fetchone()
    except (sqlite3.Error, DeployxError):
        return  # the look at its content says what is wrong with it
    if found is None:
        yield Check(name="engine", verdict=GOOD, message="none runs; tasks fire while one does")
        return
    identity, boot, host, pid, process_start, started_at, socket = found
    row = EngineRow(
        id=EngineId(identity), boot_id=boot, host=host, pid=pid, process_start=process_start, started_at_ms=started_at
    )
    if liveness.is_alive(row) is False:
        yield Check(name="engine", verdict=GOOD, message=f"none runs; the last one, pid {pid}, was killed")
    elif socket:
        yield from _asked(Path(socket))
    else:
        since = printing.instant(datetime.fromtimestamp(started_at / 1000, UTC))
        yield Check(name="engine", verdict=GOOD, message=f"pid {pid} since {since}, inside the screens of {path}")


def _asked(socket: Path | str) -> Iterator[Check]:
    """What an engine says of itself."""
    from deployx_tui.service.remote import RemoteBackend

    async def ask() -> EngineStatus:
        backend = await RemoteBackend.connect(socket)
        try:
            return await backend.engine.status()
        finally:
            await backend.close()

    try:
        status = asyncio.run(ask())
    except DatabaseMoved as error:
        message, _, remedy = str(error).partition("; ")
        yield Check(name="engine", verdict=BAD, message=message, remedy=remedy)
        return
    except DeployxError as error:
        yield Check(name="engine", verdict=WARNING, message=f"{socket}: {error}", remedy="end it and start deployx")
        return
    kind = "a service" if status.is_service else "private, ends when idle"
    since = printing.instant(status.started_at)
    what = f"pid {status.pid} on {status.host} since {since}, {kind}, serves {status.database}"
    yield Check(
        name="engine",
        verdict=GOOD,
        message=f"{what}{ending_words(status)}",
    )


def ending_words(status: EngineStatus) -> str:
    """How an engine ends, behind what it is: by itself and soon, by a signal, or with its last client."""
    if status.is_stopping:
        return f"; it drains and then ends; kill {status.pid} cancels what it waits for"
    return f"; kill {status.pid} drains and ends it" if status.is_service else ""


def _machine(settings: Settings) -> Iterator[Check]:
    """Room for descriptors and data, the zone, and what the screens need."""
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < ENOUGH_DESCRIPTORS:
        yield Check(
            name="descriptors",
            verdict=WARNING,
            message=f"at most {most}: so many hosts at once and no more",
            remedy="raise the hard limit of open files (ulimit -Hn)",
        )
    else:
        yield Check(
            name="descriptors",
            verdict=GOOD,
            message="no limit" if most == resource.RLIM_INFINITY else f"up to {most}",
        )
    yield Check(name="zone", verdict=GOOD, message=f"{settings.timezone} ({settings.origins['timezone']})")
    if sys.stdout.isatty():
        encoding = (sys.stdout.encoding or "").lower().replace("-", "")
        if encoding != "utf8":
            yield Check(
                name="terminal",
                verdict=WARNING,
                message=f"speaks {sys.stdout.encoding}, so glyphs may show wrong",
                remedy="set LC_ALL=C.UTF-8",
            )
        else:
            yield Check(name="terminal", verdict=GOOD, message=f"{os.environ.get('TERM', '?')}, UTF-8")
