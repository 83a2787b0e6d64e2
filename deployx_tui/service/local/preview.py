"""What saving a draft would mean: its problems, fires, targets, and what a person should think of first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from deployx_tui.errors import InvalidInput
from deployx_tui.model.fact_words import unknown_words
from deployx_tui.model.files import FilePayload
from deployx_tui.model.ids import DeviceId
from deployx_tui.model.payload import POSIX_SHELLS, CommandPayload
from deployx_tui.model.payloads import Payload
from deployx_tui.model.schedule import Fire, Schedule
from deployx_tui.model.task import PreviewProblem, TaskDraft, TaskPreview
from deployx_tui.model.words import counted
from deployx_tui.planning.parameters import unanswered
from deployx_tui.planning.selectors import resolve
from deployx_tui.planning.validate import validate_task
from deployx_tui.planning.validate_files import is_windows_path
from deployx_tui.scheduling.recurrence import compile_schedule
from deployx_tui.scheduling.surprises import surprises
from deployx_tui.service.local.parameters import secret_problems
from deployx_tui.service.local.snapshot import Failed, Snapshot, Targets
from deployx_tui.service.local.stock import stock_of
from deployx_tui.store import devices, groups

#: names that a warning lists before it counts the rest
_NAMED = 3


def preview(
    c: Connection, draft: TaskDraft, count: int, snapshot: Snapshot, failed: Failed, now: datetime
) -> TaskPreview:
    targets = _targets(draft, snapshot, failed)
    stock = stock_of(c, [draft.payload])
    return TaskPreview(
        problems=tuple(
            PreviewProblem(field=problem.field, message=problem.message, remedy=problem.remedy)
            for problem in (*validate_task(draft, snapshot.inventory, now, stock), *secret_problems(c, draft.payload))
        ),
        fires=_fires(draft.schedule, now, count),
        targets=targets,
        warnings=(
            *_of_targets(targets, draft),
            *_of_facts(draft, snapshot, failed),
            *_of_system(targets, draft.payload),
            *_of_parameters(draft),
            *_of_protection(c, targets, snapshot),
            *_of_contacts(c, [device for device, _, _ in targets]),
            *surprises(draft.schedule),
        ),
        stock=stock,
    )


def _fires(schedule: Schedule, now: datetime, count: int) -> tuple[Fire, ...]:
    try:
        return compile_schedule(schedule).fires(now, count)
    except InvalidInput:
        return ()  # a problem of the draft says why


def _targets(draft: TaskDraft, snapshot: Snapshot, failed: Failed) -> Targets:
    try:
        return snapshot.targets(draft, failed)
    except InvalidInput:
        return ()


def _of_targets(targets: Targets, draft: TaskDraft) -> Iterable[str]:
    named = bool(draft.selector.strip() or draft.device_ids or draft.group_ids)
    if named and not targets:
        yield "no device matches now: a run would be skipped"


def _of_facts(draft: TaskDraft, snapshot: Snapshot, failed: Failed) -> Iterable[str]:
    if not draft.selector.strip():
        return
    try:
        unknown = resolve(draft.selector, snapshot.inventory, failed, lenient=True).unknown
    except InvalidInput:
        return  # a problem of the draft says why
    if unknown:
        yield unknown_words(unknown)


def _of_system(targets: Targets, payload: Payload) -> Iterable[str]:
    """Every transport of this release leads to a POSIX target."""
    if not targets:
        return
    if isinstance(payload, CommandPayload) and payload.shell not in POSIX_SHELLS:
        yield f"{payload.shell} can't run on a POSIX target; choose sh, bash or zsh"
    if isinstance(payload, FilePayload) and is_windows_path(payload.target_path):
        yield f"{payload.target_path} is no path on a POSIX target; give platform_paths for those, such as linux"


def _of_parameters(draft: TaskDraft) -> Iterable[str]:
    names = unanswered(draft.payload)
    if names:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yield f"{', '.join(names[:_NAMED])}{more} has no default: only runs that are started by hand can give it"


def _of_protection(c: Connection, targets: Targets, snapshot: Snapshot) -> Iterable[str]:
    hit = {device for device, _, _ in targets}
    wanted = "the device's name" if len(hit) == 1 else "the number of its targets"
    for group in groups.every(c):
        held = hit.intersection(snapshot.members.get(group.id, ())) if group.draft.protected else ()
        if held:
            yield (
                f"{counted(len(held), 'target')} in the protected group {group.draft.name}: "
                f"running it by hand wants {wanted} typed"
            )


def _of_contacts(c: Connection, targets: Iterable[DeviceId]) -> Iterable[str]:
    away = devices.out_of_contact(c, targets)
    if away:
        more = f" and {len(away) - _NAMED} more" if len(away) > _NAMED else ""
        those = "it is" if len(away) == 1 else "they are"
        yield (f"{', '.join(away[:_NAMED])}{more} could not be used at the last contact: {those} tried all the same")
