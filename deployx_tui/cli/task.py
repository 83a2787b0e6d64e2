"""`deployx task`: what is scheduled."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from deployx_tui.cli import asking, printing
from deployx_tui.cli.backend import with_backend
from deployx_tui.cli.completion import Name
from deployx_tui.cli.invocation import Group, Invocation, invocation
from deployx_tui.cli.task_options import draft_of, schedule_of, schedule_options, task_options
from deployx_tui.cli.task_printing import at_words, counted, put_fires, put_payload, put_task
from deployx_tui.errors import InvalidInput, Problem

if TYPE_CHECKING:
    from deployx_tui.model.execution import Execution
    from deployx_tui.model.ids import ExecutionId, TaskId
    from deployx_tui.model.schedule import Fire, Schedule
    from deployx_tui.model.task import Task, TaskDraft, TaskPreview
    from deployx_tui.service.backend import Backend

SORTS = ("next", "name", "created", "last")


@click.group(cls=Group)
def task() -> None:
    """What is scheduled."""


# ---- reading


@task.command("list", example="deployx task list backup --sort name")
@click.argument("text", required=False, default="")
@click.option("--state", type=click.Choice(["active", "paused", "finished", "cancelled"]), help="Only in this state.")
@click.option("--on", "device", metavar="DEVICE", type=Name("device"), help="Only those that run on it.")
@click.option("--tag", metavar="T", help="Only with this tag.")
@click.option("--sort", type=click.Choice(SORTS), default="next", show_default=True)
@click.option("--reverse", is_flag=True, help="The other way round.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many; default: all.")
def list_(
    text: str, state: str | None, device: str | None, tag: str | None, sort: str, reverse: bool, limit: int | None
) -> None:
    """Tasks, the next to run first. TEXT: words that they hold; !word excludes."""
    call = invocation()

    async def read(backend: Backend) -> list[Task]:
        from deployx_tui.model.task import TaskQuery, TaskSort, TaskState

        query = TaskQuery(
            text=text,
            state=None if state is None else TaskState(state),
            device_id=None if device is None else (await backend.devices.find(device)).id,
            tag=tag,
            sort=TaskSort(sort),
            descending=reverse,
            limit=min(limit or 1000, 1000),
        )
        found: list[Task] = []
        while True:
            page = await backend.tasks.list(query)
            found += page.items
            if page.next_cursor is None or (limit is not None and len(found) >= limit):
                return found[:limit]
            query = replace(query, cursor=page.next_cursor)

    found = with_backend(call, read, engine=False)
    if call.json:
        from deployx_tui.service.wire.tasks import task_to_json

        printing.put_json([task_to_json(one) for one in found])
        return
    from deployx_tui.tui.render.schedule import schedule_words

    printing.put_table(
        ("ID", "TASK", "STATE", "NEXT", "SCHEDULE", "ON", "LAST"),
        (
            (
                str(one.id),
                one.name,
                one.state.value,
                at_words(one.next_execution, one.draft.schedule),
                schedule_words(one.draft.schedule),
                str(one.target_count),
                "-" if one.last is None else one.last.status.value.replace("_", " "),
            )
            for one in found
        ),
        empty="no tasks; deployx task add NAME --on SELECTOR --command LINE --daily 03:00 makes one",
    )


@task.command(example="deployx task show nightly-backup")
@click.argument("name", type=Name("task"))
def show(name: str) -> None:
    """One task, its next runs and its latest executions."""
    call = invocation()

    async def read(backend: Backend) -> tuple[Task, tuple[Fire, ...], tuple[Execution, ...], str]:
        from deployx_tui.model.execution import ExecutionQuery
        from deployx_tui.model.task import TaskState

        one = await backend.tasks.find(name)
        is_armed = one.state is TaskState.ACTIVE
        fires = await backend.tasks.fires(one.draft.schedule, 5) if is_armed else ()
        ran = await backend.executions.list(ExecutionQuery(task_id=one.id, limit=10))
        return one, fires, ran.items, await _why_no_target(backend, one)

    one, fires, ran, missing = with_backend(call, read, engine=False)
    if call.json:
        from deployx_tui.service.wire.tasks import task_to_json

        printing.put_json(task_to_json(one, executions=ran, next_executions=[fire.at for fire in fires]))
        return
    put_task(one)
    if missing:
        printing.put_line(f"! {missing}")
    if fires:
        printing.put_line()
        put_fires(one.draft.schedule, fires)
    if ran:
        printing.put_line()
        printing.put_table(
            ("EXECUTION", "STARTED", "STATE", "TARGETS", "WHY"),
            (
                (
                    f"#{run.id}",
                    at_words(run.started_at or run.scheduled_for or run.created_at, one.draft.schedule),
                    run.status.value.replace("_", " "),
                    f"{run.targets.succeeded}/{run.targets.total}",
                    run.error_message,
                )
                for run in ran
            ),
        )


@task.command("next", example="deployx task next --cron '30 2 * * *' --zone Europe/Berlin --from 2027-03-27 --count 3")
@click.argument("name", metavar="[NAME|EXPRESSION]", required=False, type=Name("task"))
@schedule_options
@click.option("--count", type=click.IntRange(1, 1000), default=10, show_default=True)
@click.option("--from", "after", metavar="TIME", help="From then on; default: now.")
def next_(name: str | None, count: int, after: str | None, **fields: Any) -> None:
    """The next runs of a task, or of a rule that is not saved: a cron EXPRESSION or one given by the options."""
    from deployx_tui.model.parse import parse_instant

    call = invocation()
    if name is not None and (name.startswith("@") or len(name.split()) > 1) and not _has_rule(fields):
        fields["cron"], name = name, None
    if name is not None and _has_rule(fields):
        raise InvalidInput.of("NAME", "a task and a rule are both there", "give one of them")

    def from_when(zone: str) -> datetime:
        return parse_instant(after, zone, "--from") if after is not None else datetime.now(UTC)

    if name is None:
        from deployx_tui.scheduling.recurrence import compile_schedule

        schedule = schedule_of(fields, call.settings.timezone)
        fires = compile_schedule(schedule).fires(from_when(schedule.zone), count)
    else:
        wanted = name

        async def read(backend: Backend) -> tuple[Schedule, tuple[Fire, ...]]:
            present = (await backend.tasks.find(wanted)).draft.schedule
            # the zone and the rules for odd nights can be tried on a task that exists
            changed = schedule_of(fields, present.zone, present)
            return changed, await backend.tasks.fires(changed, count, from_when(changed.zone))

        schedule, fires = with_backend(call, read, engine=False)
    if call.json:
        from deployx_tui.service.wire.tasks import fire_to_json

        printing.put_json([fire_to_json(fire) for fire in fires])
        return
    put_fires(schedule, fires)


def _has_rule(fields: Mapping[str, Any]) -> bool:
    return any(fields[rule] is not None for rule in ("at", "daily", "weekly", "monthly", "cron"))


# ---- writing


@task.command(example="deployx task add nightly-backup --on tag:prod --command 'uname -a' --daily 03:00")
@click.argument("name")
@task_options
@click.option("--dry-run", is_flag=True, help="Print targets, next runs and warnings; change nothing.")
def add(name: str, dry_run: bool, **fields: Any) -> None:
    """Make a task: what to run, on what, and when."""
    call = invocation()
    draft = draft_of(_normal(name), fields, call.settings.timezone)
    if dry_run:
        _dry_run(call, lambda _: _given(draft))
        return

    async def make(backend: Backend) -> Task:
        warnings = (await backend.tasks.preview(draft)).warnings
        made = await backend.tasks.create(draft)
        for warning in warnings:
            printing.note(call, f"! {warning}")
        await _say_if_nothing_stays(call, backend)
        return made

    _put_written(call, with_backend(call, make), "made")


@task.command(example="deployx task edit nightly-backup --daily 04:30 --timeout 10m")
@click.argument("name", type=Name("task"))
@click.option("--name", "new_name", metavar="NAME", help="Another name.")
@task_options
@click.option("--dry-run", is_flag=True, help="Print targets, next runs and warnings; change nothing.")
def edit(name: str, new_name: str | None, dry_run: bool, **fields: Any) -> None:
    """Change what is given; the rest stays. `none` takes away --start, --end, --timeout or --cwd."""
    call = invocation()

    def changed(present: Task) -> TaskDraft:
        kept = present.draft
        wanted = _normal(new_name) if new_name is not None else kept.name
        return draft_of(wanted, fields, kept.schedule.zone, kept)

    if dry_run:
        _dry_run(call, lambda backend: _change_of(backend, name, changed))
        return

    async def change(backend: Backend) -> Task:
        present = await backend.tasks.find(name)
        draft = changed(present)
        warnings = (await backend.tasks.preview(draft, 0, present.id)).warnings
        written = await backend.tasks.update(present.id, draft, present.version)
        for warning in warnings:
            printing.note(call, f"! {warning}")
        await _say_if_nothing_stays(call, backend)
        return written

    _put_written(call, with_backend(call, change), "changed")


@task.command(example="deployx task duplicate nightly-backup evening-backup")
@click.argument("name", type=Name("task"))
@click.argument("new_name", metavar="[NEW]", required=False)
def duplicate(name: str, new_name: str | None) -> None:
    """Make a paused copy of a task, to be edited and then resumed."""
    call = invocation()

    async def copy(backend: Backend) -> Task:
        present = await backend.tasks.find(name)
        wanted = _normal(new_name) if new_name is not None else f"{present.name} copy"
        copied = replace(present.draft, name=wanted)
        for warning in (await backend.tasks.preview(copied, 0)).warnings:
            printing.note(call, f"! {warning}")
        made = await backend.tasks.create(copied)
        return await backend.tasks.pause(made.id)

    made = with_backend(call, copy)
    _put_written(call, made, "made")
    printing.note(call, f"it is paused: deployx task resume {made.id}")


@task.command(example="deployx task pause nightly-backup")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", type=Name("task"))
def pause(names: tuple[str, ...]) -> None:
    """Let no run start by schedule until it is resumed. Times that pass meanwhile are not missed."""
    call = invocation()
    found = _each(call, names, lambda backend, one: backend.tasks.pause(one.id))
    _put_acted(call, found, "paused")


@task.command(example="deployx task resume nightly-backup")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", type=Name("task"))
def resume(names: tuple[str, ...]) -> None:
    """Arm paused tasks again."""
    call = invocation()
    found = _each(call, names, lambda backend, one: backend.tasks.resume(one.id), arms=True)
    _put_acted(call, found, "resumed")


@task.command(example="deployx task run nightly-backup --wait")
@click.argument("name", type=Name("task"))
@click.option("--on", "targets", metavar="SELECTOR", type=Name("selector"), help="Only on these of its targets.")
@click.option("--wait/--detach", default=False, help="Follow it to the end, or print the id and go (the default).")
@click.option("--yes", is_flag=True, help="Do not ask above 10 targets.")
def run(name: str, targets: str | None, wait: bool, yes: bool) -> int:
    """Run a task now; its schedule stays as it is. With --wait the exit status is that of the worst target."""
    from deployx_tui.cli.run import MANY, wait_or_detach

    call = invocation()

    async def start(backend: Backend) -> int:
        one = await backend.tasks.find(name)
        if one.target_count > MANY and targets is None:
            asking.confirm(call, f"run {one.name} on {counted(one.target_count)}", yes=yes)
        execution: ExecutionId = await backend.tasks.run(one.id, str(uuid.uuid4()), targets)
        return await wait_or_detach(call, backend, execution, wait=wait)

    return with_backend(call, start)


@task.command(example="deployx task cancel nightly-backup")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", type=Name("task"))
def cancel(names: tuple[str, ...]) -> None:
    """Stop the runs of tasks that are alive: what waits never starts, what runs is killed. Schedules stay."""
    call = invocation()

    async def stop(backend: Backend) -> list[Execution]:
        from deployx_tui.model.execution import ALIVE, ExecutionQuery

        stopped: list[Execution] = []
        for one in [await backend.tasks.find(name) for name in dict.fromkeys(names)]:
            alive = await backend.executions.list(ExecutionQuery(task_id=one.id, statuses=ALIVE, limit=1000))
            stopped += [await backend.executions.cancel(run.id) for run in alive.items]
        return stopped

    stopped = with_backend(call, stop)
    if call.json:
        from deployx_tui.service.wire.executions import execution_to_json

        printing.put_json([execution_to_json(run) for run in stopped])
    elif stopped:
        printing.put_line(f"cancelling {', '.join(f'#{run.id}' for run in stopped)}")
        printing.note(call, f"deployx execution show {stopped[0].id} says what became of its targets")
    else:
        printing.note(call, "nothing of it runs")


@task.command(example="deployx task rm nightly-backup --yes")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", type=Name("task"))
@click.option("--yes", is_flag=True, help="Do not ask.")
def rm(names: tuple[str, ...], yes: bool) -> None:
    """Delete tasks. Their history stays."""
    call = invocation()

    async def remove(backend: Backend) -> list[Task]:
        found = [await backend.tasks.find(name) for name in dict.fromkeys(names)]
        what = "a task" if len(found) == 1 else f"{len(found)} tasks"
        asking.confirm(call, f"delete {what}: {', '.join(one.name for one in found)}", yes=yes)
        for one in found:
            await backend.tasks.delete(one.id, one.version)
        return found

    removed = with_backend(call, remove)
    if call.json:
        printing.put_json([one.id for one in removed])
    else:
        printing.put_line(f"deleted {', '.join(one.name for one in removed)}")


# ---- pieces


def _normal(name: str) -> str:
    from deployx_tui.planning.names import normal_name

    return normal_name(name)


def _each(
    call: Invocation,
    names: Iterable[str],
    act: Callable[[Backend, Task], Awaitable[Task]],
    *,
    arms: bool = False,
) -> list[Task]:
    async def go(backend: Backend) -> list[Task]:
        found = [await backend.tasks.find(name) for name in dict.fromkeys(names)]
        acted = [await act(backend, one) for one in found]
        if arms:
            await _say_if_nothing_stays(call, backend)
        return acted

    return with_backend(call, go)


async def _why_no_target(backend: Backend, one: Task) -> str:
    """Why a task runs on nothing now; "" when it has a target."""
    if one.target_count:
        return ""
    places = ("selector", "device_ids", "group_ids")
    problems = [p.message for p in (await backend.tasks.preview(one.draft, task=one.id)).problems if p.field in places]
    return f"0 targets: {'; '.join(problems) or 'no device matches now'}"


async def _say_if_nothing_stays(call: Invocation, backend: Backend) -> None:
    """Nothing is armed silently that will not fire."""
    status = await backend.engine.status()
    if not status.is_service:
        printing.note(
            call,
            "no engine stays running here: tasks fire while deployx is open, or while deployx --serve runs",
        )


async def _given(draft: TaskDraft) -> tuple[TaskDraft, TaskId | None]:
    return draft, None


async def _change_of(
    backend: Backend, name: str, changed: Callable[[Task], TaskDraft]
) -> tuple[TaskDraft, TaskId | None]:
    present = await backend.tasks.find(name)
    return changed(present), present.id


def _dry_run(call: Invocation, draft_for: Callable[[Backend], Awaitable[tuple[TaskDraft, TaskId | None]]]) -> None:
    async def look(backend: Backend) -> tuple[TaskDraft, TaskPreview]:
        draft, changed = await draft_for(backend)
        return draft, await backend.tasks.preview(draft, task=changed)

    draft, preview = with_backend(call, look, engine=False)
    if preview.problems:
        raise InvalidInput(Problem(field=p.field, message=p.message, remedy=p.remedy) for p in preview.problems)
    if call.json:
        from deployx_tui.service.wire.tasks import preview_to_json

        printing.put_json(preview_to_json(preview))
        return
    printing.put_table(("TARGET", "BECAUSE OF"), ((name, why) for _, name, why in preview.targets), empty="no target")
    printing.put_line()
    put_fires(draft.schedule, preview.fires)
    printing.put_line()
    put_payload(draft)
    for warning in preview.warnings:
        printing.put_line(f"! {warning}")
    printing.note(call, "nothing was changed")


def _put_written(call: Invocation, one: Task, verb: str) -> None:
    if call.json:
        from deployx_tui.service.wire.tasks import task_to_json

        printing.put_json(task_to_json(one))
        return
    when = at_words(one.next_execution, one.draft.schedule) if one.next_execution is not None else one.state.value
    printing.put_line(f"{verb} task {one.name} ({one.id}): next {when}, on {counted(one.target_count)}")


def _put_acted(call: Invocation, found: list[Task], verb: str) -> None:
    if call.json:
        from deployx_tui.service.wire.tasks import task_to_json

        printing.put_json([task_to_json(one) for one in found])
        return
    for one in found:
        upcoming = (
            f", next {at_words(one.next_execution, one.draft.schedule)}" if one.next_execution is not None else ""
        )
        printing.put_line(f"{verb} {one.name} ({one.id}){upcoming}")
