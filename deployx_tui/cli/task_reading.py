"""`deployx task list`, `show` and `next`: what is scheduled, and when it comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from deployx_tui.cli import printing
from deployx_tui.cli.backend import with_backend
from deployx_tui.cli.completion import Name
from deployx_tui.cli.invocation import Command, invocation
from deployx_tui.cli.task_options import schedule_of, schedule_options
from deployx_tui.cli.task_printing import at_words, put_fires, put_task
from deployx_tui.errors import InvalidInput

if TYPE_CHECKING:
    from deployx_tui.model.execution import Execution
    from deployx_tui.model.schedule import Fire, Schedule
    from deployx_tui.model.task import Task
    from deployx_tui.service.backend import Backend

SORTS = ("next", "name", "created", "last")


@click.command("list", cls=Command, example="deployx task list backup --sort name")
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
    from deployx_tui.model.outcome_words import run_word

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
                "-" if one.last is None else run_word(one.last.status),
            )
            for one in found
        ),
        empty="no tasks; deployx task add NAME --on SELECTOR --command LINE --daily 03:00 makes one",
        leaves=("SCHEDULE", "ON"),
    )


@click.command(cls=Command, example="deployx task show nightly-backup")
@click.argument("name", type=Name("task"))
def show(name: str) -> None:
    """One task, its next runs and its latest executions."""
    from deployx_tui.model.outcome_words import run_word, why_words

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
                    run_word(run.status),
                    f"{run.targets.succeeded}/{run.targets.total}",
                    why_words(run),
                )
                for run in ran
            ),
        )


@click.command(
    "next",
    cls=Command,
    example="deployx task next --cron '30 2 * * *' --zone Europe/Berlin --from 2027-03-27 --count 3",
)
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
    from deployx_tui.scheduling.surprises import surprises

    for surprise in surprises(schedule):
        printing.note(call, f"! {surprise}")
    if call.json:
        from deployx_tui.service.wire.tasks import fire_to_json

        printing.put_json([fire_to_json(fire) for fire in fires])
        return
    put_fires(schedule, fires)


def _has_rule(fields: Mapping[str, Any]) -> bool:
    return any(fields[rule] is not None for rule in ("at", "daily", "weekly", "monthly", "cron"))


async def _why_no_target(backend: Backend, one: Task) -> str:
    """Why a task runs on nothing now; "" when it has a target."""
    if one.target_count:
        return ""
    places = ("selector", "device_ids", "group_ids")
    problems = [p.message for p in (await backend.tasks.preview(one.draft, task=one.id)).problems if p.field in places]
    return f"0 targets: {'; '.join(problems) or 'no device matches now'}"
