"""The port to a target. Each transport implements it; runners and the engine know nothing else.

A target's failure is a value: no library exception leaves this floor. `tests/contract/transport.py` is the
contract, run over every transport.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Event
from typing import Protocol, runtime_checkable

from deployx_tui.model.device import HostKeyPolicy, OfferedKey, TestStep, TransportKind
from deployx_tui.model.execution import Cause, KillReport, Stream
from deployx_tui.model.ids import CredentialId, DeviceId
from deployx_tui.model.payload import BecomeMethod, Shell
from deployx_tui.model.question import ServerQuestion, Unanswered
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


#: folders on a target that may hold the spool of a durable run, in this order (not the login's runtime directory: it
#: goes with the last session)
SPOOL_BASES = ("/var/tmp", "/tmp")  # noqa: S108 - on the target, and made there with mkdir -m 700
#: bytes of both streams that a durable run may leave in its spool
SPOOL_LIMIT = 1 << 30


class Asker(Protocol):
    """A person who may be asked what a server wants to know of whoever logs in. Thread-safe."""

    @property
    def is_there(self) -> bool: ...

    def ask(self, question: ServerQuestion, cancel: Event) -> tuple[Secret, ...] | Unanswered:
        """One answer for each prompt. Blocks until somebody answers or declines, `cancel`, or the time is up."""
        ...


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
    #: of whoever started this; None: nobody, it is unattended
    asker: Asker | None = field(default=None, compare=False, repr=False)

    def asking(self, asker: Asker) -> Endpoint:
        """The same, where this person answers for it and for the hosts on the way."""
        return replace(self, asker=asker, jumps=tuple(replace(jump, asker=asker) for jump in self.jumps))


@dataclass(frozen=True, slots=True, kw_only=True)
class Become:
    """Another account on the target than the one that logs in."""

    method: BecomeMethod = BecomeMethod.SUDO
    user: str = "root"
    #: what the method asks for: sudo and doas want the login's own, su the other account's. None: it must not ask
    password: Secret | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSpec:
    """One command on a target. Names the interpreter; never a ready shell string."""

    script: str
    shell: Shell = Shell.SH
    environment: Mapping[str, str] = field(default_factory=dict)
    #: values by name, exported like the environment
    parameters: Mapping[str, str | Secret] = field(default_factory=dict)
    #: None: the home of the account that it runs as
    working_directory: str | None = None
    #: None: /dev/null, or the terminal
    stdin: bytes | None = None
    #: None: the account that logs in
    become: Become | None = None
    #: None: the account's own
    umask: int | None = None
    #: it gets a terminal of 80 by 24: both streams come as standard output, and it can be given no standard input
    tty: bool = False
    #: the command may run so long (client cancels at T, the watch on the target kills at T + 10 s); None: no end
    timeout: timedelta | None = None
    #: between TERM and KILL
    grace: timedelta = timedelta(seconds=5)
    #: 128 bits in hex, chosen by the engine and stored before the first byte is sent
    nonce: str = ""
    #: it runs on when the connection breaks or the engine ends, and can be attached to again
    durable: bool = False
    #: with `durable`: where its spool may lie, and how much output it may leave there
    spool_bases: tuple[str, ...] = SPOOL_BASES
    spool_limit: int = SPOOL_LIMIT

    @property
    def needs_terminal(self) -> bool:
        """Whether `sh` has to be reached by a terminal: su and doas read a password from nothing else."""
        become = self.become
        types = become is not None and become.password is not None and become.method is not BecomeMethod.SUDO
        return self.tty or types


# What is known after a command, an attempt to connect or a cancel.


@dataclass(frozen=True, slots=True)
class Exited:
    """The command ended by itself with this exit code."""

    code: int
    #: it left processes behind that kept the output open; they were not touched
    background: bool = False
    #: of a durable run: a part of its output may be missing (the disk was full, or the command emptied its own output)
    incomplete: bool = False


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
    #: the code, where the command exited by itself once it was told to end; None: it did not, or that is not known
    exited: int | None = None


@dataclass(frozen=True, slots=True)
class Killed:
    """It was cancelled; `kill` says what became of the processes."""

    kill: KillReport
    #: as in `TimedOut`
    exited: int | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """The command went out and no answer came back: it may have run. Nothing repeats it by itself."""

    cause: Cause
    message: str
    last_heard: datetime


@dataclass(frozen=True, slots=True)
class OutputLimit:
    """A durable run left more output on the target than it may; it was ended there. `kill` says what became of it."""

    kill: KillReport


@dataclass(frozen=True, slots=True)
class Rebooted:
    """A durable run was cut by a restart of its target: nothing of it runs, and it did not say how it ended."""

    last_heard: datetime


@dataclass(frozen=True, slots=True)
class Detached:
    """A durable run was let go of as asked: it goes on, and `Connection.attach` finds it."""


Outcome = Exited | Signalled | Unreached | Refused | TimedOut | Killed | Unknown | OutputLimit | Rebooted | Detached


@dataclass(frozen=True, slots=True)
class Gone:
    """There is no spool of this run on the target: it never began there, or its traces were removed."""

    message: str


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
    #: it can be attached to; pid, start and boot id then stand in its spool too and need not be known
    durable: bool = False
    spool_bases: tuple[str, ...] = SPOOL_BASES

    @classmethod
    def of_durable(cls, nonce: str, spool_bases: tuple[str, ...]) -> RemoteHandle:
        """What is known, and enough, before the first byte is sent."""
        return cls(nonce, 0, "-", "-", durable=True, spool_bases=spool_bases)


class Process(Protocol):
    """A command that was started on a target."""

    @property
    def handle(self) -> RemoteHandle: ...

    def stream(self, sink: OutputSink, cancel: Event, leave: Event | None = None) -> Outcome:
        """Deliver output as it comes until the end, and return what is known.

        When `cancel` is set or the deadline passes, kills the process tree, verifies its death, returns
        `Killed` or `TimedOut`. Output that came before is always delivered first.

        A durable run outlives its connection: it is attached to again. When `leave` is set it is let go of, and
        `Detached` returned; other runs heed no `leave`.
        """
        ...

    def acknowledge(self) -> bool:
        """Output and result of a durable run are kept here: its traces on the target are removed.

        To be called once, after `stream`; does nothing for other runs. False: it could not be said to the target,
        which removes them itself after a week.
        """
        ...


class ByteSource(Protocol):
    """What is put on a target; several targets may read it at once."""

    @property
    def size(self) -> int: ...

    def read(self, offset: int, size: int) -> bytes:
        """So many bytes from there; fewer at the end only."""
        ...


@dataclass(frozen=True, slots=True)
class Sent:
    """All of it went over, and the target took it."""

    #: bytes that were sent this time
    size: int
    #: by which way: "sftp", "sh" or "local"
    way: str


@dataclass(frozen=True, slots=True)
class Broke:
    """A transfer ended before its end: a part may be there, nothing else was done. It can be gone on with."""

    cause: Cause
    message: str


#: called with the bytes of the file that are over so far
TransferProgress = Callable[[int], None]


@runtime_checkable
class FileMover(Protocol):
    """A connection that moves whole files, as the account that logs in. Paths are absolute, on the target."""

    def put(
        self, source: ByteSource, path: str, offset: int, progress: TransferProgress, cancel: Event
    ) -> Sent | Refused | Broke:
        """Write what `source` has from `offset` on into a file that is there and has `offset` bytes.

        `Refused` when the target takes no byte (no right, no such file). A full disk is a `Broke` with Cause.EXIT and
        what the target said; `cancel` one with Cause.KILLED, a lost connection one with Cause.LOST.
        """
        ...

    def get(self, path: str, offset: int, sink: Callable[[bytes], None], cancel: Event) -> Sent | Refused | Broke:
        """Read a file from `offset` to its end. The sink is called in this thread and may block."""
        ...


class Connection(Protocol):
    """An authenticated connection to one device; several processes may run over it at once."""

    def start(self, spec: CommandSpec) -> Process | Refused | Unknown:
        """Start a command. After `Refused` nothing has run; after `Unknown` it may have.

        A durable one that may have been started must not be started again, but attached to.
        """
        ...

    def attach(
        self, handle: RemoteHandle, stdout_offset: int, stderr_offset: int, spec: CommandSpec
    ) -> Process | Refused | Unknown | Gone:
        """Take up a durable run where so many bytes of its streams were delivered already.

        Of `spec` the deadline counts (from now on) and the grace. After `Refused` and `Unknown` another attempt may
        succeed. Any number may be attached at once, and see the same.
        """
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
