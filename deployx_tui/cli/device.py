"""`deployx device`: what tasks run on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from deployx_tui.cli import asking, printing
from deployx_tui.cli.backend import with_backend
from deployx_tui.cli.completion import Name
from deployx_tui.cli.invocation import Group, Invocation, invocation
from deployx_tui.cli.reading import all_devices, all_groups, group_ids, tasks_that_use, use_words
from deployx_tui.errors import InvalidInput

if TYPE_CHECKING:
    from deployx_tui.model.device import Device, DeviceDraft, OfferedKey
    from deployx_tui.model.device import Group as DeviceGroup
    from deployx_tui.model.ids import GroupId
    from deployx_tui.service.backend import Backend


@click.group(cls=Group)
def device() -> None:
    """What tasks run on."""


def draft_options(command: Any) -> Any:
    """The fields of a device, for `add` and `edit`."""
    for option in reversed(
        [
            click.option("--address", metavar="HOST[:PORT]", help="Host name or address."),
            click.option("--user", metavar="NAME", help="Login; default: as ~/.ssh/config says."),
            click.option("--transport", type=click.Choice(["ssh", "local"]), help="How it is reached."),
            click.option("--key", "key_file", metavar="FILE", help="Private key on the engine's machine."),
            click.option("--group", "groups", multiple=True, metavar="G", help="Member of it; again for more."),
            click.option("--tag", "tags", multiple=True, metavar="T", help="Tag; again for more."),
            click.option(
                "--host-key-policy",
                type=click.Choice(["ask", "accept-new", "strict"]),
                help="What an unknown host key means.",
            ),
            click.option("--description", metavar="TEXT"),
        ]
    ):
        command = option(command)
    return command


@device.command("list", example="deployx device list --on tag:prod")
@click.argument("text", required=False, default="")
@click.option("--on", "selector", metavar="SELECTOR", type=Name("selector"), help="Only these.")
def list_(text: str, selector: str | None) -> None:
    """Devices by name, with their last contact. TEXT: only names and addresses that hold it."""
    call = invocation()

    async def read(backend: Backend) -> tuple[list[Device], dict[GroupId, DeviceGroup]]:
        found = await all_devices(backend, text)
        if selector is not None:
            wanted = {row[0] for row in (await backend.devices.match(selector)).devices}
            found = [one for one in found if one.id in wanted]
        return found, await all_groups(backend)

    found, groups = with_backend(call, read, engine=False)
    if call.json:
        from deployx_tui.service.wire.devices import device_to_json

        printing.put_json([device_to_json(one, groups) for one in found])
        return
    printing.put_table(
        ("ID", "DEVICE", "ADDRESS", "VIA", "CONTACT", "GROUPS", "TAGS"),
        (
            (
                str(one.id),
                one.name,
                _address(one.draft),
                one.draft.transport.value,
                contact(one),
                ", ".join(one.member_of),
                ", ".join(sorted(one.draft.tags)),
            )
            for one in found
        ),
        empty="no devices; deployx device add NAME --address HOST makes one",
    )


@device.command(example="deployx device show web01")
@click.argument("name", type=Name("device"))
def show(name: str) -> None:
    """One device with all its fields."""
    call = invocation()

    async def read(backend: Backend) -> tuple[Device, dict[GroupId, DeviceGroup]]:
        return await backend.devices.find(name), await all_groups(backend)

    one, groups = with_backend(call, read, engine=False)
    _put(call, one, groups)


@device.command(example="deployx device add web01 --address 127.0.0.1 --transport local --tag prod")
@click.argument("name")
@draft_options
def add(name: str, **fields: Any) -> None:
    """Make a device."""
    call = invocation()
    if not fields["address"] and fields["transport"] != "local":
        raise InvalidInput.of("--address", "a device needs an address", "add --address HOST[:PORT]")

    async def make(backend: Backend) -> tuple[Device, dict[GroupId, DeviceGroup]]:
        from deployx_tui.model.device import DeviceDraft

        start = DeviceDraft(name=name, address="localhost")
        made = await backend.devices.create(await _changed(backend, start, fields))
        return made, await all_groups(backend)

    one, groups = with_backend(call, make)
    _put(call, one, groups, f"made device {one.name} ({one.id}); deployx device test {one.name} tries it")


@device.command(example="deployx device edit web01 --tag prod --tag edge")
@click.argument("name", type=Name("device"))
@click.option("--name", "new_name", metavar="NAME", help="Another name.")
@draft_options
def edit(name: str, new_name: str | None, **fields: Any) -> None:
    """Change what is given; the rest stays. Tags and groups that are given replace the present ones."""
    call = invocation()

    async def change(backend: Backend) -> tuple[Device, dict[GroupId, DeviceGroup]]:
        present = await backend.devices.find(name)
        draft = await _changed(backend, present.draft, fields)
        if new_name is not None:
            draft = replace(draft, name=new_name)
        return await backend.devices.update(present.id, draft, present.version), await all_groups(backend)

    one, groups = with_backend(call, change)
    _put(call, one, groups, f"changed device {one.name} ({one.id})")


@device.command(example="deployx device rm web01 --yes")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", type=Name("device"))
@click.option("--yes", is_flag=True, help="Do not ask.")
def rm(names: tuple[str, ...], yes: bool) -> None:
    """Delete devices. Their history stays."""
    call = invocation()

    async def remove(backend: Backend) -> list[Device]:
        found = [await backend.devices.find(name) for name in dict.fromkeys(names)]
        what = f"delete {_counted(len(found), 'device')}: {', '.join(one.name for one in found)}"
        used = await tasks_that_use(backend, devices=found)
        if used and yes:
            printing.note(call, f"! {use_words(used)}")
        asking.confirm(call, f"{what} ({use_words(used)})" if used else what, yes=yes)
        for one in found:
            await backend.devices.delete(one.id, one.version)
        return found

    removed = with_backend(call, remove)
    if call.json:
        printing.put_json([one.id for one in removed])
    else:
        printing.put_line(f"deleted {', '.join(one.name for one in removed)}")


@device.command("import", example="deployx device import --dry-run --yes")
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
            asking.confirm(call, f"make {_counted(len(new), 'device')}: {_first_names(new)}", yes=yes)
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
            (one.name, _address(one), _address(said), said.user or "-", said.key_file or "-")
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
        printing.note(call, f"{'would make' if dry_run else 'made'} {_counted(len(made), 'device')}")


@device.command(example="deployx device test web01 || true")
@click.argument("name", type=Name("device"))
def test(name: str) -> int:
    """Connect step by step: resolve, connect, host key, authenticate, run. Says what failed and what to do."""
    call = invocation()

    async def walk(backend: Backend) -> bool:
        from deployx_tui.service.wire.devices import step_to_json

        one = await backend.devices.find(name)
        good = True
        async for step in backend.devices.test(one.id):
            good = step.ok
            if call.json:
                printing.put_json_line(step_to_json(step))
                continue
            mark = "✓" if step.ok else "✗"
            printing.put_line(f"{mark} {step.name.value.replace('_', ' '):<13} {step.message}  {step.elapsed_ms} ms")
            if step.offered_key is not None:
                _put_key(step.offered_key)
            if step.remedy:
                printing.put_line(f"  {step.remedy}")
        return good

    return 0 if with_backend(call, walk) else 1


@device.command(example="deployx device trust web01 --yes || true")
@click.argument("name", type=Name("device"))
@click.option("--fingerprint", metavar="SHA256:...", help="Trust only a key with this fingerprint; asks nothing.")
@click.option("--yes", is_flag=True, help="Do not ask. A changed key still wants --fingerprint.")
def trust(name: str, fingerprint: str | None, yes: bool) -> int:
    """Keep the host key that a device shows as the known one, after you compared it at the device's console."""
    call = invocation()

    async def keep(backend: Backend) -> OfferedKey | None:
        one = await backend.devices.find(name)
        offered, failed = None, ""
        async for step in backend.devices.test(one.id):
            offered = step.offered_key or offered
            failed = "" if step.ok else step.message
        if offered is None:
            if failed:
                raise InvalidInput.of("device", f"{one.name} showed no new key: {failed}", "mend that first")
            return None
        _decide(call, one, offered, fingerprint, yes)
        await backend.devices.trust(one.id, offered)
        return offered

    kept = with_backend(call, keep)
    if call.json:
        from deployx_tui.service.wire.devices import key_to_json

        printing.put_json(None if kept is None else key_to_json(kept))
    elif kept is None:
        printing.put_line(f"{name} already shows its known host key")
    else:
        printing.put_line(f"trusted {kept.fingerprint} for {name}")
    return 0


