"""This machine, as the engine's own account: the same protocol as over SSH, to a child `sh` in a session of its own."""

from __future__ import annotations

import contextlib
import getpass
import os
import select
import selectors
import signal
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import IO

from deployx_tui.model.device import TestStep, TestStepName
from deployx_tui.model.execution import Cause, Stream
from deployx_tui.model.facts import Facts
from deployx_tui.transports import local_files
from deployx_tui.transports.base import (
    Broke,
    ByteSource,
    CommandSpec,
    Connection,
    Endpoint,
    Exited,
    Gone,
    Process,
    Refused,
    RemoteHandle,
    Sent,
    Signalled,
    TransferProgress,
    Unknown,
    Unreached,
)
from deployx_tui.transports.facts import NoFacts
from deployx_tui.transports.posix import durable, durable_text, wrapper
from deployx_tui.transports.posix import facts as posix_facts
from deployx_tui.transports.posix import process as posix
from deployx_tui.transports.posix.escalate import escalate

#: how long `sh` may take to answer
PATIENCE = timedelta(seconds=20)


class LocalTransport:
    """Runs commands here. There is nothing to pool: a connection is a promise, a run is a child process."""

    def connect(self, endpoint: Endpoint, deadline: timedelta, cancel: Event) -> Connection | Unreached:
        return LocalConnection()

    def release(self, connection: Connection) -> None:
        connection.close()

    def test(self, endpoint: Endpoint, deadline: timedelta) -> Iterator[TestStep]:
        """Only `run`: there is no name, no connection, no key and no login."""
        begun = time.monotonic()
        found = LocalConnection().facts(Event())
        if isinstance(found, NoFacts):
            message, remedy = found.message, found.remedy or "see that sh is in the PATH of the engine"
        else:
            message, remedy = f"sh runs as {getpass.getuser()} on {found.kernel or 'an unknown system'}", ""
        yield TestStep(
            name=TestStepName.RUN,
            ok=isinstance(found, Facts),
            message=message,
            remedy=remedy,
            elapsed_ms=int((time.monotonic() - begun) * 1000),
            facts=found if isinstance(found, Facts) else None,
        )

    def shutdown(self) -> None:
        return


class LocalConnection:
    """Starts children; several at once if wanted."""

    def start(self, spec: CommandSpec) -> Process | Refused | Unknown:
        spec = posix.with_nonce(spec)
        text = durable_text.start_text(spec) if spec.durable else wrapper.start_text(spec)
        if isinstance(text, Refused):
            return text
        patience = PATIENCE.total_seconds()
        child = _child(spec, patience)
        if isinstance(child, Refused):
            return child
        if spec.durable:
            return durable.start(child, spec, text, _side_door, patience)
        begun = posix.start(child, spec, text, patience)
        if isinstance(begun, Refused | Unknown):
            child.close()
            return begun
        return posix.PosixProcess(child, spec, begun, _side_door, patience)

    def facts(self, cancel: Event) -> Facts | NoFacts:
        """See TellsFacts."""
        return posix_facts.gather(self.start, cancel)

    def attach(
        self, handle: RemoteHandle, stdout_offset: int, stderr_offset: int, spec: CommandSpec
    ) -> Process | Refused | Unknown | Gone:
        child = _child(spec, PATIENCE.total_seconds())
        if isinstance(child, Refused):
            return child
        offsets = stdout_offset, stderr_offset
        return durable.attach(child, handle, offsets, spec, _side_door, PATIENCE.total_seconds())

    def put(
        self, source: ByteSource, path: str, offset: int, progress: TransferProgress, cancel: Event
    ) -> Sent | Refused | Broke:
        """See FileMover."""
        return local_files.put(source, path, offset, progress, cancel)

    def get(self, path: str, offset: int, sink: Callable[[bytes], None], cancel: Event) -> Sent | Refused | Broke:
        """See FileMover."""
        return local_files.get(path, offset, sink, cancel)

    def close(self) -> None:
        return


def _child(spec: CommandSpec, patience: float) -> Child | Refused:
    """`sh` as who is wanted."""
    try:
        child = Child(spec.needs_terminal)
    except OSError as error:
        return Refused(Cause.SHELL, f"sh can't be started here: {error}", "see that sh is in the engine's PATH")
    refused = escalate(child, spec.become, patience, terminal=spec.needs_terminal)
    if refused is not None:
        child.close()
        return refused
    return child


def _side_door(terminal: bool) -> Child | None:
    try:
        return Child(terminal)
    except OSError:  # no process can be had: the kill's verdict is unknown
        return None


