"""Runs that a person starts: a task now, a command without a task, an execution again.

All become a queued row of the engine; the same request gives the same row, and nothing is told twice.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from deployx_tui.errors import Conflict, InvalidInput, NotFound, Problem, Unavailable
from deployx_tui.model.changes import RollbackPayload
from deployx_tui.model.codec import JSON, canonical, draft_to_json, sha256_of
from deployx_tui.model.execution import ExecutionStatus, RerunScope, TargetResult, Trigger
from deployx_tui.model.ids import DeviceId, ExecutionId, TaskId, UserId
from deployx_tui.model.inventory import Inventory
from deployx_tui.model.parameter import Value
from deployx_tui.model.parameter_json import parameters_to_json
from deployx_tui.model.parse import format_overlap
from deployx_tui.model.payload_json import payload_field
from deployx_tui.model.payloads import Payload, one_line
from deployx_tui.model.rerun import is_in_scope
from deployx_tui.model.task import TaskDraft, TaskState
from deployx_tui.model.user import Permission
from deployx_tui.planning.parameters import resolve_values, takes_secret
from deployx_tui.planning.plan import as_planned, values_of, with_values
from deployx_tui.planning.selectors import resolve
from deployx_tui.planning.validate import validate_payload
from deployx_tui.scheduling.overlap import Skip, decide
from deployx_tui.service import access
from deployx_tui.service.backend.replay import was_replayed
from deployx_tui.service.local.door import Change, Door
from deployx_tui.service.local.parameters import Files, Given
from deployx_tui.service.local.stock import stock_of
from deployx_tui.store import audit, credentials, executions, history, results, tasks
from deployx_tui.store.tasks import StoredTask

#: executions that a refusal names before it stops
_NAMED = 3
_START = "execution.start"


def request_id(request: str) -> str:
    """The canonical text of a request's UUID; InvalidInput (field `request`) when it is none."""
    try:
        return str(uuid.UUID(request))
    except ValueError:
        raise InvalidInput.of("request", "it is not a UUID", "make a new one for each run") from None


class Started(NamedTuple):
    execution: ExecutionId
    #: False: by an earlier call with the same request
    is_new: bool


async def start(door: Door, request: str, work: Callable[[Change], Started]) -> ExecutionId:
    """Do `work` in one durable transaction, and tell the engine."""
    execution, is_new = await door.write(work, request=request, durable=True)
    was_replayed.set(not is_new)
    door.premises.engine.wake()
    return execution


def run_task(change: Change, door: Door, task: TaskId, request: str, given: Given) -> Started:
    stored = tasks.locked(change.c, task, door.only_own)
    fire_key = f"m:{request}"
    facts: dict[str, JSON] = {"targets": given.targets} if given.targets is not None else {}
    if given.parameters:
        # a digest: the values stand in the execution
        facts["parameters_sha256"] = sha256_of({**given.parameters})
    known = executions.by_fire_key(change.c, task, fire_key)
    if known is not None:
        return again(change, known, audited(task, Trigger.MANUAL, facts))
    if stored.state is TaskState.CANCELLED:
        raise Conflict(f"task {task} is cancelled")
    _refuse_overlap(change.c, stored)
    if takes_secret(stored.draft.payload, given.parameters):
        access.require(door.actor, Permission.SECRETS_USE)
    values = resolve_values(
        stored.draft.payload, given.parameters, given.files.read, lambda name: credentials.parameter(change.c, name)
    )
    draft = stored.draft if given.targets is None else _narrowed(change.c, door, stored.draft, given.targets)
    return queue(
        change,
        door,
        task_id=stored.id,
        task_version=stored.version,
        name=stored.draft.name,
        fire_key=fire_key,
        trigger=Trigger.MANUAL,
        owner=stored.owner_id,
        draft=with_values(draft_to_json(draft), values),
        summary=one_line(draft.payload, stock_of(change.c, [draft.payload])),
        facts=facts,
    )


