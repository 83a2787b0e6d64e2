"""`deployx task`: what is scheduled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from deployx_tui.cli import printing
from deployx_tui.cli.backend import with_backend
from deployx_tui.cli.completion import Name
from deployx_tui.cli.deleting import delete_named
from deployx_tui.cli.invocation import Group, Invocation, invocation
from deployx_tui.cli.pushing import Typed, not_sent, sent, typed, without_ids
from deployx_tui.cli.software_options import with_named
from deployx_tui.cli.task_options import draft_of, task_options
from deployx_tui.cli.task_printing import at_words, put_fires, put_payload
from deployx_tui.cli.task_reading import list_, next_, show
from deployx_tui.cli.task_runs import cancel, check, run
from deployx_tui.errors import InvalidInput, Problem
from deployx_tui.model.words import counted

if TYPE_CHECKING:
    from deployx_tui.model.engine import EngineStatus
    from deployx_tui.model.ids import TaskId
    from deployx_tui.model.task import Task, TaskDraft, TaskPreview
    from deployx_tui.service.backend import Backend


@click.group(cls=Group)
def task() -> None:
    """What is scheduled."""


task.add_command(list_)
task.add_command(show)
task.add_command(next_)
task.add_command(run)
task.add_command(cancel)
task.add_command(check)


@task.command(example="deployx task add nightly-backup --on tag:prod --command 'uname -a' --daily 03:00")
@click.argument("name")
@task_options
@click.option("--dry-run", is_flag=True, help="Print targets, next runs and warnings; change nothing.")
def add(name: str, dry_run: bool, **fields: Any) -> None:
    """Make a task: what to do, on what, and when.

    With --push FILE --to PATH it puts files or a folder on its targets, which are kept as artifacts; with --install
    PACKAGE it installs what the catalogue, or each device's own package manager, knows by that name, and with
    --uninstall PACKAGE it takes that away.
    """
    call = invocation()
    what = typed(fields["push"], fields["stored"], "--push")
    typed_draft = draft_of(_normal(name), fields, call.settings.timezone, items=() if what else None)
    if dry_run:
        _dry_run(call, lambda backend: _would_be(backend, what, typed_draft, fields))
        return

    async def make(backend: Backend) -> Task:
        known = await with_named(backend, typed_draft, fields)
        draft = await sent(call, backend, what, known, fields)
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
@click.option("--no-param", "dropped", multiple=True, metavar="N", help="Drop a parameter; again for more.")
@click.option("--dry-run", is_flag=True, help="Print targets, next runs and warnings; change nothing.")
def edit(name: str, new_name: str | None, dry_run: bool, **fields: Any) -> None:
    """Change what is given; the rest stays. `none` takes away --start, --end, --timeout, --cwd or the tags.

    --push and --artifact replace what is put there: one of the same name keeps its options, such as --substitute.
    """
    call = invocation()
    what = typed(fields["push"], fields["stored"], "--push")

    def changed(present: Task) -> TaskDraft:
        kept = present.draft
        wanted = _normal(new_name) if new_name is not None else kept.name
        return draft_of(wanted, fields, kept.schedule.zone, kept)

    if dry_run:
        _dry_run(call, lambda backend: _change_of(backend, name, what, changed, fields))
        return

    async def change(backend: Backend) -> Task:
        from deployx_tui.model.task import TaskState

        present = await backend.tasks.find(name)
        known = await with_named(backend, changed(present), fields)
        draft = await sent(call, backend, what, known, fields, present.id)
        warnings = (await backend.tasks.preview(draft, 0, present.id)).warnings
        written = await backend.tasks.update(present.id, draft, present.version)
        for warning in warnings:
            printing.note(call, f"! {warning}")
        if written.state is TaskState.FINISHED:
            printing.note(call, f"! it stays finished: {_no_time_left(written)}")
        else:
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
        copied = present.draft.copy() if new_name is None else replace(present.draft, name=_normal(new_name))
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


@task.command(example="deployx task rm nightly-backup --yes")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", type=Name("task"))
@click.option("--yes", is_flag=True, help="Do not ask.")
def rm(names: tuple[str, ...], yes: bool) -> None:
    """Delete tasks. Their history stays."""
    delete_named("task", names, lambda backend: backend.tasks, yes=yes)


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


async def _say_if_nothing_stays(call: Invocation, backend: Backend) -> None:
    """Nothing is armed silently that will not fire."""
    words = until_when(await backend.engine.status())
    if words:
        printing.note(call, words)


def until_when(status: EngineStatus) -> str:
    """How long an engine that is nobody's service will fire what was armed; "" of one that stays."""
    if status.is_service:
        return ""
    # this command is one of its clients
    others = status.clients - 1
    if others > 0:
        return (
            f"tasks fire until the last deployx here is closed ({others} open now); "
            "deployx --serve, or to leave it running when you quit, keeps the engine"
        )
    return "no engine stays running here: tasks fire while deployx is open, or while deployx --serve runs"


async def _would_be(
    backend: Backend, what: Typed, draft: TaskDraft, fields: Mapping[str, Any], task: TaskId | None = None
) -> tuple[TaskDraft, TaskPreview]:
    """The draft and what it would mean, with nothing kept of what would be sent."""
    draft = await with_named(backend, draft, fields)
    if not what:
        return draft, await backend.tasks.preview(draft, task=task)
    whole, _, stock = await not_sent(backend, what, draft, fields)
    preview = await backend.tasks.preview(whole, task=task)
    return whole, replace(preview, problems=tuple(without_ids(preview.problems)), stock=stock)


async def _change_of(
    backend: Backend, name: str, what: Typed, changed: Callable[[Task], TaskDraft], fields: Mapping[str, Any]
) -> tuple[TaskDraft, TaskPreview]:
    present = await backend.tasks.find(name)
    return await _would_be(backend, what, changed(present), fields, present.id)


def _dry_run(call: Invocation, look: Callable[[Backend], Awaitable[tuple[TaskDraft, TaskPreview]]]) -> None:
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
    put_payload(draft.payload, preview.stock)
    for warning in preview.warnings:
        printing.put_line(f"! {warning}")
    printing.note(call, "nothing was changed")


def _put_written(call: Invocation, one: Task, verb: str) -> None:
    if call.json:
        from deployx_tui.service.wire.tasks import task_to_json

        printing.put_json(task_to_json(one))
        return
    printing.put_line(f"{verb} task {one.name} ({one.id}): {_upcoming(one)}, on {counted(one.target_count, 'device')}")


def _upcoming(one: Task) -> str:
    """Its next run, or why there is none."""
    if one.next_execution is None:
        return one.state.value
    return f"next {at_words(one.next_execution, one.draft.schedule)}"


def _no_time_left(one: Task) -> str:
    end = one.draft.schedule.end
    if end is None:
        return "its time has passed; give it another one with --at TIME or --daily HH:MM"
    return f"no time is left before its end {at_words(end, one.draft.schedule)}; --end none takes the end away"


def _put_acted(call: Invocation, found: list[Task], verb: str) -> None:
    if call.json:
        from deployx_tui.service.wire.tasks import task_to_json

        printing.put_json([task_to_json(one) for one in found])
        return
    for one in found:
        upcoming = f", {_upcoming(one)}" if one.next_execution is not None else ""
        printing.put_line(f"{verb} {one.name} ({one.id}){upcoming}")
