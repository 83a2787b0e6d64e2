"""`deployx execution` (also `history`): what ran, where, and what each target said."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from deployx_tui.cli import asking, printing
from deployx_tui.cli.backend import with_backend
from deployx_tui.cli.completion import Name
from deployx_tui.cli.execution_download import download
from deployx_tui.cli.execution_output import is_alive, output
from deployx_tui.cli.execution_stop import stop_all
from deployx_tui.cli.invocation import ExecutionNumber, Group, invocation
from deployx_tui.cli.parameters import put_given
from deployx_tui.cli.run_state import RunState

if TYPE_CHECKING:
    from deployx_tui.model.execution import Execution, ExecutionStatus, TargetResult
    from deployx_tui.model.parameter import Value
    from deployx_tui.service.backend import Backend


@click.group(cls=Group)
def execution() -> None:
    """What ran, where, and what each target said."""


execution.add_command(output)
execution.add_command(download)
execution.add_command(stop_all)


@execution.command("list", example="deployx execution list --status failed --since 2d")
@click.option("--task", metavar="NAME", type=Name("task"), help="Only of this task.")
@click.option("--status", "statuses", multiple=True, type=RunState(), help="Only these; again for more.")
@click.option("--on", "device", metavar="DEVICE", type=Name("device"), help="Only with this device among the targets.")
@click.option("--since", metavar="2d", help="A duration back from now, or an instant.")
@click.option("--text", metavar="WORDS", default="", help="Words in names, errors and outputs.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--cursor", metavar="C", help="Where an earlier page ended.")
def list_(
    task: str | None,
    statuses: tuple[str, ...],
    device: str | None,
    since: str | None,
    text: str,
    limit: int,
    cursor: str | None,
) -> None:
    """Executions, newest first."""
    from deployx_tui.model.execution import ExecutionQuery, ExecutionStatus
    from deployx_tui.model.outcome_words import run_word, why_words
    from deployx_tui.model.page import Page

    call = invocation()

    async def read(backend: Backend) -> Page[Execution]:
        query = ExecutionQuery(
            task_id=(await backend.tasks.find(task)).id if task is not None else None,
            statuses=frozenset(ExecutionStatus(word) for word in statuses),
            device_id=(await backend.devices.find(device)).id if device is not None else None,
            since=_since(since, call.settings.timezone) if since is not None else None,
            text=text,
            limit=limit,
            cursor=cursor,
        )
        return await backend.executions.list(query)

    page = with_backend(call, read, engine=False)
    if call.json:
        from deployx_tui.service.wire.executions import execution_to_json

        printing.put_json(
            {"executions": [execution_to_json(one) for one in page.items], "next_cursor": page.next_cursor}
        )
        return
    printing.put_table(
        ("ID", "TASK", "BY", "STARTED", "TOOK", "STATE", "TARGETS", "WHY"),
        (
            (
                str(one.id),
                one.task_name,
                one.by,
                printing.instant(one.started_at or one.scheduled_for or one.created_at),
                _took(one.started_at, one.finished_at),
                f"{mark_of(one.status)} {run_word(one.status)}",
                f"{one.targets.succeeded}/{one.targets.total}",
                why_words(one),
            )
            for one in page.items
        ),
        empty="no executions",
        gives_way="TASK",
        leaves=("BY", "TOOK"),
    )
    if page.next_cursor is not None:
        printing.note(call, f"more: --cursor {page.next_cursor}")


@execution.command(example="deployx execution show 1")
@click.argument("number", metavar="ID", type=ExecutionNumber())
def show(number: int) -> None:
    """One execution with its targets."""
    from deployx_tui.cli.following import all_targets, to_document
    from deployx_tui.model.ids import ExecutionId
    from deployx_tui.model.outcome_words import run_word, why_words

    call = invocation()

    async def read(backend: Backend) -> tuple[Execution, list[TargetResult], tuple[Value, ...]]:
        one = await backend.executions.get(ExecutionId(number))
        return one, await all_targets(backend, one.id), await backend.executions.parameters(one.id)

    one, targets, values = with_backend(call, read, engine=False)
    if call.json:
        from deployx_tui.model.parameter_json import values_to_json

        printing.put_json({**to_document(one, targets), "parameters": values_to_json(values)})
        return
    printing.put_facts(
        [
            ("execution", f"#{one.id} {one.task_name}"),
            ("state", f"{mark_of(one.status)} {run_word(one.status)}"),
            ("started by", one.by),
            ("scheduled", printing.instant(one.scheduled_for)),
            ("started", printing.instant(one.started_at)),
            ("finished", printing.instant(one.finished_at)),
            ("runs", one.summary),
            ("plan", one.plan_sha256 or "not planned"),
            ("why", why_words(one) or "-"),
        ]
    )
    put_given(values)
    printing.put_line()
    _put_targets(targets)


@execution.command(example="deployx execution targets 1")
@click.argument("number", metavar="ID", type=ExecutionNumber())
def targets(number: int) -> None:
    """The targets of an execution, one a line."""
    from deployx_tui.cli.following import all_targets
    from deployx_tui.model.ids import ExecutionId

    call = invocation()
    found = with_backend(call, lambda backend: all_targets(backend, ExecutionId(number)), engine=False)
    if call.json:
        from deployx_tui.service.wire.executions import target_to_json

        printing.put_json([target_to_json(target) for target in found])
        return
    _put_targets(found)


@execution.command(example="deployx execution follow 1")
@click.argument("number", metavar="ID", type=ExecutionNumber())
def follow(number: int) -> int:
    """Print a run's output until it is over. ctrl-c leaves it running."""
    from deployx_tui.cli.following import Follower, exit_status_of
    from deployx_tui.cli.run import put_result
    from deployx_tui.model.ids import ExecutionId

    call = invocation()

    async def watch(backend: Backend) -> int:
        over = await Follower(call, backend, ExecutionId(number)).to_the_end()
        return exit_status_of(over, await put_result(call, backend, over))

    return with_backend(call, watch, engine=is_alive(call, ExecutionId(number)))


