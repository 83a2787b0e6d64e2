"""`deployx device import`: devices out of files of other programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from deployx_tui.cli import asking, printing
from deployx_tui.cli.addresses import address_words
from deployx_tui.cli.backend import with_backend
from deployx_tui.cli.invocation import Command, Invocation, invocation
from deployx_tui.cli.reading import group_ids, note_shared_name
from deployx_tui.model.importing import HostStanding, ImportFormat
from deployx_tui.model.words import counted, first_of

if TYPE_CHECKING:
    from deployx_tui.model.importing import HostSource, ImportPlan, PlannedGroup, PlannedHost
    from deployx_tui.service.backend import Backend

_STDIN = "-"
_USUAL = "~/.ssh/config"


@click.command("import", cls=Command, example="deployx device import --dry-run --yes")
@click.option(
    "--file",
    "path",
    metavar="FILE",
    help="OpenSSH configuration, Ansible inventory or CSV; - for standard input; default: ~/.ssh/config.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice([kind.value for kind in ImportFormat]),
    help="What the file is; default: by its content.",
)
@click.option("--host", "hosts", multiple=True, metavar="NAME", help="Only this one; again for more.")
@click.option("--group", "groups", multiple=True, metavar="G", help="Put them into this group too.")
@click.option("--tag", "tags", multiple=True, metavar="T", help="Tag them.")
@click.option("--dry-run", is_flag=True, help="Print what would be made.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def import_(
    path: str | None,
    kind: str | None,
    hosts: tuple[str, ...],
    groups: tuple[str, ...],
    tags: tuple[str, ...],
    dry_run: bool,
    yes: bool,
) -> None:
    """Make devices of the hosts in a file, all of them or none. Names that exist are left as they are, and what can't
    be taken over is listed with its reason. Secrets are never taken over."""
    call = invocation()
    source = _source(path, kind)

    async def take(backend: Backend) -> ImportPlan:
        from deployx_tui.errors import InvalidInput
        from deployx_tui.model.importing import ImportChoice

        plan = await backend.imports.plan(source)
        if unknown := [host for host in hosts if host not in {each.name for each in plan.hosts}]:
            has = first_of([each.name for each in plan.hosts]) if plan.hosts else "none"
            raise InvalidInput.of("--host", f"{', '.join(unknown)} not in the file", f"it has {has}")
        shown = plan.chosen(hosts or None)
        ids = await group_ids(backend, groups)
        if dry_run or not shown.new:
            return shown
        if not yes and not call.json:
            _put(call, shown, "would make")
        what = f"make {counted(len(shown.new), 'device')}: {first_of([each.name for each in shown.new])}"
        asking.confirm(call, what, yes=yes)
        choice = ImportChoice(digest=plan.digest, names=hosts or None, groups=ids, tags=frozenset(tags))
        taken = await backend.imports.take(source, choice)
        given = [*(host.name for host in taken.new), *(group.name for group in taken.groups if group.is_new)]
        for name in dict.fromkeys(given):
            await note_shared_name(call, backend, name)
        return taken

    plan = with_backend(call, take, engine=not dry_run)
    if call.json:
        from deployx_tui.service.wire.imports import plan_to_json

        printing.put_json(plan_to_json(plan))
    elif dry_run or yes or not plan.new:
        _put(call, plan, "would make" if dry_run else "made")
    else:
        printing.note(call, f"made {counted(len(plan.new), 'device')}")


def _source(path: str | None, kind: str | None) -> HostSource:
    from pathlib import Path

    from deployx_tui.model.importing import LARGEST_FILE, HostSource

    chosen = None if kind is None else ImportFormat(kind)
    if path == _STDIN:
        return HostSource(content=sys.stdin.buffer.read(LARGEST_FILE + 1), format=chosen)
    # the engine has a working directory of its own; that the usual file is missing is worth a word too
    return HostSource(path=str(Path(path or _USUAL).expanduser().absolute()), format=chosen)


def _put(call: Invocation, plan: ImportPlan, made: str) -> None:
    """The new devices as a table; beside it what else the file says, and what of it is left out."""
    aliases = any(host.said is not None for host in plan.new)
    titles = ("DEVICE", "ADDRESS", *(("HOSTNAME",) if aliases else ()), "USER", "KEY", "JUMP", "GROUPS")
    printing.put_table(titles, (_row(host, aliases=aliases) for host in plan.new), empty="nothing to make")
    for group in plan.groups:
        printing.note(call, f"{_group_words(group)}")
    for name, why in ((host.name, host.why) for host in plan.hosts if host.standing is HostStanding.REFUSED):
        printing.note(call, f"! {name} is not taken over: {why}")
    for words in _left_out(plan):
        printing.note(call, f"! not taken over: {words}")
    if plan.ignored:
        told = ", ".join(f"{name} ({count})" for name, count in plan.ignored)
        printing.note(call, f"variables without a meaning here: {told}")
    if kept := [host.name for host in plan.hosts if host.standing is HostStanding.KNOWN]:
        printing.note(call, f"left as they are: {', '.join(kept)}")
    if plan.new:
        printing.note(call, f"{made} {counted(len(plan.new), 'device')}")


def _row(host: PlannedHost, *, aliases: bool) -> tuple[str, ...]:
    said = host.said or host.draft
    cells = [host.name, address_words(host.draft), said.user, said.key_file, host.jump, ", ".join(host.groups)]
    if aliases:
        cells.insert(2, address_words(said))
    return tuple(cell or "-" for cell in cells)


def _group_words(group: PlannedGroup) -> str:
    inside = f", with {', '.join(group.children)} inside" if group.children else ""
    return f"{'new group' if group.is_new else 'group'} {group.name}{inside}"


def _left_out(plan: ImportPlan) -> Iterable[str]:
    """Each thing once, with the hosts that it is of."""
    for each in plan.left_out:
        yield f"{each.what}: {each.why}"
    of_hosts: dict[tuple[str, str], list[str]] = {}
    for host in plan.hosts:
        for each in host.left_out:
            of_hosts.setdefault((each.what, each.why), []).append(host.name)
    for (what, why), names in of_hosts.items():
        yield f"{what} of {first_of(names)}: {why}"
