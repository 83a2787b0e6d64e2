"""What arrives: written to files of its own, hashed on the way, and given to the folder when all of it is whole."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from deployx_tui.errors import InvalidInput, TooLarge
from deployx_tui.model.words import size_words

if TYPE_CHECKING:
    from deployx_tui.store.contents.folder import ContentFolder

#: read from the sender, and written, at once
PIECE = 1 << 20
#: between two looks at how full the disk is
_LOOK = 64 << 20
#: one sync of the whole disk is quicker than this many of one file
_MANY = 16

#: so many bytes, fewer at the end only
Read = Callable[[int], bytes]


class Incoming:
    """One upload. Of one thread at a time; `close` it whatever happens."""

    def __init__(self, folder: ContentFolder, place: Path, lock: int) -> None:
        #: `lock`: a descriptor that tells a sweep that this process writes here
        self._folder, self.place, self._lock = folder, place, lock
        self._written = 0
        self._unlooked = _LOOK
        #: names in `place`
        self._here: list[str] = []
        self._held: set[str] = set()

    def take(self, read: Read, name: str) -> tuple[str, int]:
        """A file, streamed to its end: its SHA-256 and size. Its content stays until `close`, whatever lies there.

        Raises TooLarge; Unavailable when the disk refuses; InvalidInput for an empty one, with `name`; and as `read`.
        """
        digest, size = hashlib.sha256(), 0
        path = self.place / "part"
        with self._created(path) as descriptor:
            while piece := read(PIECE):
                size += len(piece)
                self._allow(len(piece), size, name)
                digest.update(piece)
                self._write(descriptor, piece)
        if not size:
            raise InvalidInput.of("artifact", f"{name} is empty", "give a file that holds something")
        self._named(path, digest.hexdigest())
        return digest.hexdigest(), size

    def put(self, content: bytes) -> str:
        """A file that is in memory: its SHA-256. What lies here already as such is not written again."""
        sha256 = hashlib.sha256(content).hexdigest()
        if sha256 in self._held:
            return sha256
        self._hold(sha256)
        if self._folder.is_current(sha256):
            return sha256
        self._allow(len(content), len(content), sha256)
        with self._created(self.place / sha256) as descriptor:
            self._write(descriptor, content)
        self._here.append(sha256)
        return sha256

    def path(self, sha256: str) -> Path:
        """Where one of its contents lies now, before `publish` or after."""
        here = self.place / sha256
        return here if here.exists() else self._folder.path(sha256)

    def publish(self) -> None:
        """Give all that was taken its place, on disk for good. Unavailable when the disk refuses."""
        folder, is_many = self._folder, len(self._here) > _MANY
        try:
            if is_many:
                folder.sync_all()
            else:
                for sha256 in self._here:
                    _sync(self.place / sha256)
            for sha256 in self._here:
                folder.place(self.place / sha256, sha256, self)
            if is_many:
                folder.sync_all()
            else:
                folder.sync({sha256[:2] for sha256 in self._here})
        except OSError as error:
            raise folder.refusal(error) from error
        # counted among what lies here from now on
        folder.gone(self._written)
        self._written = 0

    def keep(self) -> None:
        """The row that names what was published is committed."""
        self._folder.kept(self)

    def close(self) -> None:
        """Its place is gone, and without `keep` what it brought is too."""
        self._folder.withdraw(self)
        self._folder.release(self._held)
        self._held = set()
        self._folder.gone(self._written)
        self._written = 0
        shutil.rmtree(self.place, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _allow(self, more: int, size: int, name: str) -> None:
        if size > self._folder.limits.one:
            raise TooLarge.of(
                "artifact",
                f"{name} has more than {size_words(self._folder.limits.one)} (setting artifact_file)",
                "give a smaller file, or raise the setting",
            )
        self._folder.arrive(more)
        self._written += more
        self._unlooked += more
        if self._unlooked >= _LOOK:
            self._folder.require_free()
            self._unlooked = 0

    def _named(self, path: Path, sha256: str) -> None:
        is_here = sha256 in self._held
        if not is_here:
            self._hold(sha256)
        if is_here or self._folder.is_current(sha256):
            path.unlink()
            return
        path.rename(self.place / sha256)
        self._here.append(sha256)

    @contextmanager
    def _created(self, path: Path) -> Iterator[int]:
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._folder.refusal(error) from error
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _write(self, descriptor: int, data: bytes) -> None:
        # not around the reading: a sender's OSError is none of this disk's
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(descriptor, view) :]
        except OSError as error:
            raise self._folder.refusal(error) from error

    def _hold(self, sha256: str) -> None:
        self._folder.hold(sha256)
        self._held.add(sha256)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
