"""`deployx device`: what tasks run on."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from deployx_tui.cli import printing
from deployx_tui.cli.addresses import address_words, split_address
from deployx_tui.cli.backend import with_backend
from deployx_tui.cli.completion import Name
from deployx_tui.cli.deleting import delete_named
from deployx_tui.cli.device_facts import fact_rows, facts, note_unknown
from deployx_tui.cli.device_import import import_
from deployx_tui.cli.device_key import test, trust
from deployx_tui.cli.invocation import Group, Invocation, invocation
from deployx_tui.cli.options import NONE, listed, together
from deployx_tui.cli.reading import all_devices, all_groups, credential_ids, group_ids, note_shared_name
from deployx_tui.errors import InvalidInput

if TYPE_CHECKING:
    from deployx_tui.model.device import Device, DeviceDraft
    from deployx_tui.model.device import Group as DeviceGroup
    from deployx_tui.model.ids import GroupId
    from deployx_tui.model.secret import Credential
    from deployx_tui.service.backend import Backend


@click.group(cls=Group)
def device() -> None:
    """What tasks run on."""


device.add_command(facts)
device.add_command(import_)
device.add_command(test)
device.add_command(trust)


#: the fields of a device, for `add` and `edit`
_draft_options = together(
    click.option("--address", metavar="HOST[:PORT]", help="Host name or address."),
    click.option("--user", metavar="NAME", help="Login; default: as ~/.ssh/config says."),
    click.option("--transport", type=click.Choice(["ssh", "local"]), help="How it is reached."),
    click.option("--key", "key_file", metavar="FILE", help="Private key on the engine's machine."),
    click.option(
        "--credential",
        "credentials",
        multiple=True,
        metavar="NAME",
        type=Name("credential"),
        help="Of the vault, one for a purpose; again for more; none: it names none.",
    ),
    click.option(
        "--jump", metavar="NAME", type=Name("device"), help="The device through which it is reached; none: no device."
    ),
    click.option("--group", "groups", multiple=True, metavar="G", help="Member of it; again for more; none: no group."),
    click.option("--tag", "tags", multiple=True, metavar="T", help="Tag; again for more; none: without tags."),
    click.option(
        "--host-key-policy",
        type=click.Choice(["ask", "accept-new", "strict"]),
        help="What an unknown host key means.",
    ),
    click.option("--description", metavar="TEXT"),
)


@device.command("list", example="deployx device list --on tag:prod")
@click.argument("text", required=False, default="")
@click.option("--on", "selector", metavar="SELECTOR", type=Name("selector"), help="Only these.")
def list_(text: str, selector: str | None) -> None:
    """Devices by name, with their system and last contact. TEXT: only names and addresses that hold it."""
    call = invocation()

    async def read(backend: Backend) -> tuple[list[Device], dict[GroupId, DeviceGroup]]:
        found = await all_devices(backend, text)
        if selector is not None:
            match = await backend.devices.match(selector)
            note_unknown(match.unknown)
            wanted = {row[0] for row in match.devices}
            found = [one for one in found if one.id in wanted]
        return found, await all_groups(backend)

    found, groups = with_backend(call, read, engine=False)
    if call.json:
        from deployx_tui.service.wire.devices import device_to_json

        printing.put_json([device_to_json(one, groups) for one in found])
        return
    printing.put_table(
        ("ID", "DEVICE", "ADDRESS", "VIA", "SYSTEM", "CONTACT", "GROUPS", "TAGS"),
        (
            (
                str(one.id),
                one.name,
                address_words(one.draft),
                one.draft.transport.value,
                (one.facts.facts.system if one.facts else None) or "unknown",
                contact(one),
                ", ".join(one.member_of),
                ", ".join(sorted(one.draft.tags)),
            )
            for one in found
        ),
        empty="no devices; deployx device add NAME --address HOST makes one",
        leaves=("TAGS", "SYSTEM", "GROUPS", "VIA"),
    )


@device.command(example="deployx device show web01")
@click.argument("name", type=Name("device"))
def show(name: str) -> None:
    """One device with all its fields."""
    call = invocation()

    async def read(backend: Backend) -> tuple[Device, dict[GroupId, DeviceGroup]]:
        return await backend.devices.find(name), await all_groups(backend)

    one, groups = with_backend(call, read, engine=False)
    logins = with_backend(call, lambda backend: _credentials_of(backend, one.name), engine=False)
    _put(call, one, groups, logins=logins)


@device.command(example="deployx device add web01 --address 127.0.0.1 --transport local --tag prod")
@click.argument("name")
@_draft_options
def add(name: str, **fields: Any) -> None:
    """Make a device."""
    call = invocation()
    if not fields["address"] and fields["transport"] != "local":
        raise InvalidInput.of("--address", "a device needs an address", "add --address HOST[:PORT]")

    async def make(backend: Backend) -> tuple[Device, dict[GroupId, DeviceGroup]]:
        from deployx_tui.model.device import DeviceDraft

        start = DeviceDraft(name=name, address="localhost")
        made = await backend.devices.create(await _changed(backend, start, fields))
        await note_shared_name(call, backend, made.name)
        return made, await all_groups(backend)

    one, groups = with_backend(call, make)
    _put(call, one, groups, f"made device {one.name} ({one.id}); deployx device test {shlex.quote(one.name)} tries it")


@device.command(example="deployx device edit web01 --tag prod --tag edge")
@click.argument("name", type=Name("device"))
@click.option("--name", "new_name", metavar="NAME", help="Another name.")
@_draft_options
def edit(name: str, new_name: str | None, **fields: Any) -> None:
    """Change what is given; the rest stays. Tags and groups that are given replace the present ones, `none` takes
    them away."""
    call = invocation()

    async def change(backend: Backend) -> tuple[Device, dict[GroupId, DeviceGroup]]:
        present = await backend.devices.find(name)
        draft = await _changed(backend, present.draft, fields)
        if new_name is not None:
            draft = replace(draft, name=new_name)
        changed = await backend.devices.update(present.id, draft, present.version)
        if changed.name != present.name:
            await note_shared_name(call, backend, changed.name)
        return changed, await all_groups(backend)

    one, groups = with_backend(call, change)
    _put(call, one, groups, f"changed device {one.name} ({one.id})")


@device.command(example="deployx device rm web01 --yes")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", type=Name("device"))
@click.option("--yes", is_flag=True, help="Do not ask.")
def rm(names: tuple[str, ...], yes: bool) -> None:
    """Delete devices. Their history stays."""
    delete_named(
        "device",
        names,
        lambda backend: backend.devices,
        yes=yes,
        used_by=lambda backend, found: backend.tasks.using(devices=[one.id for one in found]),
    )


def contact(one: Device) -> str:
    """The last contact as a word with its time."""
    from deployx_tui.model.outcome_words import contact_word

    if one.contact_at is None:
        return contact_word(one.contact)
    return f"{contact_word(one.contact)} {printing.instant(one.contact_at)}"


async def _changed(backend: Backend, draft: DeviceDraft, fields: dict[str, Any]) -> DeviceDraft:
    """`draft` with the options that were typed."""
    from deployx_tui.model.device import HostKeyPolicy, TransportKind

    given = {name: value for name, value in fields.items() if value not in (None, ())}
    if (address := given.pop("address", None)) is not None:
        given["address"], given["port"] = split_address(address)
    if (transport := given.pop("transport", None)) is not None:
        given["transport"] = TransportKind(transport)
    if (policy := given.pop("host_key_policy", None)) is not None:
        given["host_key_policy"] = HostKeyPolicy(policy)
    if (jump := given.pop("jump", None)) is not None:
        given["jump"] = None if jump in (NONE, "") else (await backend.devices.find(jump)).id
    if (tags := given.pop("tags", None)) is not None:
        given["tags"] = frozenset(listed(tags))
    if (credentials := given.pop("credentials", None)) is not None:
        given["credentials"] = await credential_ids(backend, listed(credentials))
    if (groups := given.pop("groups", None)) is not None:
        given["groups"] = await group_ids(backend, listed(groups))
    return replace(draft, **given)


def _key_words(one: Device, logins: Sequence[Credential]) -> str:
    """What it is logged in to with."""
    if any(each.draft.kind.purpose.value == "ssh login" for each in logins):
        return "the credential's, and nothing else"
    return one.draft.key_file or "as ~/.ssh/config and the agent offer"


async def _credentials_of(backend: Backend, device: str) -> tuple[Credential, ...]:
    """Those that go to a device."""
    return tuple(one for one in (await backend.credentials.list()).items if device in one.used_by)


def _put(
    call: Invocation,
    one: Device,
    groups: dict[GroupId, DeviceGroup],
    done: str | None = None,
    *,
    logins: Sequence[Credential] = (),
) -> None:
    if call.json:
        from deployx_tui.service.wire.devices import device_to_json

        printing.put_json(device_to_json(one, groups))
        return
    if done is not None:
        printing.put_line(done)
        return
    policy = one.draft.host_key_policy
    printing.put_facts(
        [
            ("device", f"{one.name} ({one.id})"),
            ("address", address_words(one.draft)),
            ("user", one.draft.user or "as ~/.ssh/config says"),
            ("transport", one.draft.transport.value),
            ("credentials", ", ".join(f"{each.name} ({each.draft.kind.purpose.value})" for each in logins) or "none"),
            ("jump hosts", " > ".join(one.via) or "as ~/.ssh/config says"),
            ("key", _key_words(one, logins)),
            ("host keys", policy.value if policy else "as its groups say, else ask"),
            ("groups", ", ".join(one.member_of) or "none"),
            ("tags", ", ".join(sorted(one.draft.tags)) or "none"),
            ("contact", contact(one)),
            ("description", one.draft.description or "-"),
            *fact_rows(one.facts),
        ]
    )
