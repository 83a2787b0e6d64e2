"""`deployx device import`: devices out of an OpenSSH configuration."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from deployx_tui.cli import asking, printing
from deployx_tui.cli.addresses import address_words
from deployx_tui.cli.backend import with_backend
from deployx_tui.cli.invocation import Command, invocation
from deployx_tui.cli.reading import all_devices, group_ids
from deployx_tui.errors import InvalidInput
from deployx_tui.model.words import counted, first_of

if TYPE_CHECKING:
    from deployx_tui.model.device import DeviceDraft
    from deployx_tui.service.backend import Backend


@click.command("import", cls=Command, example="deployx device import --dry-run --yes")
@click.option("--file", "path", metavar="FILE", help="An OpenSSH configuration; default: ~/.ssh/config.")
@click.option("--host", "hosts", multiple=True, metavar="NAME", help="Only this one; again for more.")
@click.option("--group", "groups", multiple=True, metavar="G", help="Put them into this group.")
@click.option("--tag", "tags", multiple=True, metavar="T", help="Tag them.")
@click.option("--dry-run", is_flag=True, help="Print what would be made.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def import_(
    path: str | None, hosts: tuple[str, ...], groups: tuple[str, ...], tags: tuple[str, ...], dry_run: bool, yes: bool
) -> None:
    """Make devices of the hosts in an OpenSSH configuration. Names that exist are left as they are."""
    call = invocation()

    async def take(backend: Backend) -> tuple[list[DeviceDraft], list[str]]:
        existing = {one.name for one in await all_devices(backend)}
        # a file that is named must be there, the usual one too: no host for want of a file is worth a word
        drafts = list(await backend.devices.read_ssh_config(path or "~/.ssh/config"))
        unknown = [host for host in hosts if host not in {draft.name for draft in drafts}]
        if unknown:
            raise InvalidInput.of(
                "--host",
                f"{', '.join(unknown)} not in the file",
                f"it has {', '.join(d.name for d in drafts) or 'none'}",
            )
        chosen = [draft for draft in drafts if not hosts or draft.name in hosts]
        kept = [draft.name for draft in chosen if draft.name in existing]
        new = [draft for draft in chosen if draft.name not in existing]
        ids = await group_ids(backend, groups)
        new = [replace(draft, groups=ids or draft.groups, tags=draft.tags | frozenset(tags)) for draft in new]
        if new and not dry_run:
            asking.confirm(
                call, f"make {counted(len(new), 'device')}: {first_of([draft.name for draft in new])}", yes=yes
            )
            for draft in new:
                await backend.devices.create(draft)
        return new, kept

    made, kept = with_backend(call, take, engine=not dry_run)
    if call.json:
        from deployx_tui.service.wire.devices import drafts_to_json

        printing.put_json(drafts_to_json(made))
        return
    says = _as_written(path or "~/.ssh/config")
    printing.put_table(
        ("DEVICE", "ADDRESS", "HOSTNAME", "USER", "KEY"),
        (
            (one.name, address_words(one), address_words(said), said.user or "-", said.key_file or "-")
            for one in made
            for said in (says.get(one.name, one),)
        ),
        empty="nothing to make",
    )
    for one in made:
        if one.description:
            printing.note(call, f"! {one.name} can't be reached in this release: {one.description}")
    if kept:
        printing.note(call, f"left as they are: {', '.join(kept)}")
    if made:
        printing.note(call, f"{'would make' if dry_run else 'made'} {counted(len(made), 'device')}")


def _as_written(path: str) -> dict[str, DeviceDraft]:
    """What the file says of each host: a device of the usual file keeps only the alias, and the file the rest.

    The engine listens on a socket of this machine, so its file is ours.
    """
    from pathlib import Path

    from deployx_tui.transports.ssh.config import read_ssh_config

    try:
        return {one.name: one for one in read_ssh_config(Path(path).expanduser(), is_own=False)}
    except (OSError, ValueError):
        return {}  # it was readable a moment ago; the rows then show what the devices hold
