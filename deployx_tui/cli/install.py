"""`deployx install` and `uninstall`: packages on many devices, now."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from deployx_tui.cli import asking, printing
from deployx_tui.cli.backend import with_backend
from deployx_tui.cli.completion import Name
from deployx_tui.cli.device_facts import note_unknown
from deployx_tui.cli.invocation import Command, invocation
from deployx_tui.cli.options import together
from deployx_tui.cli.software_options import named, software_options, with_software_options
from deployx_tui.errors import InvalidInput
from deployx_tui.model.guard import MANY
from deployx_tui.model.software import SoftwareAction

if TYPE_CHECKING:
    from deployx_tui.cli.invocation import Invocation
    from deployx_tui.model.ids import ExecutionId
    from deployx_tui.model.payloads import Stock
    from deployx_tui.model.software import SoftwarePayload
    from deployx_tui.service.backend import Backend

_options: Callable[[Any], Any] = together(
    click.option(
        "--on", "selector", required=True, metavar="SELECTOR", type=Name("selector"), help="Where; - reads names."
    ),
    software_options,
    click.option("--sudo", is_flag=True, help="As root, by sudo."),
    click.option("--run-as", metavar="USER", help="As USER, by sudo; su:USER and doas:USER go another way."),
    click.option("--timeout", metavar="10m", help="Per target; then it is killed."),
    click.option("--dry-run", is_flag=True, help="Print the targets and the packages; change nothing."),
    click.option("--wait/--detach", default=True, help="Wait for the end (the default), or print the id and go."),
    click.option("--yes", is_flag=True, help=f"Do not ask above {MANY} targets or for a protected group."),
    click.argument("packages", nargs=-1, required=True, metavar="PACKAGE[=VERSION]...", type=Name("package")),
)


@click.command(cls=Command, example="deployx install --on web01 --dry-run nginx")
@_options
def install(**fields: Any) -> int:
    """Install packages of the catalogue, each by what fits its device; already there is left alone.

    One name that the catalogue does not have is asked of each device's own package manager.
    """
    return _now(SoftwareAction.INSTALL, fields)


@click.command(cls=Command, example="deployx uninstall --on web01 --dry-run nginx")
@_options
def uninstall(**fields: Any) -> int:
    """Remove packages; what is not there is left alone."""
    return _now(SoftwareAction.UNINSTALL, fields)


def _now(action: SoftwareAction, fields: dict[str, Any]) -> int:
    from dataclasses import replace

    from deployx_tui.cli.following import put_each
    from deployx_tui.cli.run import named_on_standard_input, start_and_wait
    from deployx_tui.cli.task_options import run_as_of
    from deployx_tui.model.parse import parse_duration

    call = invocation()
    account = run_as_of(fields["sudo"], fields["run_as"])
    limit = None if fields["timeout"] is None else parse_duration(fields["timeout"], "--timeout")
    where = named_on_standard_input() if fields["selector"] == "-" else fields["selector"]

    async def work(backend: Backend) -> int:
        chosen = await named(backend, fields["packages"], "PACKAGE", action=action)
        payload = replace(with_software_options(chosen, fields), run_as=account)
        matched = await backend.devices.match(where)
        note_unknown(matched.unknown)
        if fields["dry_run"]:
            _put_dry_run(call, payload, await _stock(backend, payload), matched.devices)
            return 0
        if not matched.devices:
            raise InvalidInput.of("--on", f"{where!r} matches no device", "deployx device list --on SELECTOR tries one")
        devices = {device: name for device, name, _ in matched.devices}
        await asking.confirm_devices(
            call, backend, f"{action} {', '.join(fields['packages'])}", devices, yes=fields["yes"]
        )

        async def start() -> ExecutionId:
            return await backend.executions.run_ad_hoc(payload, where, str(uuid.uuid4()), limit)

        return await start_and_wait(call, backend, start, wait=fields["wait"], tell=put_each)

    return with_backend(call, work)


async def _stock(backend: Backend, payload: SoftwarePayload) -> Stock:
    from deployx_tui.model.payloads import Stock, packages_of

    return Stock(packages={each: (await backend.packages.get(each)).name for each in packages_of(payload)})


def _put_dry_run(
    call: Invocation, payload: SoftwarePayload, stock: Stock, devices: tuple[tuple[int, str, str], ...]
) -> None:
    from deployx_tui.tui.render.payload import manner, what_lines

    if call.json:
        printing.put_json(
            {
                payload.action.value: [*what_lines(payload, stock)],
                "targets": [{"device_id": number, "device": name, "why": why} for number, name, why in devices],
            }
        )
        return
    printing.put_table(("TARGET", "BECAUSE OF"), ((name, why) for _, name, why in devices), empty="no device matches")
    for name, value in manner(payload):
        printing.put_line(f"{name}: {value}")
    for line in what_lines(payload, stock):
        printing.put_line(f"would {payload.action} {line}")
