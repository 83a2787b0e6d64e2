"""Where a master key lies that deployx may make, read and replace: a file, or the keyring of the account.

A shelf has a second place, for the new key of a rotation: it waits there until every secret is sealed with it. So a
crash at any moment leaves the key that is needed. No key is ever overwritten: databases of one configuration folder
share it, so one that leaves its place stays beside it, under its id.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from deployx_tui.model.secret import Secret
from deployx_tui.store.files import sync_folder
from deployx_tui.vault.envelope import KEY_BYTES, MasterKey

NOT_A_FILE = "is not a regular file"


class NoKey(Exception):
    """There is no key to be had; says why, and what helps."""


class Shelf(Protocol):
    """One place for one key. Every method raises NoKey when the place itself can't be used."""

    @property
    def source(self) -> str:
        """What people call it: "key file /home/ada/.config/deployx/vault.key"."""
        ...

    @property
    def back_up(self) -> str:
        """What wants a copy elsewhere."""
        ...

    def read(self) -> MasterKey | None:
        """None: there is no key in it."""
        ...

    def read_waiting(self) -> MasterKey | None: ...

    def make(self) -> None:
        """A fresh random key, kept before this returns. One that is there stays."""
        ...

    def make_waiting(self) -> None:
        """The same in the second place. One that is there is moved beside: another database may be sealed with it."""
        ...

    def drop_waiting(self, key_id: str) -> None:
        """If that is the one that waits."""
        ...

    def settle(self) -> None:
        """What waits takes the place of the key, which stays beside."""
        ...

    def beside(self, key_id: str) -> Shelf:
        """Where the key of this id stays when another takes its place."""
        ...


class FileShelf:
    """A file of its owner alone (0400), no link. What waits has the same name and `.new`, what stays beside its id."""

    def __init__(self, file: Path) -> None:
        self.file = file

    @property
    def source(self) -> str:
        return f"key file {self.file}"

    @property
    def back_up(self) -> str:
        return str(self.file)

    @property
    def _waiting(self) -> Path:
        return self.file.with_name(self.file.name + ".new")

    def read(self) -> MasterKey | None:
        return read_file(self.file) if os.path.lexists(self.file) else None

    def read_waiting(self) -> MasterKey | None:
        return read_file(self._waiting) if os.path.lexists(self._waiting) else None

    def make(self) -> None:
        _make_file(self.file)

    def make_waiting(self) -> None:
        with _refusals(self._waiting, "made"):
            # an empty one: a crash while it was made
            if os.path.lexists(self._waiting) and self._waiting.lstat().st_size:
                self._keep(self._waiting)
            self._waiting.unlink(missing_ok=True)
        _make_file(self._waiting)

    def drop_waiting(self, key_id: str) -> None:
        waiting = self.read_waiting()
        if waiting is not None and waiting.id == key_id:
            self._waiting.unlink(missing_ok=True)

    def settle(self) -> None:
        with _refusals(self.file, "replaced"):
            if os.path.lexists(self.file):
                self._keep(self.file)
            self._waiting.replace(self.file)
            sync_folder(self.file.parent)

    def beside(self, key_id: str) -> FileShelf:
        return FileShelf(self.file.with_name(f"{self.file.name}.{key_id}"))

    def _keep(self, file: Path) -> None:
        """Give it a second name by the key in it. A link is whole or not there, and never takes another's place."""
        key = read_file(file)
        kept = self.beside(key.id).file
        if not os.path.lexists(kept):
            os.link(file, kept, follow_symlinks=False)
        elif read_file(kept).id != key.id:
            raise NoKey(f"{kept} holds another key than its name says; move it elsewhere")
        descriptor = os.open(kept, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fchmod(descriptor, 0o400)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync_folder(kept.parent)


@contextlib.contextmanager
def _refusals(file: Path, what: str) -> Iterator[None]:
    """What the system refuses, as NoKey."""
    try:
        yield
    except OSError as error:
        raise NoKey(f"the key file {file} can't be {what}: {error.strerror}") from error


def fresh_key() -> str:
    """As it is written down: base64."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode("ascii")


def parse_key(content: Secret, where: str) -> MasterKey:
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


def read_file(file: Path, *, is_systemd: bool = False) -> MasterKey:
    """The key in a file that nobody else may read; systemd's own is root's, and it sees to who may read it."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise NoKey(f"the key file {file} can't be opened: {error.strerror} (a link is not followed)") from error
    try:
        found = os.fstat(descriptor)
        wrong = objection(found) if not is_systemd else None if stat.S_ISREG(found.st_mode) else NOT_A_FILE
        if wrong is not None:
            raise NoKey(f"the key file {file} {wrong}")
        content = os.read(descriptor, 1024)
    finally:
        os.close(descriptor)
    return parse_key(Secret(content), str(file))


def objection(found: os.stat_result) -> str | None:
    """What speaks against a key file of ours; None: nothing."""
    if not stat.S_ISREG(found.st_mode):
        return NOT_A_FILE
    if found.st_uid != os.geteuid():
        return f"belongs to uid {found.st_uid}"
    if found.st_mode & 0o077:
        return f"may be read by others (mode {stat.S_IMODE(found.st_mode):04o}); close it with chmod 400"
    return None


def _make_file(file: Path) -> None:
    """On disk before this returns."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o400)
    except FileExistsError:
        return
    except OSError as error:
        raise NoKey(f"the key file {file} can't be made: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as out:
        os.fchmod(descriptor, 0o400)
        out.write(fresh_key().encode("ascii") + b"\n")
        out.flush()
        os.fsync(descriptor)
    sync_folder(file.parent)
