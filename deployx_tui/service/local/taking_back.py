"""What a person starts about what was deployed: to take a run back, and to see what is not as it was left.

Both are runs without a task, like any other: the task's own state says nothing of them.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from deployx_tui.errors import Conflict, InvalidInput
from deployx_tui.model.changes import RollbackPayload
from deployx_tui.model.codec import JSON, draft_to_json
from deployx_tui.model.execution import Trigger
from deployx_tui.model.files import FilePayload
from deployx_tui.model.ids import DeviceId, ExecutionId, TaskId
from deployx_tui.model.payload_json import payload_field
from deployx_tui.model.payloads import one_line
from deployx_tui.model.user import Permission
from deployx_tui.planning.parameters import resolve_values, takes_secret
from deployx_tui.planning.plan import as_pinned, pinned_artifacts, with_values
from deployx_tui.planning.rollback import rollback_targets
from deployx_tui.service import access
from deployx_tui.service.local.door import Change, Door
from deployx_tui.service.local.parameters import Files
from deployx_tui.service.local.starting import Started, again, audited, queue
from deployx_tui.service.local.stock import stock_of
from deployx_tui.store import changes, credentials, executions, history, tasks

#: runs of a task that are looked at for what it put there last
_RECENT = 12


def roll_back(change: Change, door: Door, execution: ExecutionId, request: str, *, force: bool) -> Started:
    shown = history.get(change.c, execution, door.only_own)
    fire_key = f"m:{request}"
    facts: dict[str, JSON] = {"rollback_of": execution, "force": force}
    known = executions.by_fire_key(change.c, None, fire_key)
    if known is not None:
        return again(change, known, audited(None, Trigger.AD_HOC, facts))
    there: set[DeviceId] = {*door.snapshot(change.c).inventory.devices}
    try:
        rollback_targets(execution, shown.status, changes.of_execution(change.c, execution), there)
    except InvalidInput as error:
        # nothing is wrong with what was asked for; it is the execution that stands against it
        raise Conflict("; ".join(f"{problem.message}: {problem.remedy}" for problem in error.problems)) from error
    payload = RollbackPayload(execution=execution, force=force)
    draft: dict[str, JSON] = {
        # it finds its targets when it is planned: where something is to be taken back
        "selector": "",
        "device_ids": [],
        "group_ids": [],
        "parameters": [],
        "timeout_seconds": None,
        **payload_field(payload),
    }
    return queue(
        change,
        door,
        task_id=None,
        task_version=None,
        name=f"rollback of #{execution}: {shown.task_name}",
        fire_key=fire_key,
        trigger=Trigger.AD_HOC,
        owner=door.actor.user_id,
        draft=with_values(draft, ()),
        summary=one_line(payload),
        facts=facts,
    )


def check(change: Change, door: Door, task: TaskId, request: str, files: Files) -> Started:
    """`files`: what the defaults of its parameters name."""
    stored = tasks.get(change.c, task, door.only_own)
    fire_key = f"m:{request}"
    facts: dict[str, JSON] = {"check_of": task}
    known = executions.by_fire_key(change.c, None, fire_key)
    if known is not None:
        return again(change, known, audited(None, Trigger.AD_HOC, facts))
    payload = stored.draft.payload
    if not isinstance(payload, FilePayload):
        raise Conflict(f"task {task} puts no files on its targets: there is nothing to compare")
    payload = replace(_last_put(change.c, task, payload), check=True)
    if takes_secret(payload, {}):
        access.require(door.actor, Permission.SECRETS_USE)
    values = resolve_values(payload, {}, files.read, lambda name: credentials.parameter(change.c, name))
    draft = draft_to_json(replace(stored.draft, payload=payload))
    return queue(
        change,
        door,
        task_id=None,
        task_version=None,
        name=f"check of {stored.draft.name}",
        fire_key=fire_key,
        trigger=Trigger.AD_HOC,
        owner=door.actor.user_id,
        draft=with_values(draft, values),
        summary=one_line(payload, stock_of(change.c, [payload])),
        facts=facts,
    )


def _last_put(c: Connection, task: TaskId, payload: FilePayload) -> FilePayload:
    """The payload with what "the newest" was when the task last ran: a version that came since is no drift."""
    if not any(item.newest for item in payload.items):
        return payload
    for run, _ in history.latest(c, [task], _RECENT).get(task, ()):
        row = executions.load_run(c, run)
        if row is None or row.plan_json is None:
            continue
        pinned = pinned_artifacts(row.plan_json)
        if len(pinned) == len(payload.items):
            return as_pinned(payload, pinned)
    return payload
