"""`deployx vault`: whether secrets can be read, and the key that opens them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from deployx_tui.cli import asking, printing
from deployx_tui.cli.backend import with_backend
from deployx_tui.cli.completion import Name
from deployx_tui.cli.credential import rotate_one, told_once
from deployx_tui.cli.invocation import Group, Invocation, invocation
from deployx_tui.cli.secrets import read_passphrase
from deployx_tui.errors import Conflict

if TYPE_CHECKING:
    from deployx_tui.model.secret import VaultStatus
    from deployx_tui.service.backend import Backend

#: the setting's word
_PASSPHRASE = "passphrase"  # noqa: S105 - the word, not one

_WORDS = {
    "empty": "empty: no secret was kept yet",
    "open": "open",
    "locked": "locked: runs that need a secret wait",
    "wrong_key": "closed: the key that is there is another one; runs that need a secret wait",
}


@click.group(cls=Group)
def vault() -> None:
    """Where secrets are kept, and its key."""


@vault.command(example="deployx vault status")
def status() -> int:
    """Whether it is open, where its key comes from, and what to keep a copy of.

    Exit status 1 when it is closed, or when its key is no more where it was.
    """
    call = invocation()
    found = with_backend(call, lambda backend: backend.vault.status(), engine=False)
    _put(call, found)
    return 1 if found.is_key_gone or found.state.value in ("locked", "wrong_key") else 0


@vault.command(example="deployx vault unlock --stdin < passphrase.txt || true")
@click.option("--stdin", is_flag=True, help="Read the passphrase from standard input.")
def unlock(stdin: bool) -> None:
    """Give the passphrase, where the settings say that one opens it; the first time it is chosen."""
    from deployx_tui.model.secret import VaultState

    call = invocation()
    if call.settings.vault_key != _PASSPHRASE:
        raise Conflict('the vault\'s key is not a passphrase; vault_key = "passphrase" in the settings makes it one')
    is_first = with_backend(call, lambda backend: backend.vault.status()).state is VaultState.EMPTY
    words = "Choose the vault's passphrase" if is_first else "Passphrase of the vault"
    given = read_passphrase(call, words, stdin=stdin, twice=is_first)
    found = with_backend(call, lambda backend: backend.vault.unlock(given))
    _put(call, found, "the passphrase is chosen; nothing else will open the vault" if is_first else "the vault is open")


@vault.command("rotate-master", example="deployx vault rotate-master --yes")
@click.option("--stdin", is_flag=True, help="Read a new passphrase from standard input, where the key is one.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def rotate_master(stdin: bool, yes: bool) -> None:
    """Seal every secret with a fresh key, in one step. Backups of the database from before need the old key."""
    call = invocation()
    before = with_backend(call, lambda backend: backend.vault.status())
    copied = f"; copies of the database from before need the old one, so copy {before.back_up} first"
    asking.confirm(
        call, "put a new master key in place of the present one" + (copied if before.back_up else ""), yes=yes
    )
    new = None
    if call.settings.vault_key == _PASSPHRASE:
        new = read_passphrase(call, "New passphrase of the vault", stdin=stdin, twice=True)

    async def rotate_(backend: Backend) -> VaultStatus:
        return await backend.vault.rotate_master(new)

    found = with_backend(call, rotate_)
    _put(call, found, f"the secrets are sealed with a new key, {found.key_id}")
    for line in told_once(found)[1:]:
        printing.note(call, line)
    if found.kept:
        printing.note(call, f"the key before stays for other databases and copies from before: {found.kept}")


@vault.command(example="deployx vault rotate web-login --stdin < password.txt")
@click.argument("name", type=Name("credential"))
@click.option("--stdin", is_flag=True, help="Read the secret from standard input.")
def rotate(name: str, stdin: bool) -> None:
    """Put another secret into a credential, and list what uses it; the same as `deployx credential rotate`."""
    rotate_one(invocation(), name, stdin=stdin)


def _put(call: Invocation, found: VaultStatus, done: str | None = None) -> None:
    if call.json:
        from deployx_tui.service.wire.credentials import vault_to_json

        printing.put_json(vault_to_json(found))
        return
    if done is not None:
        printing.put_line(done)
        return
    state = "open from memory: its key is gone" if found.is_key_gone else _WORDS[found.state.value]
    facts = [("vault", state), ("secrets", str(found.secrets))]
    facts += [("key", f"{found.source or 'none'}{f', {found.key_id}' if found.key_id else ''}")]
    facts += [("back up", found.back_up)] if found.back_up else []
    facts += [("", found.message)] if found.message else []
    printing.put_facts(facts)