def _decide(call: Invocation, one: Device, offered: OfferedKey, fingerprint: str | None, yes: bool) -> None:
    """Return if this key may be trusted. A changed key wants its fingerprint typed: it may be an attack."""
    if fingerprint is not None:
        if fingerprint != offered.fingerprint:
            raise InvalidInput.of(
                "--fingerprint", f"{one.name} shows {offered.fingerprint}", "compare again at the device's console"
            )
        return
    if offered.known_fingerprint is not None and not call.can_ask:
        raise InvalidInput.of(
            "--fingerprint",
            f"the key of {one.name} has changed from {offered.known_fingerprint} to {offered.fingerprint}",
            "compare it at the device's console, then give it with --fingerprint",
        )
    if call.can_ask and not yes:
        for line in _key_lines(offered):
            printing.note(call, line)
    asking.confirm(call, f"trust this key of {one.name}", yes=yes and offered.known_fingerprint is None)


def contact(one: Device) -> str:
    """The last contact as a word with its time."""
    if one.contact_at is None:
        return "never"
    return f"{one.contact.value.replace('_', ' ')} {one.contact_at.astimezone():%Y-%m-%d %H:%M}"


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
    if (tags := given.pop("tags", None)) is not None:
        given["tags"] = frozenset(tags)
    if (groups := given.pop("groups", None)) is not None:
        given["groups"] = await group_ids(backend, groups)
    return replace(draft, **given)