#: what a child on a terminal starts with: the terminal becomes its session's own, then `sh` reads it as a file, for on
#: its input alone it would prompt, echo and keep a history, as for a person
_ON_TERMINAL = 'exec <"$0" >"$0" 2>&1; exec sh /dev/tty'


class Child:
    """A Carrier: `sh` with three pipes, or on a terminal."""

    def __init__(self, terminal: bool = False) -> None:
        self._terminal = terminal
        self._child, self._pipes = _on_terminal() if terminal else _on_pipes()
        # Popen's file objects; descriptors are used below, closed once here
        self._stdin, *outputs = (pipe.fileno() for pipe in self._pipes)
        stdout, stderr = outputs if len(outputs) == 2 else (*outputs, -1)
        self._input_lock = threading.Lock()
        self._open = dict(zip(outputs, (Stream.STDOUT, Stream.STDERR), strict=False))
        self._selector = selectors.DefaultSelector()
        for descriptor in self._open:
            os.set_blocking(descriptor, False)
            self._selector.register(descriptor, selectors.EVENT_READ)
        self._death = self._watch_death()
        self._next = (stdout, stderr)

    def feed(self, data: bytes) -> None:
        view = memoryview(data)
        # a command that has closed its input, or ended, takes nothing more; how it ended says the rest
        with contextlib.suppress(BrokenPipeError, OSError):
            while view:
                try:
                    view = view[os.write(self._stdin, view) :]
                except BlockingIOError:  # a terminal, whose two directions are one file
                    select.select([], [self._stdin], [])

    def take_back(self) -> bool:
        return False

    def end_input(self) -> None:
        if not self._terminal:  # which has no end
            self._close_input()

    def _close_input(self) -> None:
        with self._input_lock:
            if not self._pipes[0].closed:
                self._pipes[0].close()

    def wait(self, seconds: float) -> None:
        if self._selector.get_map():
            self._selector.select(seconds)
        elif self._child.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(seconds)

    def read(self) -> tuple[Stream, bytes] | None:
        first, second = self._next
        for descriptor in (first, second):
            stream = self._open.get(descriptor)
            if stream is None:
                continue
            try:
                data = os.read(descriptor, 65536)
            except BlockingIOError:
                continue
            except OSError:  # EIO: nobody has the terminal open any more
                data = b""
            if data:
                self._next = (second, first)
                return stream, data
            self._selector.unregister(descriptor)
            del self._open[descriptor]
        return None

    @property
    def ended(self) -> Exited | Signalled | None:
        code = self._child.poll()
        if code is None:
            return None
        if self._death is not None:  # seen; select need not wake for it any more
            self._selector.unregister(self._death)
            os.close(self._death)
            self._death = None
        return Exited(code) if code >= 0 else Signalled(signal.Signals(-code).name.removeprefix("SIG"))

    @property
    def is_over(self) -> bool:
        return not self._open and self.ended is not None

    @property
    def lost(self) -> str | None:
        return None

    @property
    def was_refused(self) -> bool:
        return False

    def close(self) -> None:
        self._close_input()
        for pipe in self._pipes[1:]:
            pipe.close()
        self._selector.close()
        if self._death is not None:
            os.close(self._death)
            self._death = None
        if self._child.poll() is None:
            # it lives on, as it would at the far end of a lost connection; somebody must reap it
            threading.Thread(target=self._child.wait, daemon=True, name="deployx-reap").start()

    def _watch_death(self) -> int | None:
        """A descriptor that is readable when the child has ended; None where the system has none."""
        if not hasattr(os, "pidfd_open"):
            return None
        death = os.pidfd_open(self._child.pid)
        self._selector.register(death, selectors.EVENT_READ)
        return death


def _on_pipes() -> tuple[subprocess.Popen[bytes], list[IO[bytes]]]:
    child = subprocess.Popen(
        ["sh"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,
        cwd=_home(),
    )
    return child, [pipe for pipe in (child.stdin, child.stdout, child.stderr) if pipe is not None]


def _on_terminal() -> tuple[subprocess.Popen[bytes], list[IO[bytes]]]:
    ours, theirs = os.openpty()
    try:
        termios.tcsetwinsize(theirs, (24, 80))
        child = subprocess.Popen(
            ["sh", "-c", _ON_TERMINAL, os.ttyname(theirs)],
            # open from the first moment: a terminal that nobody has open is at its end
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            cwd=_home(),
            env={**os.environ, "TERM": "dumb"},
        )
        return child, [os.fdopen(os.dup(ours), "wb", buffering=0), os.fdopen(ours, "rb", buffering=0)]
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)


def _home() -> Path:
    home = Path.home()
    return home if home.is_dir() else Path("/")
