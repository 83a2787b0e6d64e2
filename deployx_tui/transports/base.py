"""The port to a target. Each transport implements it; runners and the engine know nothing else.

A target's failure is a value: no library exception leaves this floor. `tests/contract/transport.py` is the
contract, run over every transport.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from typing import Protocol

from deployx_tui.model.device import HostKeyPolicy, OfferedKey, TestStep, TransportKind
from deployx_tui.model.execution import Cause, KillReport, Stream
from deployx_tui.model.ids import CredentialId, DeviceId
from deployx_tui.model.payload import Shell
from deployx_tui.model.secret import CredentialKind, Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A credential of the vault to log in with; nothing else is tried. Two are equal by id and version."""

    credential_id: CredentialId
    secret_version: int
    #: the credential's, for messages
    name: str
    kind: CredentialKind
    #: the account that it opens; None: the endpoint's own user
    user: str | None
    secret: Secret = field(compare=False)
    #: of an encrypted key; None: it is not
    passphrase: Secret | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where and as whom to connect. Made from a Device by the engine; the pool's key is part of it."""

    device_id: DeviceId
    name: str
    address: str
    port: int | None
    user: str | None
    transport: TransportKind
    key_file: str | None
    #: the effective policy: of the device, else the strictest of its groups
    host_key_policy: HostKeyPolicy
    #: None: what ~/.ssh/config, the key file and the agent offer
    login: Login | None = None
    #: the jump hosts of the device's row, outermost first; (): what ~/.ssh/config says
    jumps: tuple[Endpoint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSpec:
    """One command on a target. Names the interpreter; never a ready shell string."""

    script: str
    shell: Shell = Shell.SH
    environment: Mapping[str, str] = field(default_factory=dict)
    #: values by name, exported like the environment
    parameters: Mapping[str, str | Secret] = field(default_factory=dict)
    working_directory: str | None = None
    #: None: /dev/null
    stdin: bytes | None = None
    #: the command may run so long (client cancels at T, the watch on the target kills at T + 10 s); None: no end
    timeout: timedelta | None = None
    #: between TERM and KILL
    grace: timedelta = timedelta(seconds=5)
    #: 128 bits in hex, chosen by the engine and stored before the first byte is sent
    nonce: str = ""


# What is known after a command, an attempt to connect or a cancel.


@dataclass(frozen=True, slots=True)
class Exited:
    """The command ended by itself with this exit code."""

    code: int
    #: it left processes behind that kept the output open; they were not touched
    background: bool = False


@dataclass(frozen=True, slots=True)
class Signalled:
    """A signal ended it; the name without SIG, such as TERM."""

    signal: str


@dataclass(frozen=True, slots=True)
class Unreached:
    """No connection: nothing was sent, nothing has run."""

    cause: Cause
    message: str
    #: what an administrator can do about it
    remedy: str = ""
    #: with Cause.HOST_KEY: the key that was shown
    offered_key: OfferedKey | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Connected, but the command was not started (unsupported shell, no session, bad interpreter): nothing has run."""

    cause: Cause
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The run deadline passed; `kill` says what became of the processes."""

    kill: KillReport


@dataclass(frozen=True, slots=True)
class Killed:
    """It was cancelled; `kill` says what became of the processes."""

    kill: KillReport


@dataclass(frozen=True, slots=True)
class Unknown:
    """The command went out and no answer came back: it may have run. Nothing repeats it by itself."""

    cause: Cause
    message: str
    last_heard: datetime


Outcome = Exited | Signalled | Unreached | Refused | TimedOut | Killed | Unknown

#: called in the reading thread with (stream, bytes, arrival aware UTC); it may block, which slows the target
OutputSink = Callable[[Stream, bytes, datetime], None]


@dataclass(frozen=True, slots=True)
class RemoteHandle:
    """What finds a running command again. Serialisable; stored before the first byte of output."""

    nonce: str
    pid: int
    #: "<start time>/<session id>" as REMOTE.md defines it
    start: str
    boot_id: str


class Process(Protocol):
    """A command that was started on a target."""

    @property
    def handle(self) -> RemoteHandle: ...

    def stream(self, sink: OutputSink, cancel: Event) -> Outcome:
        """Deliver output as it comes until the end, and return what is known.

        When `cancel` is set or the deadline passes, kills the process tree, verifies its death, returns
        `Killed` or `TimedOut`. Output that came before is always delivered first.
        """
        ...


class Connection(Protocol):
    """An authenticated connection to one device; several processes may run over it at once."""

    def start(self, spec: CommandSpec) -> Process | Refused | Unknown:
        """Start a command. After `Refused` nothing has run; after `Unknown` it may have."""
        ...

    def close(self) -> None: ...


class Transport(Protocol):
    """Opens (or takes from a pool) connections of one kind. Thread-safe."""

    def connect(self, endpoint: Endpoint, deadline: timedelta, cancel: Event) -> Connection | Unreached:
        """A live connection, pooled when there is one. `release` gives it back."""
        ...

    def release(self, connection: Connection) -> None: ...

    def test(self, endpoint: Endpoint, deadline: timedelta) -> Iterator[TestStep]:
        """Run a connection test step by step; ends after the first step that fails. Never pooled."""
        ...

    def shutdown(self) -> None:
        """Close every connection."""
        ...


def run(
    transport: Transport,
    endpoint: Endpoint,
    spec: CommandSpec,
    sink: OutputSink,
    cancel: Event,
    connect: timedelta,
) -> Outcome:
    """Connect, start, stream, release: the whole of a simple command."""
    connection = transport.connect(endpoint, connect, cancel)
    if isinstance(connection, Unreached):
        return connection
    try:
        process = connection.start(spec)
        if isinstance(process, Refused | Unknown):
            return process
        return process.stream(sink, cancel)
    finally:
        transport.release(connection)