def split_address(text: str) -> tuple[str, int | None]:
    """HOST, HOST:PORT, [IPv6]:PORT or a bare IPv6 address. InvalidInput when the port is none."""
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        return text.strip("[]"), None
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise InvalidInput.of("--address", f"{port!r} is not a port", "write HOST:PORT with a port from 1 to 65535")
    return host.strip("[]"), int(port)


def _put(call: Invocation, one: Device, groups: dict[GroupId, DeviceGroup], done: str | None = None) -> None:
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
            ("address", _address(one.draft)),
            ("user", one.draft.user or "as ~/.ssh/config says"),
            ("transport", one.draft.transport.value),
            ("key", one.draft.key_file or "as ~/.ssh/config and the agent offer"),
            ("host keys", policy.value if policy else "as its groups say, else ask"),
            ("groups", ", ".join(one.member_of) or "none"),
            ("tags", ", ".join(sorted(one.draft.tags)) or "none"),
            ("contact", contact(one)),
            ("description", one.draft.description or "-"),
        ]
    )


def _address(draft: DeviceDraft) -> str:
    host = f"[{draft.address}]" if ":" in draft.address and draft.port else draft.address
    return f"{host}:{draft.port}" if draft.port else host


def _put_key(key: OfferedKey) -> None:
    for line in _key_lines(key):
        printing.put_line(line)


def _key_lines(key: OfferedKey) -> list[str]:
    lines = [f"  offered  {key.fingerprint} ({key.key_type})"]
    if key.known_fingerprint is not None:
        lines.insert(0, f"  known    {key.known_fingerprint}")
    return lines


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


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _first_names(drafts: list[DeviceDraft], shown: int = 10) -> str:
    names = ", ".join(draft.name for draft in drafts[:shown])
    return names if len(drafts) <= shown else f"{names} and {len(drafts) - shown} more"