@execution.command(example="deployx execution cancel 1 || true")
@click.argument("number", metavar="ID", type=ExecutionNumber())
@click.option("--wait/--detach", default=True, help="Wait until it is over (the default).")
def cancel(number: int, wait: bool) -> None:
    """Stop a run: waiting targets are not started, running ones are killed and looked at."""
    from deployx_tui.cli.following import Follower
    from deployx_tui.cli.run import put_result
    from deployx_tui.model.ids import ExecutionId

    call = invocation()

    async def stop(backend: Backend) -> None:
        one = await backend.executions.cancel(ExecutionId(number))
        if not wait:
            if call.json:
                printing.put_json({"execution_id": one.id})
            printing.note(call, f"asked #{one.id} to stop")
            return
        over = await Follower(call, backend, one.id).to_the_end()
        await put_result(call, backend, over)

    with_backend(call, stop)


@execution.command(example="deployx execution rerun 1 --scope all --detach")
@click.argument("number", metavar="ID", type=ExecutionNumber())
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(["failed", "not_started", "lost", "all"]),
    help="Which targets; default: failed, not_started and lost.",
)
@click.option("--wait/--detach", default=False, help="Wait for the end, or print the id and go (the default).")
@click.option("--yes", is_flag=True, help="Do not ask above 10 targets or for a protected group.")
def rerun(number: int, scopes: tuple[str, ...], wait: bool, yes: bool) -> int:
    """Run the stored plan again, on the targets that did not succeed."""
    from deployx_tui.cli.following import all_targets
    from deployx_tui.cli.run import wait_or_detach
    from deployx_tui.model.execution import DEFAULT_RERUN, RerunScope
    from deployx_tui.model.ids import ExecutionId
    from deployx_tui.model.rerun import is_in_scope

    call = invocation()

    async def again(backend: Backend) -> int:
        scope = frozenset(RerunScope(word) for word in scopes) or DEFAULT_RERUN
        execution = ExecutionId(number)
        targets = await all_targets(backend, execution)
        devices = {target.device_id: target.device for target in targets if is_in_scope(target, scope)}
        await asking.confirm_devices(call, backend, f"rerun #{execution}", devices, yes=yes)
        started = await backend.executions.rerun(execution, str(uuid.uuid4()), scope)
        return await wait_or_detach(call, backend, started, wait=wait)

    return with_backend(call, again)


@execution.command(example="deployx execution rollback 1 --yes || true")
@click.argument("number", metavar="ID", type=ExecutionNumber())
@click.option("--force", is_flag=True, help="Also where somebody changed it since.")
@click.option("--wait/--detach", default=True, help="Wait for the end (the default), or print the id and go.")
@click.option("--yes", is_flag=True, help="Do not ask above 10 targets or for a protected group.")
def rollback(number: int, force: bool, wait: bool, yes: bool) -> int:
    """Restore what a run changed, on the targets where it changed something and on no others."""
    from deployx_tui.cli.following import all_targets, put_each
    from deployx_tui.cli.run import start_and_wait
    from deployx_tui.model.ids import ExecutionId

    call = invocation()

    async def restore(backend: Backend) -> int:
        execution = ExecutionId(number)
        targets = await all_targets(backend, execution)
        devices = {target.device_id: target.device for target in targets if target.changed}
        await asking.confirm_devices(call, backend, f"roll back #{execution}", devices, yes=yes)

        async def start() -> ExecutionId:
            return await backend.executions.rollback(execution, str(uuid.uuid4()), force=force)

        return await start_and_wait(call, backend, start, wait=wait, tell=put_each)

    return with_backend(call, restore)


def mark_of(status: ExecutionStatus) -> str:
    """The glyph that stands before a status word everywhere."""
    return {
        "succeeded": "✓",
        "partially_succeeded": "!",
        "failed": "✗",
        "lost": "✗",
        "missed": "!",
        "running": "▸",
        "awaiting_approval": "◇",
    }.get(status.value, "·")


def _put_targets(found: list[TargetResult]) -> None:
    from deployx_tui.cli.following import state_word
    from deployx_tui.model.outcome_words import progress_words

    printing.put_table(
        ("TARGET", "STATE", "EXIT", "TOOK", "OUTPUT", "WHY"),
        (
            (
                one.device,
                state_word(one),
                f"SIG{one.signal}" if one.signal else "-" if one.exit_code is None else str(one.exit_code),
                _took(one.started_at, one.finished_at),
                f"{one.stdout_bytes + one.stderr_bytes} B" + (" cut" if one.output_cut else ""),
                one.error_message or ("" if one.progress is None else progress_words(one.progress)),
            )
            for one in found
        ),
        empty="no targets",
    )


def _since(text: str, zone: str) -> datetime:
    from deployx_tui.model.parse import parse_duration, parse_instant

    # an instant has dashes: everything else is meant as a duration
    if "-" not in text:
        return datetime.now(UTC) - parse_duration(text, "--since")
    return parse_instant(text, zone, "--since")


def _took(start: datetime | None, end: datetime | None) -> str:
    if start is None or end is None:
        return "-"
    seconds = (end - start).total_seconds()
    return f"{seconds:.1f}s" if seconds < 100 else f"{int(seconds) // 60}m{int(seconds) % 60:02}s"
