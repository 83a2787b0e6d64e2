"""`deployx task run` and `cancel`: a run of a task now, and the end of those that are alive."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from deployx_tui.cli import asking, printing
from deployx_tui.cli.backend import with_backend
from deployx_tui.cli.completion import Name
from deployx_tui.cli.invocation import Command, invocation
from deployx_tui.cli.parameters import GIVES, given
from deployx_tui.model.words import counted

if TYPE_CHECKING:
    from deployx_tui.model.execution import Execution, TargetResult
    from deployx_tui.model.ids import DeviceId, ExecutionId
    from deployx_tui.model.task import Task
    from deployx_tui.service.backend import Backend


@click.command(cls=Command, example="deployx task run nightly-backup --wait")
@click.argument("name", type=Name("task"))
@click.option("--on", "targets", metavar="SELECTOR", type=Name("selector"), help="Only on these of its targets.")
@click.option("--param", "parameters", multiple=True, metavar="NAME=VALUE", help=GIVES)
@click.option("--wait/--detach", default=False, help="Follow it to the end, or print the id and go (the default).")
@click.option("--yes", is_flag=True, help="Do not ask above 10 targets or for a protected group.")
def run(name: str, targets: str | None, parameters: tuple[str, ...], wait: bool, yes: bool) -> int:
    """Run a task now; its schedule stays as it is. With --wait the exit status is that of the worst target."""
    from deployx_tui.cli.run import start_and_wait

    call = invocation()
    values = given(parameters)

    async def start(backend: Backend) -> int:
        one = await backend.tasks.find(name)
        devices = await _targets(backend, one, targets)
        await asking.confirm_devices(call, backend, f"run {one.name}", devices, yes=yes)

        async def begin() -> ExecutionId:
            return await backend.tasks.run(one.id, str(uuid.uuid4()), targets, values)

        return await start_and_wait(call, backend, begin, wait=wait)

    return with_backend(call, start)


async def _targets(backend: Backend, task: Task, only: str | None) -> dict[DeviceId, str]:
    """What a run of it would touch now; `only`: a selector that leaves out the rest."""
    found = {device: name for device, name, _ in (await backend.tasks.preview(task.draft, 0, task.id)).targets}
    if only is None:
        return found
    wanted = {device for device, _, _ in (await backend.devices.match(only)).devices}
    return {device: name for device, name in found.items() if device in wanted}


@click.command(cls=Command, example="deployx task check daily-config")
@click.argument("name", type=Name("task"))
@click.option("--wait/--detach", default=True, help="Wait for the end (the default), or print the id and go.")
def check(name: str, wait: bool) -> int:
    """See which targets no longer have what a task put there. Nothing is changed.

    The exit status is 1 when one differs or can't be asked. `task add --check` does the same by schedule.
    """
    from deployx_tui.cli.run import start_and_wait

    call = invocation()

    async def start(backend: Backend) -> int:
        one = await backend.tasks.find(name)

        async def begin() -> ExecutionId:
            return await backend.tasks.check(one.id, str(uuid.uuid4()))

        def tell(over: Execution, targets: Sequence[TargetResult]) -> None:
            _put_drift(one.name, over, targets)

        return await start_and_wait(call, backend, begin, wait=wait, tell=tell)

    return with_backend(call, start)


def _put_drift(task: str, over: Execution, targets: Sequence[TargetResult]) -> None:
    from deployx_tui.cli.following import put_verdict
    from deployx_tui.model.execution import Cause, TargetState

    put_verdict(over, targets)
    if not targets:
        return
    differ = sorted(one.device for one in targets if one.state is TargetState.FAILED and one.cause is Cause.VERIFY)
    asked = sum(one.state is TargetState.SUCCEEDED for one in targets) + len(differ)
    unknown = f"; {counted(len(targets) - asked, 'target')} could not be asked" if asked < len(targets) else ""
    verb = "differs" if len(differ) == 1 else "differ"
    found = (
        f"{len(differ)} of {asked} {verb} from {task}: {', '.join(differ)}" if differ else f"none differs from {task}"
    )
    printing.put_line(found + unknown)


@click.command(cls=Command, example="deployx task cancel nightly-backup")
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
