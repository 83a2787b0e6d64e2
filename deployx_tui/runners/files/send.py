"""Bytes into temporary files on a target: gone on with where a part of them is there, from the last verified byte."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Event

from deployx_tui.model.execution import Cause, TargetState
from deployx_tui.runners.artifacts import Content
from deployx_tui.runners.command import RunFacts
from deployx_tui.runners.files.errand import Errands
from deployx_tui.runners.files.present import hash_of, number_of
from deployx_tui.runners.files.stopped import Stopped, bounded, failed, sized
from deployx_tui.runners.files.text import call
from deployx_tui.transports.base import Broke, FileMover, Refused, Sent

#: of disk space, beyond what is sent
_MARGIN = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One file that goes over."""

    #: of the temporary file, absolute
    path: str
    #: what messages call it
    name: str
    size: int
    content: Callable[[], Content]
    mode: int = 0o600


class Sender:
    def __init__(
        self, errands: Errands, mover: FileMover, hash_program: str, progress: Callable[[int, int], None], total: int
    ) -> None:
        self._errands = errands
        self._mover = mover
        self._hash_program = hash_program
        self._progress = progress
        self._total = total
        self._over = 0

    def send(self, loads: Sequence[Load], before: Iterable[str], private: str, *, as_login: bool) -> None:
        """All of them, after the calls of `before` in the same script; `private`: the folder where those wait that are
        copied from there; raises Stopped."""
        drops = [call("dx_drop", number, load.path, f"{load.mode:o}") for number, load in enumerate(loads)]
        answers = self._errands.ask([*before, *drops], "making room on the target", as_login=as_login)
        there = dict(_drops(answers, loads, private))
        for number, load in enumerate(loads):
            self._errands.check(f"{load.name} was sent")
            self._one(number, load, *there.get(number, (0, "")), as_login=as_login)

    def _one(self, number: int, load: Load, size: int, sha256: str, *, as_login: bool) -> None:
        content = load.content()
        offset = 0
        if size:
            if size <= content.size and sha256 and content.prefix_sha256(size) == sha256:
                offset = size
                self._errands.say(f"{load.name}: {sized(size)} of {sized(content.size)} are there and verified")
            else:
                self._errands.ask([call("dx_empty", number, load.path)], "beginning anew", as_login=as_login)
        if offset < content.size:
            begun = self._over

            def progress(over: int) -> None:
                self._over = begun + min(over, content.size)
                self._progress(self._over, self._total)

            outcome = self._mover.put(content, load.path, offset, progress, self._errands.until)
            self._went_over(outcome, load, content.size)
            self._over = begun
        self._over += content.size
        self._progress(self._over, self._total)
        if self._hash_program == "none":
            self._read_back(load, content)

    def _went_over(self, outcome: Sent | Refused | Broke, load: Load, size: int) -> None:
        match outcome:
            case Sent(sent, way):
                self._errands.say(f"{load.name}: sent {sized(sent)} by {way}")
            case Refused(cause, message, remedy):
                raise failed(cause, f"{load.name}: {bounded(message)}" + (f" ({remedy})" if remedy else ""))
            case Broke(Cause.KILLED, _):
                self._errands.check(f"all of {load.name} was sent")
                raise Stopped(RunFacts(state=TargetState.CANCELLED, cause=Cause.KILLED, message="cancelled"))
            case Broke(Cause.LOST, message):
                done = f"{sized(self._over)} of {sized(self._total)} were over"
                raise Stopped(
                    RunFacts(
                        state=TargetState.LOST,
                        cause=Cause.LOST,
                        message=f"{load.name}: {bounded(message)}; {done}, and it can be gone on with from there",
                    )
                )
            case Broke(cause, message):
                raise failed(cause, f"{load.name}: {bounded(message)}")

    def _read_back(self, load: Load, content: Content) -> None:
        self._errands.say(f"{load.name}: no program there hashes, so it is read back")
        found = read_back(self._mover, load.path, self._errands.until, load.name)
        if found != content.sha256:
            raise failed(Cause.VERIFY, f"{load.name}: what arrived is not what was sent")


def read_back(mover: FileMover, path: str, until: Event, name: str) -> str:
    """SHA-256 of a file on the target, by reading it; raises Stopped."""
    digest = hashlib.sha256()
    match mover.get(path, 0, digest.update, until):
        case Sent():
            return digest.hexdigest()
        case Refused(cause, message):
            raise failed(cause, f"{name} can't be read back: {bounded(message)}")
        case Broke(cause, message):
            state = TargetState.LOST if cause is Cause.LOST else TargetState.FAILED
            if cause is Cause.KILLED:
                state = TargetState.CANCELLED
            raise Stopped(RunFacts(state=state, cause=cause, message=f"{name} can't be read back: {bounded(message)}"))


def _drops(answers: list[list[str]], loads: Sequence[Load], private: str) -> Iterator[tuple[int, tuple[int, str]]]:
    """(number, (size, SHA-256 of what is there)). Raises Stopped for what could not be made, and when
    the one private folder has no room for all; other folders were looked at before."""
    free: dict[int, int] = {}
    for words in answers:
        match words:
            case ["failed", number, *rest]:
                name = loads[int(number)].name if number.isdigit() and int(number) < len(loads) else "the folder"
                raise failed(Cause.EXIT, f"{name}: {bounded(' '.join(rest))}")
            case ["free", number, _, kib, *_]:
                free[number_of(number)] = number_of(kib) * 1024
            case ["drop", number, size, sha256]:
                yield number_of(number), (max(0, number_of(size)), hash_of(sha256))
    apart = [n for n in free if private and 0 <= n < len(loads) and loads[n].path.startswith(f"{private}/")]
    needed = sum(loads[number].size for number in apart)
    least = min((free[number] for number in apart if free[number] >= 0), default=None)
    if least is not None and needed + _MARGIN > least:
        raise failed(Cause.EXIT, f"the disk is too full: {sized(needed)} are needed, {sized(least)} are free")
