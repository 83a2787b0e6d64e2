"""A transport whose targets behave as a test says: for what real ones do too rarely, and for bugs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event

from deployx_tui.model.device import TestStep
from deployx_tui.model.execution import KillReport, KillVerdict, Stream
from deployx_tui.transports.base import (
    CommandSpec,
    Endpoint,
    Exited,
    Gone,
    Killed,
    Outcome,
    OutputSink,
    Refused,
    RemoteHandle,
    Unknown,
    Unreached,
)

#: what a target does with a command
Behaviour = Callable[[CommandSpec, OutputSink, Event], Outcome | Refused]


def succeed(spec: CommandSpec, sink: OutputSink, cancel: Event) -> Outcome:
    return Exited(0)


def ends(outcome: Outcome) -> Behaviour:
    """It ends so, at once and without a word."""
    return lambda spec, sink, cancel: outcome


def until_cancelled(spec: CommandSpec, sink: OutputSink, cancel: Event) -> Outcome:
    cancel.wait(60)
    return Killed(KillReport(KillVerdict.KILLED))


@dataclass
class Gate:
    """A command that runs until the test lets it go; `entered` counts those that have begun."""

    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    open: Event = field(default_factory=Event)

    def __call__(self, spec: CommandSpec, sink: OutputSink, cancel: Event) -> Outcome:
        self.entered.release()
        while not self.open.wait(0.01):
            if cancel.is_set():
                return Killed(KillReport(KillVerdict.KILLED))
        return Exited(0)


class ScriptedTransport:
    def __init__(self, behaviour: Behaviour = succeed) -> None:
        #: of devices that `by_name` does not name
        self.behaviour = behaviour
        self.by_name: dict[str, Behaviour] = {}
        self.unreached: dict[str, Unreached | Exception] = {}
        self.endpoints: list[Endpoint] = []
        self.specs: list[CommandSpec] = []
        self.released = 0

    def connect(self, endpoint: Endpoint, deadline: timedelta, cancel: Event) -> _Connection | Unreached:
        self.endpoints.append(endpoint)
        found = self.unreached.get(endpoint.name)
        if isinstance(found, Exception):
            raise found
        return found or _Connection(self, endpoint.name)

    def release(self, connection: object) -> None:
        self.released += 1

    def test(self, endpoint: Endpoint, deadline: timedelta) -> Iterator[TestStep]:
        raise NotImplementedError

    def shutdown(self) -> None: ...


@dataclass
class _Connection:
    transport: ScriptedTransport
    name: str
    closed: Event = field(default_factory=Event)

    def start(self, spec: CommandSpec) -> _Process:
        self.transport.specs.append(spec)
        return _Process(spec, self.transport.by_name.get(self.name, self.transport.behaviour))

    def attach(
        self, handle: RemoteHandle, stdout_offset: int, stderr_offset: int, spec: CommandSpec
    ) -> _Process | Refused | Unknown | Gone:
        raise NotImplementedError

    def close(self) -> None:
        self.closed.set()


@dataclass
class _Process:
    spec: CommandSpec
    behaviour: Behaviour

    @property
    def handle(self) -> RemoteHandle:
        return RemoteHandle(self.spec.nonce, 1, "1/1", "boot")

    def acknowledge(self) -> bool:
        return True

    def stream(self, sink: OutputSink, cancel: Event, leave: Event | None = None) -> Outcome:
        return self.behaviour(self.spec, sink, cancel)


def says(*pieces: bytes) -> Behaviour:
    """A command that writes these to stdout and succeeds."""

    def behave(spec: CommandSpec, sink: OutputSink, cancel: Event) -> Outcome:
        for piece in pieces:
            sink(Stream.STDOUT, piece, datetime.now(UTC))
        return Exited(0)

    return behave
