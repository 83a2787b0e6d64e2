"""The filter line of the tasks: words, `!word`, `status:` `state:` `owner:` `on:` `tag:` `type:`. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from deployx_tui.model.execution import ExecutionStatus
from deployx_tui.model.outcome_words import run_named
from deployx_tui.model.task import TaskState

#: words that people write beside those of the states
_ALIASES = {"good": ExecutionStatus.SUCCEEDED, "bad": ExecutionStatus.FAILED}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """What the line says; `on` is a device's or group's name still."""

    text: str = ""
    state: TaskState | None = None
    status: ExecutionStatus | None = None
    owner: str | None = None
    on: str | None = None
    tag: str | None = None
    #: what could not be read, a sentence; "" when all could
    problem: str = ""


def parse_filter(text: str) -> TaskFilter:
    """Read the line; a term whose value is not yet complete filters nothing and says what it takes."""
    words: list[str] = []
    state: TaskState | None = None
    status: ExecutionStatus | None = None
    found: dict[str, str] = {}
    problem = ""
    for term in text.split():
        name, colon, value = term.partition(":")
        if not colon or name not in ("status", "state", "owner", "on", "tag", "type"):
            words.append(term)
            continue
        if not value:
            continue
        match name:
            case "status" if (named := _ALIASES.get(value) or run_named(value)) is not None:
                status = named
            case "status" | "state" if value in TaskState.__members__.values():
                state = TaskState(value)
            case "status" | "state":
                problem = f"status:{value} is none: succeeded partly failed cancelled missed skipped lost paused active"
            case "type":
                if not "command".startswith(value):
                    problem = f"type:{value} is none: command"
            case _:
                found[name] = value.removeprefix("@")
    return TaskFilter(
        text=" ".join(words),
        state=state,
        status=status,
        owner=found.get("owner"),
        on=found.get("on"),
        tag=found.get("tag"),
        problem=problem,
    )
