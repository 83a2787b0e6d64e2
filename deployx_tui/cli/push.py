"""`deployx push`: files and folders on many devices, now."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import click

from deployx_tui.cli import asking, printing
from deployx_tui.cli.backend import with_backend
from deployx_tui.cli.completion import Name
from deployx_tui.cli.device_facts import note_unknown
from deployx_tui.cli.file_options import file_options, files_of
from deployx_tui.cli.invocation import Command, invocation
from deployx_tui.cli.parameters import declared
from deployx_tui.cli.pushing import not_stored, refuse_now, stored, typed
from deployx_tui.errors import InvalidInput
from deployx_tui.model.guard import MANY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployx_tui.cli.invocation import Invocation
    from deployx_tui.model.files import FileItem, FilePayload
    from deployx_tui.model.ids import ExecutionId
    from deployx_tui.model.payloads import Stock
    from deployx_tui.service.backend import Backend


@click.command(cls=Command, example="deployx push --on web01 --to ~/conf/ app.conf")
@click.option(
    "--on", "selector", required=True, metavar="SELECTOR", type=Name("selector"), help="Where; - reads names."
)
@file_options
@click.option(
    "--param",
    "parameters",
    multiple=True,
    metavar="N[:TYPE]=VALUE",
    help="What ${N} in files stands for, text unless its type says otherwise; N in capitals, such as PORT; again for "
    "more.",
)
@click.option("--sudo", is_flag=True, help="As root, by sudo.")
@click.option("--run-as", metavar="USER", help="As USER, by sudo; su:USER and doas:USER go another way.")
@click.option("--timeout", metavar="10m", help="Per target.")
@click.option("--dry-run", is_flag=True, help="Print the targets and what would lie where; send nothing.")
@click.option("--wait/--detach", default=True, help="Wait for the end (the default), or print the id and go.")
@click.option("--yes", is_flag=True, help=f"Do not ask above {MANY} targets or for a protected group.")
@click.argument("files", nargs=-1, metavar="FILE...", type=click.Path())
def push(
    selector: str,
    files: tuple[str, ...],
    parameters: tuple[str, ...],
    sudo: bool,
    run_as: str | None,
    timeout: str | None,
    dry_run: bool,
    wait: bool,
    yes: bool,
    **fields: Any,
) -> int:
    """Put files and folders on the devices: verified, in one step each, and left alone where they are equal.

    They are kept as artifacts; `execution rollback` takes a push back. The exit status is that of the worst target:
    1 failed, 6 unknown. ctrl-c cancels.
    """
    from dataclasses import replace

    from deployx_tui.cli.run import named_on_standard_input, start_and_wait
    from deployx_tui.cli.task_options import run_as_of
    from deployx_tui.model.parse import parse_duration

    call = invocation()
    what = typed(files, fields["stored"], "FILE")
    if not what:
        raise InvalidInput.of("FILE", "there is nothing to send", "name files or folders, or --artifact NAME")
    account, given = run_as_of(sudo, run_as), declared(parameters)
    limit = parse_duration(timeout, "--timeout") if timeout is not None else None

    def payload_of(items: Sequence[FileItem]) -> FilePayload:
        return replace(files_of(fields, items), run_as=account, parameters=given)

    payload_of(())  # what can't be meant is told before anything is sent
    where = named_on_standard_input() if selector == "-" else selector

    async def work(backend: Backend) -> int:
        matched = await backend.devices.match(where)
        note_unknown(matched.unknown)
        items, stock = await not_stored(backend, what)
        refuse_now(payload_of(items), stock)
        if dry_run:
            _put_dry_run(call, payload_of(items), stock, matched.devices)
            return 0
        if not matched.devices:
            raise InvalidInput.of("--on", f"{where!r} matches no device", "deployx device list --on SELECTOR tries one")
        devices = {device: name for device, name, _ in matched.devices}
        await asking.confirm_devices(call, backend, "put this", devices, yes=yes)
        payload = payload_of(await stored(call, backend, what))

        async def start() -> ExecutionId:
            return await backend.executions.run_ad_hoc(payload, where, str(uuid.uuid4()), limit)

        from deployx_tui.cli.following import put_each

        return await start_and_wait(call, backend, start, wait=wait, tell=put_each)

    return with_backend(call, work)


def _put_dry_run(
    call: Invocation, payload: FilePayload, stock: Stock, devices: tuple[tuple[int, str, str], ...]
) -> None:
    from deployx_tui.tui.render.payload import manner, what_lines

    if call.json:
        printing.put_json(
            {
                "sends": [*what_lines(payload, stock)],
                "targets": [{"device_id": number, "device": name, "why": why} for number, name, why in devices],
            }
        )
        return
    printing.put_table(("TARGET", "BECAUSE OF"), ((name, why) for _, name, why in devices), empty="no device matches")
    for name, value in manner(payload):
        printing.put_line(f"{name}: {value}")
    for line in what_lines(payload, stock):
        printing.put_line(f"would put {line}")
