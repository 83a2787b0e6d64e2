"""Where a contract of transports runs, and what it sees of a run; what is alive is seen by `ps`, not by them."""

from __future__ import annotations

import os
import random
import select
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event

from deployx_tui.model.execution import Stream
from deployx_tui.model.payload import Shell
from deployx_tui.model.secret import Secret
from deployx_tui.transports.base import (
    CommandSpec,
    Endpoint,
    Outcome,
    Transport,
    run,
)

CONNECT = timedelta(seconds=20)
#: a test that hangs for so long has failed
LONG = timedelta(seconds=60)


@dataclass
class Told:
    """What a run gave."""

    outcome: Outcome
    stdout: bytes
    stderr: bytes


@dataclass
class Recorder:
    """A sink that keeps everything, and sets `seen` when `wanted` has come on standard output."""

    wanted: bytes | None = None
    seen: Event = field(default_factory=Event)
    pieces: dict[Stream, bytearray] = field(
        default_factory=lambda: {Stream.STDOUT: bytearray(), Stream.STDERR: bytearray()}
    )
    arrivals: list[datetime] = field(default_factory=list)

    def __call__(self, stream: Stream, data: bytes, at: datetime) -> None:
        assert data, "an empty piece was delivered"
        self.pieces[stream] += data
        self.arrivals.append(at)
        if self.wanted is not None and self.wanted in self.pieces[Stream.STDOUT]:
            self.seen.set()


@dataclass
class Site:
    """A transport and where it leads."""

    transport: Transport
    endpoint: Endpoint

    def run(
        self,
        script: str,
        *,
        cancel_at: bytes | None = None,
        cancel: Event | None = None,
        shell: Shell = Shell.SH,
        environment: Mapping[str, str] | None = None,
        parameters: Mapping[str, str | Secret] | None = None,
        working_directory: str | None = None,
        stdin: bytes | None = None,
        timeout: timedelta | None = None,
        grace: timedelta = timedelta(seconds=5),
    ) -> Told:
        """Run to the end; with `cancel_at`, cancelled when that has come on standard output."""
        sink = Recorder(cancel_at)
        spec = CommandSpec(
            script=script,
            shell=shell,
            environment=environment or {},
            parameters=parameters or {},
            working_directory=working_directory,
            stdin=stdin,
            timeout=timeout,
            grace=grace,
        )
        stop = cancel or (sink.seen if cancel_at is not None else Event())
        outcome = run(self.transport, self.endpoint, spec, sink, stop, CONNECT)
        return Told(outcome, bytes(sink.pieces[Stream.STDOUT]), bytes(sink.pieces[Stream.STDERR]))


def nap() -> str:
    """A number of seconds that no other process sleeps for."""
    return f"{random.randint(3000, 9000)}.{random.randint(10**8, 10**9)}"


def alive(argument: str) -> list[int]:
    """Processes with this word in their arguments, zombies left out, as `ps` sees them."""
    rows = subprocess.run(["ps", "-A", "-o", "pid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    found = []
    for row in rows.splitlines():
        pid, state, arguments = row.split(None, 2)
        if argument in arguments.split() and not state.startswith("Z"):
            found.append(int(pid))
    return found


def await_end(pid: int, seconds: float = 60) -> None:
    """Return when a process has ended; a test that waits longer fails."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([descriptor], [], [], seconds)[0], f"process {pid} still lives"
    finally:
        os.close(descriptor)
