"""Durable runs at a site, below a folder of the test; what is alive is seen by `ps`."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event

from deployx_tui.model.execution import Stream
from deployx_tui.model.payload import Shell
from deployx_tui.transports.base import (
    CommandSpec,
    Connection,
    Exited,
    Gone,
    OutputLimit,
    Rebooted,
    Refused,
    RemoteHandle,
    Signalled,
    Unknown,
    Unreached,
)
from tests.contract.transport.site import CONNECT, Recorder, Site, Told

#: breaks the present connection in the middle, as a test of its transport can; new ones are possible
Lose = Callable[["Spool"], None]

#: writes 40,000 numbered lines to each stream, with pauses, so that a follower has to come more than once
CHATTER = (
    'i=0; while [ $i -lt 40 ]; do seq -f "$i line %g" 1000; seq -f "$i error %g" 1000 >&2; '
    "i=$((i+1)); sleep 0.05; done; exit 7"
)


def chatter() -> tuple[bytes, bytes]:
    out = "".join(f"{i} line {n}\n" for i in range(40) for n in range(1, 1001))
    return out.encode(), out.replace("line", "error").encode()


@dataclass(frozen=True)
class Spool:
    """Of one run, as it lies on the target (which is this machine)."""

    base: Path
    nonce: str

    @property
    def path(self) -> Path:
        return self.base / f"dx-{self.nonce}"

    @property
    def exists(self) -> bool:
        return self.path.exists()

    def _pids(self, line: int) -> list[str]:
        lines = (self.path / "meta").read_text().splitlines()
        return lines[line].split() if line < len(lines) else []

    @property
    def supervisor(self) -> int:
        return int(self._pids(0)[0])

    @property
    def follower(self) -> int:
        return int(self._pids(1)[0])


class When(Recorder):
    """Acts once, when the wanted text has come on standard output."""

    def __init__(self, wanted: bytes, action: Callable[[], None]) -> None:
        super().__init__(wanted)
        self._action = action

    def __call__(self, stream: Stream, data: bytes, at: datetime) -> None:
        was_seen = self.seen.is_set()
        super().__call__(stream, data, at)
        if self.seen.is_set() and not was_seen:
            self._action()


@dataclass
class Durable:
    """Durable runs at a site, with a base of their own."""

    site: Site
    base: Path

    def spec(
        self,
        script: str,
        *,
        nonce: str | None = None,
        bases: tuple[Path, ...] | None = None,
        stdin: bytes | None = None,
        shell: Shell = Shell.SH,
        environment: dict[str, str] | None = None,
        working_directory: str | None = None,
        timeout: timedelta | None = None,
        grace: timedelta = timedelta(seconds=5),
        limit: int = 1 << 30,
    ) -> CommandSpec:
        return CommandSpec(
            script=script,
            shell=shell,
            stdin=stdin,
            environment=environment or {},
            working_directory=working_directory,
            timeout=timeout,
            grace=grace,
            nonce=nonce or secrets.token_hex(16),
            durable=True,
            spool_bases=tuple(str(base) for base in bases or (self.base,)),
            spool_limit=limit,
        )

    @contextlib.contextmanager
    def connected(self) -> Iterator[Connection]:
        connection = self.site.transport.connect(self.site.endpoint, CONNECT, Event())
        assert not isinstance(connection, Unreached), connection
        try:
            yield connection
        finally:
            self.site.transport.release(connection)

    def run(self, spec: CommandSpec, sink: Recorder | None = None, *, cancel: Event | None = None) -> Told:
        """To the end, acknowledged."""
        sink = sink or Recorder()
        with self.connected() as connection:
            process = connection.start(spec)
            if isinstance(process, Refused | Unknown):
                return Told(process, b"", b"")
            outcome = process.stream(sink, cancel or Event())
            if isinstance(outcome, Exited | Signalled | OutputLimit | Rebooted):
                assert process.acknowledge()
                assert not self.spool(spec).exists
            else:
                process.acknowledge()
        return Told(outcome, bytes(sink.pieces[Stream.STDOUT]), bytes(sink.pieces[Stream.STDERR]))

    def begin(self, spec: CommandSpec, *, until: bytes = b"") -> Told:
        """Start it, and let go of it when that has come."""
        leave = Event()
        sink = When(until, leave.set)
        if not until:
            leave.set()
        with self.connected() as connection:
            process = connection.start(spec)
            assert not isinstance(process, Refused | Unknown), process
            outcome = process.stream(sink, Event(), leave)
        return Told(outcome, bytes(sink.pieces[Stream.STDOUT]), bytes(sink.pieces[Stream.STDERR]))

    def attach(
        self,
        spec: CommandSpec,
        stdout: int = 0,
        stderr: int = 0,
        *,
        acknowledges: bool = True,
        cancel: Event | None = None,
    ) -> Told | Gone:
        sink = Recorder()
        handle = RemoteHandle.of_durable(spec.nonce, spec.spool_bases)
        with self.connected() as connection:
            process = connection.attach(handle, stdout, stderr, spec)
            if isinstance(process, Gone):
                return process
            assert not isinstance(process, Refused | Unknown), process
            outcome = process.stream(sink, cancel or Event())
            if acknowledges:
                assert process.acknowledge()
        return Told(outcome, bytes(sink.pieces[Stream.STDOUT]), bytes(sink.pieces[Stream.STDERR]))

    def spool(self, spec: CommandSpec) -> Spool:
        return Spool(Path(spec.spool_bases[0]), spec.nonce)


def digest(told: Told) -> tuple[str, str]:
    return hashlib.sha256(told.stdout).hexdigest(), hashlib.sha256(told.stderr).hexdigest()


CHATTER_DIGEST = tuple(hashlib.sha256(stream).hexdigest() for stream in chatter())


def lost_by_its_follower(spool: Spool) -> None:
    """Whatever carries the bytes: without the follower the channel ends."""
    os.kill(spool.follower, signal.SIGKILL)
