"""`deployx group`: groups of devices, static or by a stored selector."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from deployx_tui.cli import printing
from deployx_tui.cli.backend import with_backend
from deployx_tui.cli.completion import Name
from deployx_tui.cli.deleting import delete_named
from deployx_tui.cli.invocation import Group, Invocation, invocation
from deployx_tui.cli.options import listed, together
from deployx_tui.cli.reading import all_devices, device_ids, group_ids, note_shared_name
from deployx_tui.model.words import counted

if TYPE_CHECKING:
    from deployx_tui.model.device import Device, GroupDraft
    from deployx_tui.model.device import Group as DeviceGroup
    from deployx_tui.model.ids import DeviceId
    from deployx_tui.service.backend import Backend


@click.group(cls=Group)
def group() -> None:
    """Groups of devices."""


#: the fields of a group, for `add` and `edit`
_draft_options = together(
    click.option("--device", "devices", multiple=True, metavar="D", help="Member; again for more; none: no device."),
    click.option("--group", "groups", multiple=True, metavar="G", help="Group in it; again for more; none: no group."),
    click.option("--selector", metavar="S", help="Members are what this matches, at each look."),
    click.option("--protected/--not-protected", default=None, help="Acts on it want the count typed."),
    click.option("--host-key-policy", type=click.Choice(["ask", "accept-new", "strict"])),
    click.option("--color", metavar="#RRGGBB"),
    click.option("--description", metavar="TEXT"),
)


@group.command("list", example="deployx group list")
def list_() -> None:
    """All groups by name."""
    call = invocation()

    async def read(backend: Backend) -> tuple[tuple[DeviceGroup, ...], dict[DeviceId, Device]]:
        return (await backend.groups.list()).items, await _devices(backend) if call.json else {}

    found, devices = with_backend(call, read, engine=False)
    if call.json:
        from deployx_tui.service.wire.devices import group_to_json

        printing.put_json([group_to_json(one, devices) for one in found])
        return
    printing.put_table(
        ("ID", "GROUP", "MEMBERS", "KIND", "DESCRIPTION"),
        ((str(one.id), one.name, str(len(one.members)), _kind(one.draft), one.draft.description) for one in found),
        empty="no groups; deployx group add NAME --device D makes one",
    )


@group.command(example="deployx group show web")
@click.argument("name", type=Name("group"))
def show(name: str) -> None:
    """One group with its members."""
    call = invocation()

    async def read(backend: Backend) -> tuple[DeviceGroup, dict[DeviceId, Device]]:
        return await backend.groups.find(name.removeprefix("@")), await _devices(backend)

    _put(call, *with_backend(call, read, engine=False))


@group.command(example="deployx group add edge --selector 'tag:prod&!web01'")
@click.argument("name")
@_draft_options
def add(name: str, **fields: Any) -> None:
    """Make a group."""
    call = invocation()

    async def make(backend: Backend) -> tuple[DeviceGroup, dict[DeviceId, Device]]:
        from deployx_tui.model.device import GroupDraft

        made = await backend.groups.create(await _changed(backend, GroupDraft(name=name), fields))
        await note_shared_name(call, backend, made.name)
        return made, await _devices(backend)

    one, devices = with_backend(call, make)
    _put(call, one, devices, f"made group {one.name} ({one.id}) with {counted(len(one.members), 'member')}")


@group.command(example="deployx group edit web --protected")
@click.argument("name", type=Name("group"))
@click.option("--name", "new_name", metavar="NAME", help="Another name.")
@_draft_options
def edit(name: str, new_name: str | None, **fields: Any) -> None:
    """Change what is given; the rest stays. Members that are given replace the present ones, `none` takes
    them away."""
    call = invocation()

    async def change(backend: Backend) -> tuple[DeviceGroup, dict[DeviceId, Device]]:
        present = await backend.groups.find(name.removeprefix("@"))
        draft = await _changed(backend, present.draft, fields)
        if new_name is not None:
            draft = replace(draft, name=new_name)
        changed = await backend.groups.update(present.id, draft, present.version)
        if changed.name != present.name:
            await note_shared_name(call, backend, changed.name)
        return changed, await _devices(backend)

    one, devices = with_backend(call, change)
    _put(call, one, devices, f"changed group {one.name} ({one.id}), {counted(len(one.members), 'member')}")


@group.command(example="deployx group rm staging --yes")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", type=Name("group"))
@click.option("--yes", is_flag=True, help="Do not ask.")
def rm(names: tuple[str, ...], yes: bool) -> None:
    """Delete groups; their devices stay."""
    delete_named(
        "group",
        [name.removeprefix("@") for name in names],
        lambda backend: backend.groups,
        yes=yes,
        used_by=lambda backend, found: backend.tasks.using(groups=[one.id for one in found]),
    )


async def _devices(backend: Backend) -> dict[DeviceId, Device]:
    return {one.id: one for one in await all_devices(backend)}


async def _changed(backend: Backend, draft: GroupDraft, fields: dict[str, Any]) -> GroupDraft:
    """`draft` with the options that were typed."""
    from deployx_tui.model.device import HostKeyPolicy

    given = {name: value for name, value in fields.items() if value not in (None, ())}
    if (policy := given.pop("host_key_policy", None)) is not None:
        given["host_key_policy"] = HostKeyPolicy(policy)
    if (devices := given.pop("devices", None)) is not None:
        given["devices"] = await device_ids(backend, listed(devices))
    if (groups := given.pop("groups", None)) is not None:
        given["groups"] = await group_ids(backend, listed(groups))
    return replace(draft, **given)


def _kind(draft: GroupDraft) -> str:
    kind = "static" if draft.selector is None else f"selector {draft.selector}"
    return f"{kind}, protected" if draft.protected else kind


def _put(call: Invocation, one: DeviceGroup, devices: dict[DeviceId, Device], done: str | None = None) -> None:
    if call.json:
        from deployx_tui.service.wire.devices import group_to_json

        printing.put_json(group_to_json(one, devices))
        return
    if done is not None:
        printing.put_line(done)
        return
    policy = one.draft.host_key_policy
    members = sorted(devices[member].name for member in one.members if member in devices)
    printing.put_facts(
        [
            ("group", f"{one.name} ({one.id})"),
            ("kind", _kind(one.draft)),
            ("host keys", policy.value if policy else "ask"),
            ("members", f"{len(members)}: {', '.join(members)}" if members else "none"),
            ("description", one.draft.description or "-"),
        ]
    )
