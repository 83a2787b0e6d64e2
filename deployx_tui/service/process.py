"""How a face finds its engine: attach to the one that serves the database, or start the private child.

One engine serves a database. Whoever starts one holds the start lock of its socket meanwhile, so of two terminals that
start at once the second finds the first one's engine; and the engine's own lock beside the database has the last word.
Loads neither the engine nor its libraries unless it is asked for in this process.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from deployx_tui import errors
from deployx_tui.config import Settings
from deployx_tui.errors import DatabaseRefused, DeployxError, EngineSilent, EngineUnreachable, InvalidInput, Unavailable
from deployx_tui.service.sockets import is_ours, own_folder
from deployx_tui.store.place import Place

if TYPE_CHECKING:
    from deployx_tui.service.backend import Backend
    from deployx_tui.service.reading import ReadingBackend
    from deployx_tui.service.remote import RemoteBackend

#: the first argument of the private child's command line
ENGINE_CHILD = "--engine-child"

#: a child reads the database, migrates it, takes over what a dead engine left; slower than this, something is wrong
READY_WITHIN = timedelta(seconds=60)
#: an engine that another process reported may be about to listen
LISTENS_WITHIN = timedelta(seconds=10)


def ensure_engine(settings: Settings) -> Path:
    """The socket of the engine that serves `settings.db`; starts the private child when there is none. Blocks.

    Raises InvalidInput (a database for `--serve` only), DatabaseRefused, EngineUnreachable, Unavailable.
    """
    child = _begin(settings)
    return settings.socket_path if child is None else child.socket()


def _begin(settings: Settings) -> _Child | None:
    """The private child, started and not waited for. None: an engine listens already. Raises as `ensure_engine`."""
    _refuse_postgresql(settings)
    path = settings.socket_path
    # a socket in somebody else's folder is nothing to attach to
    own_folder(path.parent)
    return None if is_ours(path) else _Child(settings)


async def attach_or_start(settings: Settings, finding: Finding | None = None) -> RemoteBackend:
    """A Backend on the engine of `settings.db`, or on `settings.connect`; it looks for it again when it goes.

    A face that may call this again gives its one `finding` each time.
    """
    if settings.connect is not None:
        return await (await _remote()).connect(settings.connect)
    if finding is None:
        finding = Finding(settings)
    for is_last in (False, False, True):
        try:
            # while the child comes up, this process gets ready to talk to it
            socket, remote = await asyncio.gather(asyncio.to_thread(finding), _remote())
            backend = await remote.connect(socket, finding)
            try:
                finding.found((await backend.engine.status()).is_service)
            except DeployxError:
                await backend.close()
                raise
        except EngineSilent:
            raise
        except EngineUnreachable:
            if is_last:
                raise
            # it ended in between: idle, with its last client gone
        else:
            return backend
    raise AssertionError("the last try returns or raises")


async def _remote() -> type[RemoteBackend]:
    """Loads httpx, after the first paint and beside it: a third of a second that no screen waits for."""
    module = await asyncio.to_thread(importlib.import_module, "deployx_tui.service.remote")
    backend: type[RemoteBackend] = module.RemoteBackend
    return backend


class Finding:
    """Where one face's engine is, asked again whenever it went away. What it was is remembered: see `is_service`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._path = settings.socket_path
        #: what `begin` started and nobody has waited for yet
        self._begun: _Child | None = None
        #: it ran already: another face started it, or it is a service
        self.is_attached = False
        #: a service comes back by whoever keeps it: a child of ours would hold the database against it
        self.is_service = False
        #: the database that was served when an engine was found first; None: not found yet, or no file
        self._place: Place | None = None

    def found(self, is_service: bool) -> None:
        """An engine answered, and said whether it is a service."""
        self.is_service = is_service
        if self._place is None and self._settings.is_sqlite:
            self._place = Place(Path(self._settings.db.removeprefix("sqlite:///")))

    def begin(self) -> None:
        """Start the engine now where none runs; the first call waits for it. Takes milliseconds.

        For a face that has more to load than this: both load at once. What fails here is said by the first call.
        """
        with suppress(DeployxError, OSError):
            self._begun = _begin(self._settings)

    def __call__(self) -> Path:
        begun, self._begun = self._begun, None
        if begun is None and self.is_service:
            if not is_ours(self._path):
                raise EngineUnreachable(
                    f"its service ended; start it again, or quit and start deployx anew ({self._path})"
                )
            return self._path
        if begun is None and self._place is not None and not is_ours(self._path):
            self._place.check_for_client()
        child = begun or _begin(self._settings)
        self._path = self._settings.socket_path if child is None else child.socket()
        self.is_attached = child is None or child.found_another
        return self._path

    @property
    def connection(self) -> str:
        """local: the engine that this face started; attached: one that was there; else the URL of a far one."""
        return self._settings.connect or ("attached" if self.is_attached else "local")


