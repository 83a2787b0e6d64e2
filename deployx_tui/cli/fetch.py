"""`deployx fetch`: files and folders of devices to this machine, a folder a device."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deployx_tui.cli import asking, printing
from deployx_tui.cli.answering import answering
from deployx_tui.cli.backend import with_backend
from deployx_tui.cli.completion import Name
from deployx_tui.cli.device_facts import note_unknown
from deployx_tui.cli.invocation import Command, Invocation, invocation
from deployx_tui.cli.run import named_on_standard_input
from deployx_tui.errors import InvalidInput
from deployx_tui.model.guard import MANY
from deployx_tui.model.words import counted, size_words

if TYPE_CHECKING:
    from deployx_tui.model.ids import DeviceId
    from deployx_tui.model.json_reader import JSON
    from deployx_tui.service.backend import Backend
    from deployx_tui.service.fetching import Fetched, Order

#: devices that are read at once
_AT_ONCE = 16


@click.command(cls=Command, example="deployx fetch --on tag:prod --yes /etc/hostname fetched")
@click.option(
    "--on", "selector", required=True, metavar="SELECTOR", type=Name("selector"), help="Where; - reads names."
)
@click.option("--overwrite", is_flag=True, help="Replace files that are here; default: they are kept.")
@click.option("--max-size", "most", metavar="1G", default="1G", show_default=True, help="What each device may send.")
@click.option("--yes", is_flag=True, help=f"Do not ask above {MANY} devices or for a protected group.")
@click.argument("remotes", nargs=-1, required=True, metavar="REMOTE...", type=click.UNPROCESSED)
@click.argument("into", metavar="LOCALDIR", type=click.Path(path_type=Path))
def fetch(selector: str, overwrite: bool, most: str, yes: bool, remotes: tuple[str, ...], into: Path) -> int:
    """Copy files and folders (REMOTE, from / on) of the devices to LOCALDIR, for you alone: a folder a device.

    They are read by the account that logs in. Links are not followed; those that lead out of a folder, devices and
    pipes are left out and told. The exit status is 1 when something did not come.
    """
    from deployx_tui.model.parse import parse_size
    from deployx_tui.service.fetching import Order

    call = invocation()
    _check(remotes)
    order = Order(remotes=remotes, into=into.expanduser(), overwrite=overwrite, most=parse_size(most, "--max-size"))
    where = named_on_standard_input() if selector == "-" else selector
    return with_backend(call, lambda backend: _fetch(call, backend, where, order, yes))


def _check(remotes: tuple[str, ...]) -> None:
    from deployx_tui.planning.names import remote_name, validate_remote_path

    if problems := [problem for remote in remotes for problem in validate_remote_path(remote, "REMOTE")]:
        raise InvalidInput(problems)
    names = [remote_name(remote) for remote in remotes]
    if twice := next((name for name in names if names.count(name) > 1), None):
        message = f"two of them are called {twice!r}, and would be one file here"
        raise InvalidInput.of("REMOTE", message, "fetch them one after the other, into two folders")


async def _fetch(call: Invocation, backend: Backend, selector: str, order: Order, yes: bool) -> int:
    from deployx_tui.service import fetching

    matched = await backend.devices.match(selector)
    note_unknown(matched.unknown)
    if not matched.devices:
        raise InvalidInput.of("--on", f"{selector!r} matches no device", "deployx device list --on SELECTOR tries one")
    devices = {device: name for device, name, _ in matched.devices}
    await asking.confirm_devices(call, backend, f"fetch {', '.join(order.remotes)}", devices, yes=yes)
    folders = fetching.folder_names([*devices.items()])
    places = asyncio.Semaphore(_AT_ONCE)
    threads = ThreadPoolExecutor(_AT_ONCE, "deployx-landing")

    async def one(device: DeviceId) -> Fetched:
        async with places:
            found = await fetching.fetch(backend, device, devices[device], folders[device], order, threads)
        printing.note(call, f"{found.device}: {_result(found)}")
        return found

    async with answering(call, backend):
        tasks = [asyncio.create_task(one(device)) for device in devices]
        try:
            found = await asyncio.gather(*tasks)
        finally:
            # ctrl-c, or an engine that is gone: no device goes on sending unseen
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            threads.shutdown(wait=False)
    if call.json:
        printing.put_json({"targets": [_document(one) for one in found]})
    else:
        printing.put_table(
            ("DEVICE", "FILES", "SIZE", "RESULT"),
            ((one.device, str(one.landed.files), size_words(one.landed.bytes), _result(one)) for one in found),
            empty="no device",
        )
    return 0 if all(one.ok for one in found) else 1


def _result(found: Fetched) -> str:
    landed = found.landed
    parts: list[str] = []
    if found.failed is not None:
        parts.append(f"failed: {found.failed.message}; {found.failed.remedy}".rstrip("; "))
    if landed.refused_count:
        name, why = landed.refused[0]
        rest = f" and {landed.refused_count - 1} more" if landed.refused_count > 1 else ""
        parts.append(f"left out {name!r} ({why}){rest}")
    if landed.kept_count:
        parts.append(f"{counted(landed.kept_count, 'file')} kept as here; --overwrite replaces")
    return ", ".join(parts) or f"in {found.folder}"


def _document(found: Fetched) -> dict[str, JSON]:
    failed = found.failed
    return {
        "device_id": found.device_id,
        "device": found.device,
        "folder": str(found.folder),
        "ok": found.ok,
        "files": found.landed.files,
        "bytes": found.landed.bytes,
        "kept": found.landed.kept_count,
        "kept_names": [*found.landed.kept],
        "refused": found.landed.refused_count,
        "refused_names": [{"name": name, "why": why} for name, why in found.landed.refused],
        "cause": None if failed is None or failed.cause is None else failed.cause.value,
        "error": None if failed is None else failed.message,
        "remedy": None if failed is None else failed.remedy,
    }
