"""`deployx run`: one command on many devices, now."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from deployx_tui.cli import asking, printing
from deployx_tui.cli.answering import answering
from deployx_tui.cli.backend import with_backend
from deployx_tui.cli.completion import Name
from deployx_tui.cli.device_facts import note_unknown
from deployx_tui.cli.invocation import Command, Invocation, invocation
from deployx_tui.cli.parameters import declared, put_declared
from deployx_tui.cli.standard_input import standard_input
from deployx_tui.errors import InvalidInput
from deployx_tui.model.guard import MANY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import timedelta

    from deployx_tui.model.execution import Execution, TargetResult
    from deployx_tui.model.ids import ExecutionId
    from deployx_tui.model.payload import CommandPayload
    from deployx_tui.service.backend import Backend

    #: says how a run ended
    Tell = Callable[[Execution, Sequence[TargetResult]], None]


@click.command(cls=Command, example="deployx run --on tag:prod --timeout 60s --yes -- uname -sr")
@click.option(
    "--on", "selector", required=True, metavar="SELECTOR", type=Name("selector"), help="Where; - reads names."
)
@click.option("--timeout", metavar="60s", help="Per target; then it is killed.")
@click.option("--shell", metavar="S", default="sh", show_default=True, help="sh, bash or zsh.")
@click.option("--env", "environment", multiple=True, metavar="N=V", help="Environment; again for more.")
@click.option(
    "--param",
    "parameters",
    multiple=True,
    metavar="N[:TYPE]=VALUE",
    help="A variable for the command, text unless its type says number, boolean, file or secret; again for more.",
)
@click.option("--cwd", metavar="DIR", help="Working directory.")
@click.option("--success-codes", metavar="0,3010", help="Exit codes that count as success.")
@click.option("--durable", is_flag=True, help="Disconnected, or without the engine, it goes on; else it is lost.")
@click.option("--expect-reboot", is_flag=True, help="It restarts its target: wait for another boot.")
@click.option("--sudo", is_flag=True, help="As root, by sudo.")
@click.option("--run-as", metavar="USER", help="As USER, by sudo; su:USER and doas:USER go another way.")
@click.option("--umask", metavar="027", help="Of the command; default: the account's own.")
@click.option("--tty", is_flag=True, help="Give it a terminal; its two streams come as one.")
@click.option("--dry-run", is_flag=True, help="Print the targets and the command; run nothing.")
@click.option("--wait/--detach", default=True, help="Wait for the end (the default), or print the id and go.")
@click.option("--yes", is_flag=True, help=f"Do not ask above {MANY} targets or for a protected group.")
@click.argument("words", nargs=-1, required=True, metavar="COMMAND...", type=click.UNPROCESSED)
def run(
    selector: str,
    timeout: str | None,
    shell: str,
    environment: tuple[str, ...],
    parameters: tuple[str, ...],
    cwd: str | None,
    success_codes: str | None,
    durable: bool,
    expect_reboot: bool,
    sudo: bool,
    run_as: str | None,
    umask: str | None,
    tty: bool,
    dry_run: bool,
    wait: bool,
    yes: bool,
    words: tuple[str, ...],
) -> int:
    """Run COMMAND on the devices and print what each says. The words are joined with spaces and read by the shell;
    several lines are a script.

    The exit status is that of the worst target: 1 failed, 6 unknown. ctrl-c cancels the run, on the targets too.
    """
    from deployx_tui.cli.task_options import run_as_of
    from deployx_tui.model.parse import parse_assignment, parse_duration, parse_shell, parse_success_codes, parse_umask
    from deployx_tui.model.payload import CommandPayload, Line, Reboot, Script

    call = invocation()
    text = " ".join(words)
    payload = CommandPayload(
        body=Script(text) if "\n" in text.strip("\n") else Line(text),
        shell=parse_shell(shell, "--shell"),
        environment=tuple(parse_assignment(pair, "--env") for pair in environment),
        working_directory=cwd,
        parameters=declared(parameters),
        durable=durable or expect_reboot,
        reboot=Reboot.EXPECTED if expect_reboot else Reboot.NEVER,
        run_as=run_as_of(sudo, run_as),
        umask=None if umask is None else parse_umask(umask, "--umask"),
        tty=tty,
    )
    if success_codes is not None:
        payload = replace(payload, success_codes=parse_success_codes(success_codes, "--success-codes"))
    limit = parse_duration(timeout, "--timeout") if timeout is not None else None
    where = named_on_standard_input() if selector == "-" else selector
    return with_backend(call, lambda backend: _run(call, backend, payload, where, limit, dry_run, wait, yes))


async def _run(
    call: Invocation,
    backend: Backend,
    payload: CommandPayload,
    selector: str,
    timeout: timedelta | None,
    dry_run: bool,
    wait: bool,
    yes: bool,
) -> int:
    matched = await backend.devices.match(selector)
    note_unknown(matched.unknown)
    if dry_run:
        _put_dry_run(call, payload, matched.devices)
        return 0
    if not matched.devices:
        raise InvalidInput.of("--on", f"{selector!r} matches no device", "deployx device list --on SELECTOR tries one")
    devices = {device: name for device, name, _ in matched.devices}
    await asking.confirm_devices(call, backend, "run this", devices, yes=yes)

    async def start() -> ExecutionId:
        return await backend.executions.run_ad_hoc(payload, selector, str(uuid.uuid4()), timeout)

    return await start_and_wait(call, backend, start, wait=wait)


async def start_and_wait(
    call: Invocation,
    backend: Backend,
    start: Callable[[], Awaitable[ExecutionId]],
    *,
    wait: bool,
    tell: Tell | None = None,
) -> int:
    """As `wait_or_detach`; who waits at a terminal answers what servers ask meanwhile."""
    if not wait:
        return await wait_or_detach(call, backend, await start(), wait=False)
    async with answering(call, backend):
        return await wait_or_detach(call, backend, await start(), wait=True, tell=tell)


async def wait_or_detach(
    call: Invocation, backend: Backend, execution: ExecutionId, *, wait: bool, tell: Tell | None = None
) -> int:
    """Follow an execution that was just started, or say its id. ctrl-c cancels it and waits for that.

    `tell` says how it ended; None: what did not succeed, and the counts.
    """
    if not wait:
        if call.json:
            printing.put_json({"execution_id": execution})
        else:
            printing.put_line(str(execution))
            printing.note(call, f"deployx execution follow {execution} shows it")
        return 0
    from deployx_tui.cli.following import UNKNOWN, Follower, exit_status_of

    follower = Follower(call, backend, execution)
    try:
        over = await follower.to_the_end()
    except BrokenPipeError:
        # `| head` has read enough; the run goes on, and what becomes of it is not known here
        printing.close_output()
        printing.note(call, f"nobody reads on; deployx execution show {execution} says how it ends")
        return UNKNOWN
    except asyncio.CancelledError:
        # ctrl-c: asyncio cancels the main task once; what it started on other machines must not go on unseen
        printing.note(call, f"cancelling #{execution} on its targets ...")
        await backend.executions.cancel(execution)
        over = await follower.to_the_end()
        await put_result(call, backend, over, tell)
        raise
    targets = await put_result(call, backend, over, tell)
    return exit_status_of(over, targets)


async def put_result(
    call: Invocation, backend: Backend, over: Execution, tell: Tell | None = None
) -> list[TargetResult]:
    """The verdict of an execution that is over; its targets."""
    from deployx_tui.cli.following import all_targets, put_verdict, to_document

    targets = await all_targets(backend, over.id)
    if call.json:
        printing.put_json_line({"execution": to_document(over, targets)})
    else:
        (tell or put_verdict)(over, targets)
    return targets


def named_on_standard_input() -> str:
    """The selector `-`: names on standard input, between white space or commas. InvalidInput when there is none."""
    names = standard_input("--on").replace(",", " ").split()
    if not names:
        raise InvalidInput.of("--on", "no name on standard input", "pipe device names in, one a line")
    return ",".join(names)


def _put_dry_run(call: Invocation, payload: CommandPayload, devices: tuple[tuple[int, str, str], ...]) -> None:
    from deployx_tui.cli.task_printing import put_manner
    from deployx_tui.model.parameter_json import parameters_to_json
    from deployx_tui.model.payload_json import payload_to_json

    if call.json:
        printing.put_json(
            {
                "command_payload": payload_to_json(payload),
                "parameters": parameters_to_json(payload.parameters),
                "targets": [{"device_id": number, "device": name, "why": why} for number, name, why in devices],
            }
        )
        return
    printing.put_table(("TARGET", "BECAUSE OF"), ((name, why) for _, name, why in devices), empty="no device matches")
    put_manner(payload)
    printing.put_line(f"would run with {payload.shell.value}: {getattr(payload.body, 'command', '')}")
    put_declared(payload.parameters)
