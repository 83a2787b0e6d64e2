"""The one exception tree. Exceptions are for what a caller must stop for; a target's bad day is a value.

    DeployxError                      exit status of the command line
    ├── InvalidInput                  2   one Problem per field: what is wrong and how to mend it
    │   └── TooLarge                      more bytes than a setting allows; names it
    ├── NotFound                      3
    │   └── Ambiguous                 2   a name fits several; lists the candidates
    ├── NotPermitted                  4
    ├── Conflict                      1   the object changed meanwhile, or its state forbids this
    ├── OutcomeUnknown                6   it was started, and its end was not seen
    └── Unavailable                   5
        ├── DatabaseRefused               owner, mode, newer schema, NFS
        │   └── Held                      another engine serves it; says where
        ├── DatabaseMoved                 its file was removed, moved or replaced while it was open
        ├── EngineUnreachable
        │   └── EngineSilent
        ├── VaultClosed
        └── VersionMismatch

Importable by all; imports nothing of ours but the model.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with one field of what a person or a client gave."""

    #: the field's name on the wire, dotted for nested ones ("command_payload.environment"); "" for the whole
    field: str
    #: what is wrong, a sentence without a full stop
    message: str
    #: what to do instead, with an example; never empty
    remedy: str


#: told of one input; whoever made more mends these first
MOST_PROBLEMS = 20


def told(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The first problems, each once, and how many more there are."""
    every = tuple(dict.fromkeys(problems))
    if len(every) <= MOST_PROBLEMS:
        return every
    rest = f"{len(every) - MOST_PROBLEMS} more problems are not told"
    return (*every[:MOST_PROBLEMS], Problem(field="", message=rest, remedy="mend these first"))


class DeployxError(Exception):
    """Root of everything that deployx raises on purpose."""

    exit_status: ClassVar[int] = 1


class InvalidInput(DeployxError):
    """The input breaks a rule. Nothing was changed."""

    exit_status = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{p.field or 'input'}: {p.message} ({p.remedy})" for p in self.problems))

    @classmethod
    def of(cls, field: str, message: str, remedy: str) -> Self:
        return cls([Problem(field=field, message=message, remedy=remedy)])


class TooLarge(InvalidInput):
    """More bytes than a setting allows. Nothing was kept."""


class NotFound(DeployxError):
    """No such object, or none that this actor may see: both are answered alike."""

    exit_status = 3

    def __init__(self, noun: str, name: str, near: Iterable[str] = ()) -> None:
        """`near`: names that this actor may see and that may have been meant."""
        self.noun, self.name, self.near = noun, name, tuple(near)
        meant = f"; did you mean {' or '.join(self.near)}?" if self.near else ""
        super().__init__(f"{noun} {name!r} not found{meant}")


class Ambiguous(NotFound):
    """A name fits several objects."""

    exit_status = 2

    def __init__(self, noun: str, name: str, candidates: Iterable[str]) -> None:
        super().__init__(noun, name)
        self.candidates = tuple(candidates)
        self.args = (f"{noun} {name!r} is ambiguous: {', '.join(self.candidates)}; give the id",)


class NotPermitted(DeployxError):
    """The actor lacks a permission."""

    exit_status = 4


class Conflict(DeployxError):
    """The object's present state or version forbids the act. Read again and decide."""

    def __init__(self, message: str, *, stale: bool = False) -> None:
        #: True: the caller's version is old (412 on the wire); False: the state forbids it (400 or 409)
        self.stale = stale
        super().__init__(message)


class OutcomeUnknown(DeployxError):
    """What was started can't be followed to its end: it may go on. Whoever repeats it may do it twice."""

    exit_status = 6


class Unavailable(DeployxError):
    """The engine, server or database can't be reached or used."""

    exit_status = 5


class DatabaseRefused(Unavailable):
    """The database or its folder is not safe to open, or is held by another engine."""


def how_to_end(pid: int) -> str:
    """What a person does so that the engine with that pid lets go of its database."""
    return (
        "close the screens that use it (a private engine then ends by itself once nothing runs), "
        f"or kill {pid}, which lets what runs end"
    )


class Held(DatabaseRefused):
    """Another engine serves the database."""

    def __init__(self, message: str, socket: str) -> None:
        #: where that engine listens; "" when it serves no face
        self.socket = socket
        super().__init__(message)


class DatabaseMoved(Unavailable):
    """The database's file was removed, moved or replaced under the process that has it open."""


class EngineUnreachable(Unavailable):
    """No answer from the engine process."""


class EngineSilent(EngineUnreachable):
    """The engine takes connections and answers nothing: it is stopped, or its machine is overloaded."""


class VaultClosed(Unavailable):
    """The vault's key is not there, or is another one: no secret can be read or kept."""


class VersionMismatch(Unavailable):
    """Client and engine, or program and database, are of versions that do not fit."""
