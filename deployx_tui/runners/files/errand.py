"""Scripts sent over one connection, one after the other, within one deadline: what they answer, or how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event

from deployx_tui.model.execution import Cause, Stream, TargetState
from deployx_tui.runners.command import RunFacts, facts_of
from deployx_tui.runners.files import text
from deployx_tui.runners.files.stopped import Stopped, bounded, failed
from deployx_tui.transports.base import (
    Become,
    CommandSpec,
    Connection,
    Exited,
    Outcome,
    OutputSink,
    Refused,
    Unknown,
)

#: bytes of lines that a target may answer to one script; a tree's listing is read otherwise
_MOST_ANSWER = 16 << 20
#: clearing up goes on after a cancel or a deadline for so long
_CLEARING = timedelta(seconds=20)
#: and taking back what was put there
_TAKING_BACK = timedelta(minutes=30)


class Until(Event):
    """Set when `cancel` is, or when the time is over: what a transfer is stopped by."""

    def __init__(self, cancel: Event, deadline: float | None, clock: Callable[[], float]) -> None:
        super().__init__()
        self._cancel = cancel
        self._deadline = deadline
        self._clock = clock

    @property
    def is_late(self) -> bool:
        return self._deadline is not None and self._clock() >= self._deadline

    def is_set(self) -> bool:
        return self._cancel.is_set() or self.is_late

    def wait(self, timeout: float | None = None) -> bool:
        left = None if self._deadline is None else max(0.0, self._deadline - self._clock())
        limits = [limit for limit in (timeout, left) if limit is not None]
        self._cancel.wait(min(limits, default=None))
        return self.is_set()


class Errands:
    """What one run does on its target."""

    def __init__(
        self,
        connection: Connection,
        say: OutputSink,
        cancel: Event,
        become: Become | None,
        timeout: timedelta | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.connection = connection
        self.become = become
        self._say = say
        self._cancel = cancel
        self._timeout = timeout
        self._clock = clock
        self._deadline = None if timeout is None else clock() + timeout.total_seconds()
        self.until = Until(cancel, self._deadline, clock)

    def free(self) -> Errands:
        """The same target for what must be done after a cancel or a deadline too."""
        return Errands(self.connection, self._say, Event(), self.become, _TAKING_BACK)

    def say(self, line: str) -> None:
        """One line for people."""
        self._say(Stream.STDOUT, f"{line}\n".encode("utf-8", "replace"), datetime.now(UTC))

    def check(self, what: str) -> None:
        """Raises Stopped when it was cancelled, or the time is over, before `what`."""
        if self._cancel.is_set():
            raise Stopped(RunFacts(state=TargetState.CANCELLED, cause=Cause.KILLED, message=f"cancelled before {what}"))
        if self.until.is_late:
            raise Stopped(
                RunFacts(state=TargetState.TIMED_OUT, cause=Cause.TIMEOUT, message=f"the time was over before {what}")
            )

    def ask(self, calls: Iterable[str], what: str, *, as_login: bool = False) -> list[list[str]]:
        """Each line of the answer as its words (at most 11, the last may hold blanks). Raises Stopped."""
        answers: list[list[str]] = []
        for script in text.scripts(calls):
            heard = _Lines(self._say)
            try:
                self.run(script, heard.hear, what, as_login=as_login)
            except Stopped as stopped:
                stopped.heard = [*answers, *heard.read()]
                raise
            answers += heard.answers(what)
        return answers

    def run(self, script: str, hear: Callable[[bytes], None], what: str, *, as_login: bool = False) -> None:
        """A script of ours to its end; its standard output goes to `hear`. Raises Stopped unless it came to it."""
        self.check(what)
        outcome = self._outcome(script, hear, self._cancel, self._left(), as_login)
        match outcome:
            case Exited(0):
                return
            case Exited(code):
                raise failed(Cause.EXIT, f"{what}: the target's sh ended with exit {code}")
            case Refused(Cause.LOST, message):
                # the connection is gone, and this script has not run: the whole can be gone on with
                lost = f"{what}: {bounded(message)}; it can be gone on with"
                raise Stopped(RunFacts(state=TargetState.LOST, cause=Cause.LOST, message=lost))
            case _:
                raise Stopped(_named(facts_of(outcome, frozenset({0}), self._timeout), what))

    def command(self, script: str, what: str) -> RunFacts:
        """A command of the payload: its output is said as it is."""
        self.check(what)

        def hear(data: bytes) -> None:
            self._say(Stream.STDOUT, data, datetime.now(UTC))

        outcome = self._outcome(script, hear, self._cancel, self._left(), as_login=False)
        return _named(facts_of(outcome, frozenset({0}), self._timeout), what)

    def clear(self, calls: str, *, as_login: bool = False) -> None:
        """What is done after a failure too: no cancel stops it, and it says so when it could not be done."""
        outcome = self._outcome(text.script(calls), lambda _: None, Event(), _CLEARING, as_login)
        if outcome != Exited(0):
            self.say("temporary files could not be cleared away; the next run of this task does")

    def _left(self) -> timedelta | None:
        return None if self._deadline is None else timedelta(seconds=max(0.01, self._deadline - self._clock()))

    def _outcome(
        self, script: str, hear: Callable[[bytes], None], cancel: Event, left: timedelta | None, as_login: bool
    ) -> Outcome:
        become = None if as_login else self.become
        process = self.connection.start(CommandSpec(script=script, become=become, timeout=left))
        if isinstance(process, Refused | Unknown):
            return process

        def sink(stream: Stream, data: bytes, at: datetime) -> None:
            if stream is Stream.STDOUT:
                hear(data)
            else:
                self._say(stream, data, at)

        return process.stream(sink, cancel)


def _named(facts: RunFacts, what: str) -> RunFacts:
    message = f"{what}: {bounded(facts.message)}" if facts.message else what
    return replace(facts, message=message)


class _Lines:
    """Answers out of what a script of ours prints; what is no answer (a message of a tool) is said."""

    def __init__(self, say: OutputSink) -> None:
        self._say = say
        self._held = bytearray()
        self._size = 0

    def hear(self, data: bytes) -> None:
        self._size += len(data)
        if self._size <= _MOST_ANSWER:
            self._held += data

    def answers(self, what: str) -> list[list[str]]:
        if self._size > _MOST_ANSWER:
            raise failed(Cause.VERIFY, f"{what}: the target said more than it was asked")
        found = self.read()
        if not found or found.pop() != ["end"]:
            raise failed(Cause.VERIFY, f"{what}: the target's answer has no end")
        return found

    def read(self) -> list[list[str]]:
        """All whole lines so far."""
        found = []
        rest = bytearray()
        *lines, _ = bytes(self._held).split(b"\n")
        for line in lines:
            if line.startswith(text.MARK):
                words = line[len(text.MARK) :].decode("utf-8", "surrogateescape")
                found.append(words.split(" "))
            elif line.strip():
                rest += line + b"\n"
        if rest:
            self._say(Stream.STDERR, bytes(rest), datetime.now(UTC))
        return found
