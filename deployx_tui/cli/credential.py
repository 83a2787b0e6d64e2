"""`deployx credential`: what devices are logged in to with. A secret is never shown, and never an argument."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from deployx_tui.cli import asking, printing
from deployx_tui.cli.backend import with_backend
from deployx_tui.cli.completion import Name
from deployx_tui.cli.invocation import Group, Invocation, invocation
from deployx_tui.cli.reading import all_groups, group_ids
from deployx_tui.cli.secrets import kept, read_secret
from deployx_tui.model.words import counted

if TYPE_CHECKING:
    from deployx_tui.model.device import Group as DeviceGroup
    from deployx_tui.model.device import TestStep
    from deployx_tui.model.ids import GroupId
    from deployx_tui.model.secret import Credential, CredentialCheck, NewSecret, VaultStatus
    from deployx_tui.service.backend import Backend

#: devices that `test` logs in to
MOST_TESTED = 10

_STDIN = "Read the secret from standard input; a key's passphrase is the line after its END line."


@click.group(cls=Group)
def credential() -> None:
    """Keys and passwords in the vault."""


@credential.command("list", example="deployx credential list")
def list_() -> None:
    """Credentials by name, with where they go. No secret is shown."""
    call = invocation()

    async def read(backend: Backend) -> tuple[tuple[Credential, ...], dict[GroupId, DeviceGroup]]:
        return (await backend.credentials.list()).items, await all_groups(backend)

    found, groups = with_backend(call, read, engine=False)
    if call.json:
        from deployx_tui.service.wire.credentials import credential_to_json

        printing.put_json([credential_to_json(one) for one in found])
        return
    printing.put_table(
        ("ID", "CREDENTIAL", "KIND", "USER", "GROUPS", "ROTATED", "LAST USED", "GOES TO"),
        (
            (
                str(one.id),
                one.name,
                one.draft.kind.value,
                one.draft.user or "-",
                ", ".join(groups[group].name if group in groups else "deleted" for group in one.draft.groups) or "-",
                f"{one.rotated_at.astimezone():%Y-%m-%d}",
                "never" if one.last_used_at is None else f"{one.last_used_at.astimezone():%Y-%m-%d %H:%M}",
                uses(one),
            )
            for one in found
        ),
        empty="no credentials; deployx credential add NAME --kind password makes one",
    )


@credential.command(example="deployx credential add web-login --kind password --user deploy --stdin < password.txt")
@click.argument("name")
@click.option(
    "--kind",
    required=True,
    type=click.Choice(["ssh-key", "password", "sudo", "winrm", "parameter"]),
    help="What it is, and so what it is used for.",
)
@click.option("--user", metavar="NAME", help="The account that it opens; default: the device's own user.")
@click.option("--group", "groups", multiple=True, metavar="G", help="It goes to devices in it only; again for more.")
@click.option("--description", metavar="TEXT", default="")
@click.option("--stdin", is_flag=True, help=_STDIN)
def add(name: str, kind: str, user: str | None, groups: tuple[str, ...], description: str, stdin: bool) -> None:
    """Keep a secret. It is asked for at a prompt that shows nothing, or read from standard input."""
    from deployx_tui.model.secret import CredentialDraft, CredentialKind, VaultState

    call = invocation()
    chosen = CredentialKind(kind)
    secret = read_secret(call, chosen, stdin=stdin)

    async def make(backend: Backend, given: NewSecret) -> tuple[Credential, VaultStatus | None]:
        draft = CredentialDraft(
            name=name, kind=chosen, user=user, groups=await group_ids(backend, groups), description=description
        )
        was_empty = (await backend.vault.status()).state is VaultState.EMPTY
        made = await backend.credentials.create(draft, given)
        return made, await backend.vault.status() if was_empty else None

    made, first = kept(call, secret, make, stdin=stdin)
    if call.json:
        _put_json(made)
    else:
        printing.put_line(f"made credential {made.name} ({made.id})")
        if not made.draft.groups and chosen is not CredentialKind.PARAMETER:
            printing.note(call, f"it goes to devices that name it: deployx device edit DEVICE --credential {made.name}")
    if first is not None:
        for line in told_once(first):
            printing.note(call, line)


def told_once(status: VaultStatus) -> tuple[str, ...]:
    """What a person must know when the vault has just been made."""
    return (
        f"the vault is made; its key: {status.source}",
        f"keep a copy of {status.back_up} apart from copies of the database: without it no secret can be read again",
    )


@credential.command(example="deployx credential rotate web-login --stdin < password.txt")
@click.argument("name", type=Name("credential"))
@click.option("--stdin", is_flag=True, help=_STDIN)
def rotate(name: str, stdin: bool) -> None:
    """Put another secret in, and list what uses it. Runs that are under way end with the old one."""
    rotate_one(invocation(), name, stdin=stdin)


def rotate_one(call: Invocation, name: str, *, stdin: bool) -> None:
    """Of `credential rotate` and `vault rotate`."""
    present = with_backend(call, lambda backend: backend.credentials.find(name))
    secret = read_secret(call, present.draft.kind, stdin=stdin)

    async def put(backend: Backend, given: NewSecret) -> Credential:
        return await backend.credentials.rotate(present.id, given)

    made = kept(call, secret, put, stdin=stdin)
    if call.json:
        _put_json(made)
        return
    printing.put_line(f"credential {made.name} has a new secret, version {made.secret_version}")
    if made.used_by:
        printing.note(call, f"used by {', '.join(made.used_by)}; deployx credential test {made.name} tries it")


@credential.command(example="deployx credential rm web-login --yes")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", type=Name("credential"))
@click.option("--yes", is_flag=True, help="Do not ask.")
def rm(names: tuple[str, ...], yes: bool) -> None:
    """Erase credentials with their secrets. It can't be undone; devices that named them name them no more."""
    call = invocation()

    async def remove(backend: Backend) -> list[Credential]:
        found = [await backend.credentials.find(name) for name in dict.fromkeys(names)]
        what = f"erase {counted(len(found), 'credential')} for ever: {', '.join(one.name for one in found)}"
        for one in found:
            if one.used_by:
                printing.note(call, f"! {one.name} is used by {len(one.used_by)}: {uses(one)}")
        asking.confirm(call, what, yes=yes)
        for one in found:
            await backend.credentials.delete(one.id, one.version)
        return found

    removed = with_backend(call, remove)
    if call.json:
        printing.put_json([one.id for one in removed])
    else:
        printing.put_line(f"erased {', '.join(one.name for one in removed)}")


