"""An authenticated connection to one account on one device, on which commands are started.

A command costs three round trips: a session, `exec sh`, and the text, for which OpenSSH opens its window only when the
shell was started. From the second command on a spare session is asked for together with `exec sh`, and the next command
costs two.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Event

import paramiko

from deployx_tui.model.execution import Cause
from deployx_tui.model.facts import Facts
from deployx_tui.transports.base import (
    Broke,
    ByteSource,
    CommandSpec,
    Gone,
    Process,
    Refused,
    RemoteHandle,
    Sent,
    TransferProgress,
    Unknown,
    Unreached,
)
from deployx_tui.transports.facts import NoFacts
from deployx_tui.transports.posix import durable, durable_text, wrapper
from deployx_tui.transports.posix import facts as posix_facts
from deployx_tui.transports.posix import process as posix
from deployx_tui.transports.posix.carrier import Broken, Carrier
from deployx_tui.transports.posix.escalate import escalate
from deployx_tui.transports.ssh.channel import SshChannel
from deployx_tui.transports.ssh.link import SILENCE, Link
from deployx_tui.transports.ssh.moving import Means, Mover
from deployx_tui.transports.ssh.reaching import Proofs
from deployx_tui.transports.ssh.session import Session
from deployx_tui.transports.ssh.sftp import SUBSYSTEM

#: a server that does not answer an open request for so long is taken for gone
OPEN_SECONDS = 15.0
#: a connection that was idle for longer proves that it is alive (by opening a channel) before a command is sent on it
FRESH_SECONDS = 15.0
#: so often a session is asked for that nothing else depends on
_ASKS_BESIDE = 3


@dataclass(frozen=True, slots=True)
class Opened:
    """What opening gave, and what identifies the account behind it."""

    link: Link
    is_windows: bool
    #: (host, port, user, host key)
    account: Hashable
    #: the host keys of the way, the target's last
    proofs: Proofs


Reopen = Callable[[], Opened | Unreached]

_NO_POSIX = Refused(
    Cause.SHELL,
    "unsupported shell: the server is OpenSSH for Windows, which has no POSIX shell",
    "reach this device by WinRM (comes later), or give it a POSIX shell",
)


@dataclass(slots=True)
class Acquaintances:
    """Accounts whose shell has answered once in this process: the first contact is more careful."""

    _known: set[Hashable] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def knows(self, account: Hashable) -> bool:
        with self._lock:
            return account in self._known

    def add(self, account: Hashable) -> None:
        with self._lock:
            self._known.add(account)

    def forget(self, account: Hashable) -> None:
        with self._lock:
            self._known.discard(account)


class _NoChannel(Exception):
    """No channel was opened; nothing was sent."""

    def __init__(self, message: str, *, refused: bool) -> None:
        super().__init__(message)
        #: the server said no (MaxSessions); else the connection is dead
        self.refused = refused


class SshConnection:
    """See Connection. `start` may be called by several threads."""

    def __init__(
        self,
        opened: Opened,
        reopen: Reopen,
        acquaintances: Acquaintances,
        *,
        patience: float,
        silence: float = SILENCE,
        places: threading.BoundedSemaphore | None = None,
    ) -> None:
        self._opened = opened
        self._reopen = reopen
        self._acquaintances = acquaintances
        self._patience, self._silence = patience, silence
        self._lock = threading.Lock()
        self._spare: Session | None = None
        self._takes_spares = True
        self._starts = 0
        self._mover = Mover(
            Means(
                sftp=lambda: self._carrier(False, SUBSYSTEM),
                sh=self._open_sh,
                #: None: it is nobody's but the caller's
                places=places or threading.BoundedSemaphore(1),
                patience=patience,
                silence=silence,
            )
        )

    @property
    def is_usable(self) -> bool:
        link = self._opened.link
        return bool(link.is_active()) and time.monotonic() - link.heard < self._silence

    @property
    def account(self) -> Hashable:
        return self._opened.account

    def start(self, spec: CommandSpec) -> Process | Refused | Unknown:
        spec = posix.with_nonce(spec)
        text = durable_text.start_text(spec) if spec.durable else wrapper.start_text(spec)
        if isinstance(text, Refused):
            return text
        if self._opened.is_windows:
            return _NO_POSIX
        begun = self._attempt(spec, text)
        if isinstance(begun, Refused) and begun.cause is Cause.LOST:
            # it broke before the text was whole on its way, and a part of the text runs nothing: once more
            return self._attempt(spec, text)
        return begun

    def attach(
        self, handle: RemoteHandle, stdout_offset: int, stderr_offset: int, spec: CommandSpec
    ) -> Process | Refused | Unknown | Gone:
        if self._opened.is_windows:
            return _NO_POSIX
        carrier = self._carrier(spec.needs_terminal)
        if isinstance(carrier, Refused):
            return carrier
        refused = self._greet(carrier, spec)
        if refused is not None:
            return refused
        offsets = stdout_offset, stderr_offset
        return durable.attach(carrier, handle, offsets, spec, self._side_door, self._patience)

    def _attempt(self, spec: CommandSpec, text: bytes) -> Process | Refused | Unknown:
        carrier = self._carrier(spec.needs_terminal)
        return carrier if isinstance(carrier, Refused) else self._begin(carrier, spec, text)

    def put(
        self, source: ByteSource, path: str, offset: int, progress: TransferProgress, cancel: Event
    ) -> Sent | Refused | Broke:
        """See FileMover."""
        return _NO_POSIX if self._opened.is_windows else self._mover.put(source, path, offset, progress, cancel)

    def get(self, path: str, offset: int, sink: Callable[[bytes], None], cancel: Event) -> Sent | Refused | Broke:
        """See FileMover."""
        return _NO_POSIX if self._opened.is_windows else self._mover.get(path, offset, sink, cancel)

    def _open_sh(self) -> SshChannel | Refused:
        carrier = self._carrier(False)
        if isinstance(carrier, Refused):
            return carrier
        refused = self._greet(carrier, CommandSpec(script=""))
        return carrier if refused is None else refused

    def _carrier(self, terminal: bool, subsystem: bytes | None = None) -> SshChannel | Refused:
        """A session in which `exec sh`, or that subsystem, was asked for."""
        taken = self._session()
        if isinstance(taken, Refused):
            return taken
        link, session, after = taken
        try:
            with link.together():
                self._ask_for_spare()
                if subsystem is not None:
                    return SshChannel.subsystem(link, session, subsystem, silence=self._silence, after=after)
                return SshChannel.execute(link, session, silence=self._silence, after=after, terminal=terminal)
        except (Broken, EOFError, OSError, paramiko.SSHException) as error:
            # `exec sh` alone, without the text, does nothing
            return Refused(Cause.LOST, f"the connection broke before the command was sent: {error}", "run it again")

    def _greet(self, carrier: Carrier, spec: CommandSpec) -> Refused | None:
        """Until `sh` of the wanted account reads; what an account refuses, and the carrier is closed then."""
        account, terminal = self._opened.account, spec.needs_terminal
        refused = None
        # a terminal is spoken to before anything is sent on it
        if not (terminal or self._acquaintances.knows(account)):
            refused = posix.greet(carrier, self._patience)
            if refused is None:
                self._acquaintances.add(account)
        if refused is None:
            refused = escalate(carrier, spec.become, self._patience, terminal=terminal)
        if refused is not None:
            carrier.close()
        return refused

    def _begin(self, carrier: Carrier, spec: CommandSpec, text: bytes) -> Process | Refused | Unknown:
        """Greet the account if it is not known, and send the text."""
        refused = self._greet(carrier, spec)
        if refused is not None:
            return refused
        account = self._opened.account
        if spec.durable:
            run = durable.start(carrier, spec, text, self._side_door, self._patience)
            if isinstance(run, Refused | Unknown):
                self._acquaintances.forget(account)
            return run
        begun = posix.start(carrier, spec, text, self._patience)
        if isinstance(begun, Refused | Unknown):
            self._acquaintances.forget(account)
            carrier.close()
            return begun
        self._acquaintances.add(account)
        return posix.PosixProcess(carrier, spec, begun, self._side_door, self._patience)

    def facts(self, cancel: Event) -> Facts | NoFacts:
        """See TellsFacts. In a session of its own on this very connection: neither the spare of the next command nor
        another connection is spent on it."""
        if self._opened.is_windows:
            return NoFacts(_NO_POSIX.cause, _NO_POSIX.message, _NO_POSIX.remedy)
        return posix_facts.gather(self._start_beside, cancel)

    def _start_beside(self, spec: CommandSpec) -> Process | Refused | Unknown:
        spec = posix.with_nonce(spec)
        text = wrapper.start_text(spec)
        if isinstance(text, Refused):
            return text
        link = self._opened.link
        try:
            carrier = SshChannel.execute(link, self._open_beside(link), silence=self._silence)
        except (_NoChannel, Broken) as error:
            return Refused(Cause.LOST, f"the connection takes no further session: {error}", "see MaxSessions")
        return self._begin(carrier, spec, text)

    def _open_beside(self, link: Link) -> Session:
        """OpenSSH counts a session for a moment after it was told that it is closed, and refuses the next one then:
        each refusal is a round trip, after which that moment is over."""
        for _ in range(_ASKS_BESIDE - 1):
            try:
                return self._open(link)
            except _NoChannel as error:
                if not error.refused:
                    raise
        return self._open(link)

    def close(self) -> None:
        self._opened.link.end()

    def _session(self) -> tuple[Link, Session, Callable[[], None] | None] | Refused:
        """A channel to start on, its connection, and what to do when it is let go of.

        A dead connection is replaced once: nothing was sent. Where the server opens no further session (MaxSessions),
        the command gets a connection of its own, for others may run on this one.
        """
        self._starts += 1
        try:
            return self._opened.link, self._take_spare() or self._open(self._opened.link), None
        except _NoChannel as error:
            first = error
        fresh = self._reopen()
        if isinstance(fresh, Unreached):
            return Refused(fresh.cause, f"{first}; connecting again: {fresh.message}", fresh.remedy)
        after: Callable[[], None] | None = fresh.link.end
        if not first.refused:
            self._opened.link.end()
            self._opened, self._spare, after = fresh, None, None
        try:
            return fresh.link, self._open(fresh.link), after
        except _NoChannel as second:
            if after is not None:
                after()
            cause = Cause.REFUSED if second.refused else Cause.LOST
            return Refused(cause, f"the server opens no session: {second}", "see MaxSessions in its sshd_config")

    def _take_spare(self) -> Session | None:
        """The spare, when the server gave one and the connection was heard of lately."""
        if not self.is_usable or time.monotonic() - self._opened.link.heard > FRESH_SECONDS:
            return None
        with self._lock:
            spare, self._spare = self._spare, None
        if spare is None:
            return None
        if not spare.await_answer(OPEN_SECONDS) or spare.was_refused:
            self._takes_spares = False
            return None
        return None if spare.closed else spare

    def _open(self, link: Link) -> Session:
        try:
            session = link.ask_for_session()
            is_answered = session.await_answer(OPEN_SECONDS)
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise _NoChannel(str(error) or type(error).__name__, refused=False) from error
        if session.is_open and not session.closed:
            return session
        if session.was_refused:
            raise _NoChannel(str(link.get_exception()), refused=True)
        why = "the connection was closed" if is_answered else "the server does not answer"
        raise _NoChannel(str(link.get_exception() or why), refused=False)

    def _ask_for_spare(self) -> None:
        """Together with a command: its answer takes a round trip anyhow. Raises OSError when the line is broken."""
        if not self._takes_spares or self._starts < 2:
            return
        with self._lock:
            if self._spare is None:
                self._spare = self._opened.link.ask_for_session()

    def _side_door(self, terminal: bool) -> Carrier | None:
        """A carrier for the kill text: the spare, a new channel, or a connection of its own."""
        try:
            return SshChannel.execute(
                self._opened.link,
                self._take_spare() or self._open(self._opened.link),
                silence=self._silence,
                terminal=terminal,
            )
        except (_NoChannel, Broken):
            fresh = self._reopen()
        if isinstance(fresh, Unreached):
            return None
        try:
            return SshChannel.execute(
                fresh.link, self._open(fresh.link), silence=self._silence, after=fresh.link.end, terminal=terminal
            )
        except (_NoChannel, Broken):
            fresh.link.end()
            return None