def run_ad_hoc(
    change: Change,
    door: Door,
    payload: Payload,
    selector: str,
    request: str,
    timeout: timedelta | None,
    files: Files,
) -> Started:
    fire_key = f"m:{request}"
    seconds = None if timeout is None else timeout.total_seconds()
    # a digest: the command itself stands in the execution
    asked: dict[str, JSON] = {
        **payload_field(payload),
        "selector": selector,
        "timeout_seconds": seconds,
        "parameters": parameters_to_json(payload.parameters),
    }
    facts: dict[str, JSON] = {"asked_sha256": sha256_of(asked)}
    known = executions.by_fire_key(change.c, None, fire_key)
    if known is not None:
        history.get(change.c, known, door.only_own)
        return again(change, known, audited(None, Trigger.AD_HOC, facts))
    stock = stock_of(change.c, [payload])
    problems = [*validate_payload(payload, stock)]
    if isinstance(payload, RollbackPayload):
        # a rollback finds its own targets
        remedy = f"roll back execution {payload.execution} itself"
        problems.append(Problem(field="rollback_payload", message="it is no run of its own", remedy=remedy))
    if timeout is not None and timeout < timedelta(seconds=1):
        remedy = "give 1s or more, or none"
        problems.append(Problem(field="timeout_seconds", message="it is shorter than a second", remedy=remedy))
    if problems:
        raise InvalidInput(problems)
    if takes_secret(payload, {}):
        access.require(door.actor, Permission.SECRETS_USE)
    # who declares and gives at once writes the value as the default
    given = {each.name: each.default for each in payload.parameters if each.default is not None}
    values = resolve_values(payload, given, files.read, lambda name: credentials.parameter(change.c, name))
    found = resolve(selector, door.snapshot(change.c).inventory, door.failed_in(change.c))
    if not found.devices:
        raise InvalidInput.of("selector", "no device matches", "look at what matches with devices or groups")
    draft: dict[str, JSON] = {
        "selector": found.selector,
        "device_ids": [],
        "group_ids": [],
        **payload_field(payload),
        "parameters": parameters_to_json(payload.parameters),
        "timeout_seconds": seconds,
    }
    return queue(
        change,
        door,
        task_id=None,
        task_version=None,
        name=f"ad hoc: {one_line(payload, stock)}",
        fire_key=fire_key,
        trigger=Trigger.AD_HOC,
        owner=door.actor.user_id,
        draft=with_values(draft, values),
        summary=one_line(payload, stock),
        facts=facts,
    )


def rerun(change: Change, door: Door, execution: ExecutionId, request: str, scope: Collection[RerunScope]) -> Started:
    shown = history.get(change.c, execution, door.only_own)
    # with the request in place of a count, UNIQUE(task_id, fire_key) makes a repeated request the same rerun
    fire_key = f"r:{execution}:{request}"
    known = executions.by_fire_key(change.c, shown.task_id, fire_key)
    facts: dict[str, JSON] = {"rerun_of": execution, "scope": [*sorted(part.value for part in scope)]}
    if known is not None:
        return again(change, known, audited(shown.task_id, Trigger.RERUN, facts))
    run = executions.load_run(change.c, execution)
    if run is None or shown.status.is_alive:
        raise Conflict(f"execution {execution} is {shown.status.value}: wait for its end, or cancel it")
    if shown.task_id is not None:
        _refuse_overlap(change.c, tasks.locked_even_deleted(change.c, shown.task_id))
    draft: dict[str, JSON] = json.loads(run.draft_json)
    if run.plan_json is not None:
        # the same values once more: of a file what was in it then, of a credential its secret of now
        draft = as_planned(draft, run.plan_json)
        draft = with_values(draft, [_again_given(change.c, door, each) for each in values_of(run.plan_json)])
        chosen = _in_scope(results.every(change.c, execution), scope, door.snapshot(change.c).inventory)
        draft |= {"selector": "", "group_ids": [], "device_ids": [*chosen]}
    elif not {RerunScope.NOT_STARTED, RerunScope.ALL} & set(scope):
        raise Conflict(f"execution {execution} has {shown.status.value}: it has no targets, and none was started")
    return queue(
        change,
        door,
        task_id=run.task_id,
        task_version=run.task_version,
        name=run.task_name,
        fire_key=fire_key,
        trigger=Trigger.RERUN,
        owner=run.owner_id if run.task_id is not None else door.actor.user_id,
        draft=draft,
        summary=run.summary,
        facts=facts,
    )