@credential.command(example="deployx credential test web-login")
@click.argument("name", type=Name("credential"))
@click.option("--on", "selector", metavar="SELECTOR", type=Name("selector"), help="Log in to these that use it.")
def test(name: str, selector: str | None) -> int:
    """Whether its secret opens; then, of an ssh login, log in to devices that use it: ten, or those chosen."""
    call = invocation()

    async def walk(backend: Backend) -> bool:
        from deployx_tui.model.secret import Purpose

        one = await backend.credentials.find(name)
        check = await backend.credentials.check(one.id)
        _put_check(call, check)
        if not check.ok or one.draft.kind.purpose is not Purpose.SSH_LOGIN:
            return check.ok
        wanted = one.used_by
        if selector is not None:
            chosen = {row[1] for row in (await backend.devices.match(selector)).devices}
            wanted = tuple(device for device in wanted if device in chosen)
        elif len(wanted) > MOST_TESTED:
            printing.note(
                call, f"of {counted(len(wanted), 'device')} the first {MOST_TESTED} are tried; --on chooses others"
            )
            wanted = wanted[:MOST_TESTED]
        results = [await _try(call, backend, device) for device in wanted]
        return all(results)

    return 0 if with_backend(call, walk) else 1


async def _try(call: Invocation, backend: Backend, name: str) -> bool:
    """Log in to one device; only its last step is told."""
    from deployx_tui.model.outcome_words import step_word

    device = await backend.devices.find(name)
    last: TestStep | None = None
    async for step in backend.devices.test(device.id):
        last = step
    if last is None:
        return False
    if call.json:
        from deployx_tui.service.wire.devices import step_to_json

        printing.put_json_line({"device": name, **step_to_json(last)})
    else:
        printing.put_line(f"{'✓' if last.ok else '✗'} {name}  {step_word(last.name)}: {last.message}")
        if last.remedy:
            printing.put_line(f"  {last.remedy}")
    return last.ok


def _put_check(call: Invocation, check: CredentialCheck) -> None:
    if call.json:
        from deployx_tui.service.wire.credentials import check_to_json

        printing.put_json_line(check_to_json(check))
        return
    printing.put_line(f"{'✓' if check.ok else '✗'} {check.message}")
    if check.remedy:
        printing.put_line(f"  {check.remedy}")


def uses(one: Credential, shown: int = 5) -> str:
    """The devices that it goes to, shortened."""
    if not one.used_by:
        return "-"
    names = ", ".join(one.used_by[:shown])
    return names if len(one.used_by) <= shown else f"{names} and {len(one.used_by) - shown} more"


def _put_json(one: Credential) -> None:
    from deployx_tui.service.wire.credentials import credential_to_json

    printing.put_json(credential_to_json(one))
