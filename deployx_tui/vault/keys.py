"""Where the master key comes from, in a fixed order: the first place that has one.

    systemd's credential, the file or the passphrase that the settings choose, the file in the configuration folder
    (made here with the first secret), the environment

A key lies outside of the data folder, so that a copy of the data opens nothing.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import ctypes
import os
import resource
import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from deployx_tui.model.secret import Secret
from deployx_tui.vault.envelope import KEY_BYTES, MasterKey

#: the master key itself, base64 or hex
ENVIRONMENT = "DEPLOYX_MASTER_KEY"
#: the settings' word for a passphrase that a person gives with `deployx vault unlock`
PASSPHRASE = "passphrase"  # noqa: S105 - the word, not one
#: what systemd calls it in the unit
SYSTEMD_NAME = "master.key"
SALT_BYTES = 16
_NO_FILE = "is not a regular file"


class NoKey(Exception):
    """There is no key to be had; says why, and what helps."""


@dataclass(frozen=True, slots=True)
class FoundKey:
    key: MasterKey
    #: "key file /home/ada/.config/deployx/vault.key"
    source: str
    #: the file that holds it and that we may replace; None: it is not ours to change
    file: Path | None = None
    #: what a person should do about it; "" when nothing
    warning: str = ""
    #: what wants a copy elsewhere
    back_up: str = ""


@dataclass(slots=True)
class KeyPlaces:
    """Where to look. The passphrase, once given, stays in memory."""

    #: made with the first secret when nothing else is there
    own_file: Path
    #: a file, or PASSPHRASE; None: nothing is chosen
    chosen: str | None = None
    #: $CREDENTIALS_DIRECTORY
    systemd: Path | None = None
    environment: Secret | None = None
    #: folders whose copies must not hold the key
    data: tuple[Path, ...] = ()
    _derived: dict[bytes, MasterKey] = field(default_factory=dict, repr=False)

    @property
    def wants_passphrase(self) -> bool:
        return self.chosen == PASSPHRASE and self._systemd_file() is None

    def candidates(self, salt: bytes | None) -> list[FoundKey]:
        """The key; and the one of a rotation that a crash interrupted, where there is such. Raises NoKey."""
        no_core_dumps()
        if (file := self._systemd_file()) is not None:
            return [FoundKey(_read(file, is_systemd=True), "systemd credential", back_up=f"what {file.name} came from")]
        if self.wants_passphrase:
            derived = None if salt is None else self._derived.get(salt)
            if derived is None:
                raise NoKey("the vault waits for its passphrase; deployx vault unlock asks for it")
            return [FoundKey(derived, PASSPHRASE, back_up="your passphrase: nothing else opens the vault")]
        file = self.own_file if self.chosen is None else Path(self.chosen)
        self._refuse_beside_data(file)
        fresh = replacement(file)
        if os.path.lexists(file):
            found = [self._of_file(file)]
            if os.path.lexists(fresh):
                # of a rotation that stopped half way: what is wrong with it must not close the vault
                with contextlib.suppress(NoKey):
                    found.append(self._of_file(fresh))
            return found
        if os.path.lexists(fresh):
            return [self._of_file(fresh)]
        if self.chosen is not None:
            raise NoKey(f"there is no key file {file}; put it back from its copy")
        if self.environment is not None:
            return [
                FoundKey(
                    _parse(self.environment, f"the variable {ENVIRONMENT}"),
                    f"environment {ENVIRONMENT}",
                    warning="other processes of this account can read the environment; put the key into a file",
                    back_up=f"the value of {ENVIRONMENT}",
                )
            ]
        raise NoKey(f"there is no key: {file} is missing; put it back from its copy")

    def first(self) -> tuple[FoundKey, bytes | None]:
        """The key to seal the first secret with, and a passphrase's salt. Makes a key file where none is chosen."""
        if self.wants_passphrase:
            if not self._derived:
                raise NoKey("choose the vault's passphrase first: deployx vault unlock")
            salt = [*self._derived][-1]  # the one that was chosen last
            return self.candidates(salt)[0], salt
        try:
            return self.candidates(None)[0], None
        except NoKey:
            if self.chosen is not None or self.environment is not None:
                raise
        self._refuse_beside_data(self.own_file)
        make_file(self.own_file)
        return self._of_file(self.own_file), None

    def give_passphrase(self, passphrase: Secret, salt: bytes | None) -> bytes:
        """Takes 256 MiB and about a second. Returns the salt, a fresh one when there was none."""
        salt = salt or secrets.token_bytes(SALT_BYTES)
        self._derived[salt] = _derive(passphrase, salt)
        return salt

    def forget_passphrase(self, salt: bytes) -> None:
        """It was the wrong one."""
        self._derived.pop(salt, None)

    def _of_file(self, file: Path) -> FoundKey:
        return FoundKey(_read(file, is_systemd=False), f"key file {file}", file, back_up=str(file))

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