def _again_given(c: Connection, door: Door, value: Value) -> Value:
    if value.secret is None:
        return value
    access.require(door.actor, Permission.SECRETS_USE)
    try:
        present = credentials.get(c, value.secret.credential)
    except NotFound:
        raise Conflict(
            f"credential {value.secret.name}, which {value.name} took, is deleted: start the task with another one"
        ) from None
    return replace(value, secret=replace(value.secret, name=present.name, version=present.secret_version))


def _in_scope(
    targets: Iterable[TargetResult], scope: Collection[RerunScope], inventory: Inventory
) -> tuple[DeviceId, ...]:
    chosen = {target.device_id for target in targets if is_in_scope(target, scope)}
    if not chosen:
        raise Conflict("no target is left to repeat")
    there = chosen & inventory.devices.keys()
    if not there:
        raise Conflict("the devices to repeat it on are deleted")
    return tuple(sorted(there))


def _narrowed(c: Connection, door: Door, draft: TaskDraft, targets: str) -> TaskDraft:
    """The draft on those of its targets that a selector names."""
    snapshot, failed = door.snapshot(c), door.failed_in(c)
    try:
        wanted = {device for device, _, _ in resolve(targets, snapshot.inventory, failed).devices}
    except InvalidInput as error:
        raise InvalidInput(replace(problem, field="targets") for problem in error.problems) from error
    kept = tuple(device for device, _, _ in snapshot.targets(draft, failed) if device in wanted)
    if not kept:
        raise InvalidInput.of("targets", "none of them is a target of the task", "name some of its own targets")
    return replace(draft, selector="", group_ids=(), device_ids=kept)


def _refuse_overlap(c: Connection, task: StoredTask) -> None:
    alive = executions.alive_of(c, task.id)
    if isinstance(decide(task.draft.overlap, alive), Skip):
        named = ", ".join(f"#{execution}" for execution in alive[:_NAMED]) + (", ..." if len(alive) > _NAMED else "")
        rule = format_overlap(task.draft.overlap)
        raise Conflict(
            f"task {task.draft.name} runs already ({named}), and its overlap rule is {rule}: wait for its end, "
            f"cancel execution {alive[0]}, or set --overlap parallel:{len(alive) + 1}"
        )


def queue(
    change: Change,
    door: Door,
    *,
    task_id: TaskId | None,
    task_version: int | None,
    name: str,
    fire_key: str,
    trigger: Trigger,
    owner: UserId,
    draft: Mapping[str, JSON],
    summary: str,
    facts: Mapping[str, JSON],
) -> Started:
    if door.premises.engine.is_stopping:
        # it would be the next engine's, whenever that comes: nobody who starts something now means that
        raise Unavailable("the engine is stopping; nothing was started")
    execution, _ = executions.insert(
        change.c,
        task_id=task_id,
        task_version=task_version,
        fire_key=fire_key,
        trigger=trigger,
        draft_json=canonical(dict(draft)),
        owner_id=owner,
        started_by=door.actor.name,
        task_name=name,
        summary=summary,
        engine_id=door.premises.engine.id,
        status=ExecutionStatus.QUEUED,
        due_at_ms=change.now_ms,
        scheduled_for_ms=None,
        now_ms=change.now_ms,
    )
    change.record(_START, execution, after=audited(task_id, trigger, facts))
    return Started(execution, is_new=True)


def audited(task: TaskId | None, trigger: Trigger, facts: Mapping[str, JSON]) -> dict[str, JSON]:
    return {"task_id": task, "trigger": trigger.value, **facts}


def again(change: Change, known: ExecutionId, asked: Mapping[str, JSON]) -> Started:
    """The run that this request started; InvalidInput when it asked for something else then.

    What was asked for is what the audit says of the start: the task may have changed since, and that is no mistake.
    """
    if not audit.may_say(change.c, _START, known, after=asked):
        raise InvalidInput.of(
            "request", f"it started execution {known} already, which was asked for otherwise", "make a new one"
        )
    change.nothing_changed()
    return Started(known, is_new=False)
