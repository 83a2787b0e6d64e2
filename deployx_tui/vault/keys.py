"""Where the master key comes from, in a fixed order: the first place that has one.

    systemd's credential; the file, passphrase or keyring that the settings choose; the file in the configuration folder
    (made with the first secret); the environment

A key lies outside of the data folder, so that a copy of the data opens nothing.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from deployx_tui.model.secret import Secret
from deployx_tui.vault.envelope import KEY_BYTES, MasterKey, is_key_id
from deployx_tui.vault.os_keyring import KeyringShelf
from deployx_tui.vault.shelves import FileShelf, NoKey, Shelf, parse_key, read_file

#: the master key itself, base64 or hex
ENVIRONMENT = "DEPLOYX_MASTER_KEY"
#: the settings' word for a passphrase that a person gives with `deployx vault unlock`
PASSPHRASE = "passphrase"  # noqa: S105 - the word, not one
#: the settings' word for the keyring of the account
KEYRING = "keyring"
#: what systemd calls it in the unit
SYSTEMD_NAME = "master.key"
SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class FoundKey:
    key: MasterKey
    #: "key file /home/ada/.config/deployx/vault.key"
    source: str
    #: where it lies, when it is ours to replace; None: it is not
    shelf: Shelf | None = None
    #: it is the new one of a rotation, which has not taken its place yet
    is_waiting: bool = False
    #: what a person should do about it; "" when nothing
    warning: str = ""
    #: what wants a copy elsewhere
    back_up: str = ""


@dataclass(slots=True)
class KeyPlaces:
    """Where to look. The passphrase, once given, stays in memory."""

    #: made with the first secret when nothing else is there
    own_file: Path
    #: a file, PASSPHRASE or KEYRING; None: nothing is chosen
    chosen: str | None = None
    #: $CREDENTIALS_DIRECTORY
    systemd: Path | None = None
    environment: Secret | None = None
    #: folders whose copies must not hold the key
    data: tuple[Path, ...] = ()
    #: the entry for KEYRING; None: by the file that it stands for, so each configuration folder has a key of its own
    keyring: KeyringShelf | None = None
    _derived: dict[bytes, MasterKey] = field(default_factory=dict, repr=False)

    @property
    def wants_passphrase(self) -> bool:
        return self.chosen == PASSPHRASE and self._systemd_file() is None

    @property
    def may_ask(self) -> bool:
        """Whether to look for the key may take as long as a person does."""
        return self.chosen == KEYRING and self._systemd_file() is None

    def candidates(self, salt: bytes | None, wanted: str | None = None) -> list[FoundKey]:
        """The key; the one of a rotation that a crash interrupted, where there is such; and the one of the id that is
        wanted, where it stayed beside when another took its place. Raises NoKey.
        """
        no_core_dumps()
        if (file := self._systemd_file()) is not None:
            key = read_file(file, is_systemd=True)
            return [FoundKey(key, "systemd credential", back_up=f"what {file.name} came from")]
        if self.wants_passphrase:
            derived = None if salt is None else self._derived.get(salt)
            if derived is None:
                raise NoKey("the vault waits for its passphrase; deployx vault unlock asks for it")
            return [FoundKey(derived, PASSPHRASE, back_up="your passphrase: nothing else opens the vault")]
        shelf = self.shelf
        if found := _on(shelf, wanted):
            return found
        if self.chosen is None and self.environment is not None:
            return [
                FoundKey(
                    parse_key(self.environment, f"the variable {ENVIRONMENT}"),
                    f"environment {ENVIRONMENT}",
                    warning="other processes of this account can read the environment; put the key into a file",
                    back_up=f"the value of {ENVIRONMENT}",
                )
            ]
        raise NoKey(f"there is no key: {shelf.source} is missing; put it back from its copy")

    def first(self) -> tuple[FoundKey, bytes | None]:
        """The key to seal the first secret with, and a passphrase's salt. Makes one where that is left to us."""
        if self.wants_passphrase:
            if not self._derived:
                raise NoKey("choose the vault's passphrase first: deployx vault unlock")
            salt = [*self._derived][-1]  # the one that was chosen last
            return self.candidates(salt)[0], salt
        is_left_to_us = self.chosen == KEYRING or (self.chosen is None and self.environment is None)
        if self._systemd_file() is None and is_left_to_us:
            self.shelf.make()
        return self.candidates(None)[0], None

    @property
    def shelf(self) -> Shelf:
        """Where a key lies that is ours to make or to replace. Raises NoKey where it must not lie."""
        if self.chosen == KEYRING:
            self.keyring = self.keyring or KeyringShelf(str(self.own_file))
            return self.keyring
        file = self.own_file if self.chosen is None else Path(self.chosen)
        self._refuse_beside_data(file)
        return FileShelf(file)

    def give_passphrase(self, passphrase: Secret, salt: bytes | None) -> bytes:
        """Takes 256 MiB and about a second. Returns the salt, a fresh one when there was none."""
        salt = salt or secrets.token_bytes(SALT_BYTES)
        self._derived[salt] = _derive(passphrase, salt)
        return salt

    def forget_passphrase(self, salt: bytes) -> None:
        """It was the wrong one."""
        self._derived.pop(salt, None)

    def _systemd_file(self) -> Path | None:
        file = None if self.systemd is None else self.systemd / SYSTEMD_NAME
        return file if file is not None and file.exists() else None

    def _refuse_beside_data(self, file: Path) -> None:
        real = file.parent.resolve()
        for folder in self.data:
            if real == folder.resolve() or folder.resolve() in real.parents:
                raise NoKey(
                    f"the key file {file} lies in the data folder, so every copy of the data would hold its key; "
                    "move it elsewhere and name it: vault_key = PATH"
                )


def take_from_environment() -> Secret | None:
    """The key, once: commands that this process starts don't inherit it."""
    value = os.environ.pop(ENVIRONMENT, None)
    return Secret.of(value) if value else None


def _on(shelf: Shelf, wanted: str | None) -> list[FoundKey]:
    """What lies there: the key first, then one that waits, then the one that is wanted and lies beside."""
    found: list[FoundKey] = []
    if (key := shelf.read()) is not None:
        found.append(FoundKey(key, shelf.source, shelf, back_up=shelf.back_up))
    # of a rotation that stopped half way: what is wrong with it must not close the vault
    with contextlib.suppress(NoKey) if found else contextlib.nullcontext():
        if (waiting := shelf.read_waiting()) is not None:
            found.append(FoundKey(waiting, shelf.source, shelf, is_waiting=True, back_up=shelf.back_up))
    if wanted is not None and is_key_id(wanted) and all(one.key.id != wanted for one in found):
        beside = shelf.beside(wanted)
        if (kept := beside.read()) is not None:
            found.append(FoundKey(kept, beside.source, shelf, back_up=beside.back_up))
    return found


def no_core_dumps() -> None:
    """This process leaves no memory behind, and only root may look into it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    prctl: Callable[..., int] | None = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:  # Linux; elsewhere the limit alone has to do
        prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


_PR_SET_DUMPABLE = 4


def _derive(passphrase: Secret, salt: bytes) -> MasterKey:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id  # noqa: PLC0415 - one source of many

    kdf = Argon2id(salt=salt, length=KEY_BYTES, iterations=3, lanes=4, memory_cost=256 << 10)
    return MasterKey(Secret(kdf.derive(passphrase.reveal())))
