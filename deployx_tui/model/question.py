"""What a server asks while it lets somebody in, such as a one-time code, and what comes back. Nothing of it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

QuestionId = NewType("QuestionId", str)

#: so long a question stands, in seconds; sshd's LoginGraceTime is 120, of which something is gone already
PATIENCE = 110.0
#: of one request; a server that asks more is not answered
MOST_PROMPTS = 8
#: characters of a text of the server
MOST_TEXT = 1000


@dataclass(frozen=True, slots=True)
class Prompt:
    text: str
    #: what is typed may be seen
    echo: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerQuestion:
    """One request of a server. Its texts are the server's own words: hostile, to be made safe where they are shown."""

    #: the device that is to be reached
    device: str
    #: who asks: the device, or a jump host on the way to it
    host: str
    user: str
    title: str
    instructions: str
    prompts: tuple[Prompt, ...]
    #: what was answered a moment ago was refused
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A request that waits for a person."""

    id: QuestionId
    asked: ServerQuestion


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A question needs no answer any more: it was answered, or nobody waits for it."""

    id: QuestionId


@dataclass(frozen=True, slots=True)
class Listening:
    """From now on questions come here; said again from time to time."""


class Unanswered(StrEnum):
    """Why a server gets no answer."""

    NOBODY = "nobody"  # no person is there who started this
    DECLINED = "declined"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