def replacement(file: Path) -> Path:
    """Where a new key waits until every secret is sealed with it."""
    return file.with_name(file.name + ".new")


def make_file(file: Path) -> None:
    """A fresh random key, readable by its owner only, on disk before this returns. One that is there stays."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o400)
    except FileExistsError:
        return
    except OSError as error:
        raise NoKey(f"the key file {file} can't be made: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as out:
        os.fchmod(descriptor, 0o400)
        out.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
        out.flush()
        os.fsync(descriptor)
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """What was made or renamed in it survives a power loss."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def objection(found: os.stat_result) -> str | None:
    """What speaks against a key file of ours; None: nothing."""
    if not stat.S_ISREG(found.st_mode):
        return _NO_FILE
    if found.st_uid != os.geteuid():
        return f"belongs to uid {found.st_uid}"
    if found.st_mode & 0o077:
        return f"may be read by others (mode {stat.S_IMODE(found.st_mode):04o}); close it with chmod 400"
    return None


def no_core_dumps() -> None:
    """This process leaves no memory behind, and only root may look into it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    prctl: Callable[..., int] | None = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:  # Linux; elsewhere the limit alone has to do
        prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


_PR_SET_DUMPABLE = 4


def _read(file: Path, *, is_systemd: bool) -> MasterKey:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise NoKey(f"the key file {file} can't be opened: {error.strerror} (a link is not followed)") from error
    try:
        found = os.fstat(descriptor)
        # systemd's own is root's, and it sees to who may read it
        wrong = objection(found) if not is_systemd else None if stat.S_ISREG(found.st_mode) else _NO_FILE
        if wrong is not None:
            raise NoKey(f"the key file {file} {wrong}")
        content = os.read(descriptor, 1024)
    finally:
        os.close(descriptor)
    return _parse(Secret(content), str(file))


def _parse(content: Secret, where: str) -> MasterKey:
    """32 bytes as they are, in base64 or in hex."""
    raw = content.reveal()
    if len(raw) != KEY_BYTES:
        text = raw.strip()
        try:
            raw = (
                bytes.fromhex(text.decode("ascii"))
                if len(text) == 2 * KEY_BYTES
                else base64.b64decode(text, validate=True)
            )
        except (ValueError, binascii.Error):
            raw = b""
    if len(raw) != KEY_BYTES:
        # from None, and nothing of the content
        raise NoKey(f"{where} holds no key: 32 bytes, as they are or in base64 or hex") from None
    return MasterKey(Secret(raw))


def _derive(passphrase: Secret, salt: bytes) -> MasterKey:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id  # noqa: PLC0415 - one source of many

    kdf = Argon2id(salt=salt, length=KEY_BYTES, iterations=3, lanes=4, memory_cost=256 << 10)
    return MasterKey(Secret(kdf.derive(passphrase.reveal())))
