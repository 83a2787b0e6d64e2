"""The folder of contents: `ab/ab12...` for each, 0600 in 0700. Names of artifacts are labels in the database, no paths.

What arrives lies in `incoming/` until it is whole, hashed and synced; then it is renamed to its SHA-256. One process
at a time writes here: the engine that serves the database. What a killed one left in `incoming/` is swept by the next.

A collection of garbage never takes what an upload counts on: an upload *holds* each content from before it looks for
it until its row is committed, and a collection spares what was held at any moment since it began, which is before it
reads the database. So whatever is committed too late to be seen there was held meanwhile.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import re
import shutil
import stat
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from deployx_tui.errors import Conflict, TooLarge, Unavailable
from deployx_tui.model.words import size_words
from deployx_tui.store.contents.incoming import Incoming
from deployx_tui.store.contents.verified import Verified, identity_of
from deployx_tui.store.files import claim_folder, sync_folder

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bytes; each is a setting."""

    #: of all contents together
    total: int = 50 << 30
    #: of one file
    one: int = 16 << 30
    #: that stay free on the disk
    free: int = 1 << 30


class ContentFolder:
    """The contents of one database. Thread-safe."""

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        """`folder` is made 0700. OSError when it can't be, DatabaseRefused when it is a link or not ours."""
        claim_folder(folder)
        self.folder = folder
        self.limits = limits or Limits()
        self.verified = Verified()
        self._lock = Lock()
        #: by how many uploads each content is held
        self._held: Counter[str] = Counter()
        #: contents that an upload brought and nobody else counts on: gone with it if it is not kept
        self._fresh: dict[str, Incoming] = {}
        #: what was held since the collection under way began; None: there is none
        self._spared: set[str] | None = None
        #: bytes that lie here; None: not counted yet
        self._used: int | None = None
        #: bytes of uploads under way
        self._arriving = 0
        self._counting = Lock()

    # -- reading

    def path(self, sha256: str) -> Path:
        """Where a content lies, or would. ValueError for what is no SHA-256."""
        if _SHA256.match(sha256) is None:
            raise ValueError(f"{sha256[:80]!r} is no SHA-256")
        return self.folder / sha256[:2] / sha256

    def sizes(self) -> dict[str, int]:
        """All that lies here."""
        found: dict[str, int] = {}
        for part in os.scandir(self.folder):
            if len(part.name) == 2 and part.is_dir(follow_symlinks=False):
                for each in os.scandir(part.path):
                    if _SHA256.match(each.name) is not None:
                        with suppress(FileNotFoundError):
                            found[each.name] = each.stat(follow_symlinks=False).st_size
        return found

    def is_current(self, sha256: str) -> bool:
        """Whether a content lies here, and was found to be what its name says as the file that it is now."""
        try:
            found = self.path(sha256).lstat()
        except FileNotFoundError:
            return False
        return stat.S_ISREG(found.st_mode) and self.verified.holds(sha256, identity_of(found))

    # -- what arrives

    def begin(self) -> Incoming:
        """A place for something that arrives; `Incoming.close` ends it. Unavailable when the disk refuses."""
        self._count()
        try:
            return self._begin()
        except OSError as error:
            raise self.refusal(error) from error

    def _begin(self) -> Incoming:
        claim_folder(self.folder / "incoming")
        while True:
            place = self.folder / "incoming" / uuid.uuid4().hex
            place.mkdir(mode=0o700)
            # a sweep may come between the making and the lock: then it took an empty folder, and another is made
            with suppress(FileNotFoundError):
                descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
                fcntl.flock(descriptor, fcntl.LOCK_SH)
                if os.fstat(descriptor).st_nlink:
                    return Incoming(self, place, descriptor)
                os.close(descriptor)

    def sweep(self) -> int:
        """Remove what killed processes left in `incoming/`; what one is writing stays. Returns how many uploads."""
        swept = 0
        with suppress(FileNotFoundError):
            for each in (self.folder / "incoming").iterdir():
                descriptor = os.open(each, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                else:
                    shutil.rmtree(each)
                    swept += 1
                finally:
                    os.close(descriptor)
        return swept

    def arrive(self, size: int) -> None:
        """So many more bytes of an upload are about to be written. TooLarge when all together may not have them."""
        with self._lock:
            if (self._used or 0) + self._arriving + size > self.limits.total:
                raise TooLarge.of(
                    "artifact",
                    f"all artifacts together may have {size_words(self.limits.total)} (setting artifact_space)",
                    "delete some (deployx artifact rm) and collect their content (deployx artifact gc), "
                    "or raise the setting",
                )
            self._arriving += size

    def gone(self, size: int) -> None:
        """So many bytes of uploads under way are written no more."""
        with self._lock:
            self._arriving -= size

    def require_free(self) -> None:
        """TooLarge when the disk is as full as it may become. OSError when it does not say."""
        found = os.statvfs(self.folder)
        if found.f_bavail * found.f_frsize < self.limits.free:
            raise TooLarge.of(
                "artifact",
                f"{size_words(self.limits.free)} stay free on the disk of {self.folder} (setting artifact_free)",
                "make room on that disk, or lower the setting",
            )

    def hold(self, sha256: str) -> None:
        """Whatever lies here under it stays until `release`."""
        with self._lock:
            self._held[sha256] += 1
            # somebody else counts on it now
            self._fresh.pop(sha256, None)
            if self._spared is not None:
                self._spared.add(sha256)

    def release(self, held: Iterable[str]) -> None:
        with self._lock:
            for sha256 in held:
                self._held[sha256] -= 1
                if not self._held[sha256]:
                    del self._held[sha256]

    def place(self, source: Path, sha256: str, by: Incoming) -> None:
        """Give a whole content that `by` holds its name. What had it is replaced: it may have been damaged."""
        to = self.path(sha256)
        size = source.lstat().st_size
        to.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            before = to.lstat().st_size
        except FileNotFoundError:
            before = None
        source.rename(to)
        with self._lock:
            if before is None and self._held[sha256] == 1:
                self._fresh[sha256] = by
            if self._used is not None:
                self._used += size - (before or 0)

    def withdraw(self, by: Incoming) -> None:
        """Remove what `by` brought and nobody else counts on."""
        with self._lock:
            mine = [sha256 for sha256, bringer in self._fresh.items() if bringer is by]
            for sha256 in mine:
                del self._fresh[sha256]
                if self._held[sha256] <= 1:
                    self._remove(sha256)

    def kept(self, by: Incoming) -> None:
        """The row of what `by` brought is committed."""
        with self._lock:
            for sha256 in [sha256 for sha256, bringer in self._fresh.items() if bringer is by]:
                del self._fresh[sha256]

    def sync(self, parts: Iterable[str]) -> None:
        """The names in these parts (`ab`) survive a power loss."""
        for part in parts:
            sync_folder(self.folder / part)
        sync_folder(self.folder)

    def sync_all(self) -> None:
        """All that was written and named on this disk survives a power loss: one call for any number of files."""
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            # sync() tells no error, and waits for every other disk too
            if _syncfs is None:
                os.sync()
            elif _syncfs(descriptor) != 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number), str(self.folder))
        finally:
            os.close(descriptor)

    # -- garbage

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Around a collection: begins before the database is read, ends when all is removed. Conflict: one runs."""
        self._count()
        with self._lock:
            if self._spared is not None:
                raise Conflict("a collection of garbage is under way; wait for its end")
            self._spared = set(self._held)
        try:
            yield
        finally:
            with self._lock:
                self._spared = None

    def remove(self, sha256: str) -> int | None:
        """Remove a content within `collecting`; its bytes. None: an upload counts on it, or it is gone already."""
        # the lock is held over the removal: whoever holds the content a moment later must not find it there
        with self._lock:
            if self._spared is None:
                raise RuntimeError("remove() outside of collecting()")
            return None if sha256 in self._spared else self._remove(sha256)

    def _remove(self, sha256: str) -> int | None:
        path = self.path(sha256)
        try:
            size = path.lstat().st_size
            path.unlink()
        except FileNotFoundError:
            return None
        self.verified.forget(sha256)
        if self._used is not None:
            self._used -= size
        return size

    # -- parts

    def _count(self) -> None:
        with self._counting:
            if self._used is None:
                self._used = sum(self.sizes().values())

    def refusal(self, error: OSError) -> Unavailable:
        return Unavailable(
            f"nothing can be stored in {self.folder}: {error.strerror or error}; look at that disk, then try again"
        )


def _find_syncfs() -> ctypes._NamedFuncPointer | None:
    try:
        found = ctypes.CDLL(None, use_errno=True).syncfs
    except (AttributeError, OSError):
        return None  # not Linux
    found.argtypes, found.restype = [ctypes.c_int], ctypes.c_int
    return found


_syncfs = _find_syncfs()
