"""Parts of payloads that a test knows to be there."""

from __future__ import annotations

from deployx_tui.model.payload import CommandPayload
from deployx_tui.model.task import Task, TaskDraft


def commands_of(what: Task | TaskDraft) -> CommandPayload:
    """The payload of a task that runs commands."""
    payload = what.draft.payload if isinstance(what, Task) else what.payload
    assert isinstance(payload, CommandPayload)
    return payload