async def open_backend(
    settings: Settings,
    *,
    engine: bool = True,
    in_process: bool = False,
    finding: Finding | None = None,
    reads: Callable[[ReadingBackend], None] | None = None,
) -> Backend:
    """The Backend of one face, for it to close. `finding` as for `attach_or_start`.

    `engine` False: it only reads, so an engine that runs is asked and none is started; without one the database is
    read in this process, and `reads` is called with the Backend that does it, for a word about what it found.
    `in_process`: the engine runs in this process, and closing the Backend drains it.
    """
    if in_process or (not engine and settings.connect is None and not _runs(settings)):
        _refuse_postgresql(settings)
        if in_process:
            from deployx_tui.service.compose import open_here  # noqa: PLC0415 - loads the engine

            return await open_here(settings)
        from deployx_tui.service.reading import open_reader  # noqa: PLC0415 - loads the store

        reader = await open_reader(settings)
        if reads is not None:
            reads(reader)
        return reader
    return await attach_or_start(settings, finding)


@asynccontextmanager
async def backend_for(
    settings: Settings,
    *,
    engine: bool = True,
    in_process: bool = False,
    reads: Callable[[ReadingBackend], None] | None = None,
) -> AsyncIterator[Backend]:
    """`open_backend`, closed at the end."""
    backend = await open_backend(settings, engine=engine, in_process=in_process, reads=reads)
    try:
        yield backend
    finally:
        await backend.close()


def _runs(settings: Settings) -> bool:
    return settings.is_sqlite and settings.socket_path.parent.is_dir() and is_ours(settings.socket_path)


def _refuse_postgresql(settings: Settings) -> None:
    if not settings.is_sqlite:
        raise InvalidInput.of(
            "db",
            "a PostgreSQL database is served by `deployx --serve` only",
            "attach to that engine: --connect unix:///PATH/OF/ITS/SOCKET",
        )


class _Child:
    """A private child on its way, and what it says when it is ready, or found another engine, or failed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        #: known after `socket`: the engine there was somebody else's, and this one ended
        self.found_another = False
        reading, writing = os.pipe()
        with ExitStack() as opening:
            opening.callback(os.close, writing)
            closing = opening.enter_context(ExitStack())
            self._ready = closing.enter_context(open(reading, "rb", buffering=0))  # noqa: PTH123 - a descriptor
            self._said = closing.enter_context(tempfile.TemporaryFile())
            self._process = subprocess.Popen(
                # -P: never a module of the folder that the terminal happens to be in
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "deployx_tui",
                    ENGINE_CHILD,
                    "--ready-fd",
                    str(writing),
                    *settings.as_flags(),
                ],
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=self._said,
                pass_fds=(writing,),
                start_new_session=True,
            )
            self._closing = closing.pop_all()

    def socket(self) -> Path:
        """Where the engine listens. Blocks until it does; once. Raises as `ensure_engine`."""
        with self._closing:
            report = self._report()
        if "socket" in report:
            self.found_another = "holder" in report
            return _listening(Path(str(report["socket"])))
        raise _error(str(report.get("error", "")), str(report.get("message", "")))

    def _report(self) -> dict[str, object]:
        line = _line(self._ready)
        # it leaves an orphan behind, on purpose: the engine is nobody's child
        self._process.wait()
        if line is None:
            raise EngineUnreachable(
                f"the engine was not ready within {READY_WITHIN.total_seconds():g} s; see {log_file(self._settings)}"
            )
        if not line:
            self._said.seek(0)
            last = self._said.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise EngineUnreachable(f"the engine ended before it was ready ({last or 'without a word'})")
        return cast("dict[str, object]", json.loads(line))


def _line(ready: IO[bytes]) -> bytes | None:
    """One line; b"" at its end without one; None when nothing came in time."""
    deadline = time.monotonic() + READY_WITHIN.total_seconds()
    found = b""
    with selectors.DefaultSelector() as selector:
        selector.register(ready, selectors.EVENT_READ)
        while not found.endswith(b"\n"):
            if not selector.select(max(0.0, deadline - time.monotonic())):
                return None
            piece = ready.read(4096)
            if not piece:
                return b""
            found += piece
    return found


def _listening(path: Path) -> Path:
    """`path`, as soon as an engine of this account listens there."""
    deadline = time.monotonic() + LISTENS_WITHIN.total_seconds()
    while not is_ours(path):
        if time.monotonic() > deadline:
            raise EngineUnreachable(f"the engine that serves the database does not listen at {path}; end it, try again")
        time.sleep(0.05)
    return path


def _error(kind: str, message: str) -> DeployxError:
    known = {each.__name__: each for each in (DatabaseRefused, EngineUnreachable, errors.VersionMismatch)}
    return known.get(kind, Unavailable)(message)


def log_file(settings: Settings) -> Path:
    """Where the private child of a SQLite database logs."""
    database = Path(settings.db.removeprefix("sqlite:///"))
    return database.with_name(database.name + ".log")
