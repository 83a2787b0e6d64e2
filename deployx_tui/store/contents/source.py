"""What runners read artifacts from (`runners/artifacts.py`): contents that are what their names say, each read once."""

from __future__ import annotations

import hashlib
import os
import stat
import weakref
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from deployx_tui.errors import InvalidInput
from deployx_tui.model.artifact import TreeEntry
from deployx_tui.model.manifest import entries_of
from deployx_tui.store.contents.folder import ContentFolder
from deployx_tui.store.contents.once import Once
from deployx_tui.store.contents.verified import identity_of

#: read from the disk at once
BLOCK = 1 << 20
#: blocks that are kept for the other targets that read the same content now
_MOST_BLOCKS = 32
#: entries of manifests that are kept; the last one always is
_MOST_ENTRIES = 100_000
#: of a manifest; a million entries with long names have as much
_MOST_MANIFEST = 512 << 20


class Contents:
    """The ArtifactSource of a folder. Thread-safe. A content is hashed once as the file that it is."""

    def __init__(self, folder: ContentFolder, name_of: Callable[[str], str]) -> None:
        """`name_of` a SHA-256: what people call it ("artifact app.conf, version 3"), for errors."""
        self.folder, self._name_of = folder, name_of
        self._lock = Lock()
        self._open: weakref.WeakValueDictionary[str, OpenContent] = weakref.WeakValueDictionary()
        self._opening: Once[str, OpenContent] = Once()
        self._blocks = _Blocks()
        self._trees: OrderedDict[str, tuple[TreeEntry, ...]] = OrderedDict()
        self._reading: Once[str, tuple[TreeEntry, ...]] = Once()

    def content(self, sha256: str) -> OpenContent:
        """One for all who read it now, as long as the file stays the same. Raises InvalidInput as the protocol says."""
        with self._lock:
            found = self._open.get(sha256)
        if found is not None and self.folder.is_current(sha256):
            return found
        return self._opening.get(sha256, lambda: self._opened(sha256))

    def tree(self, sha256: str) -> tuple[TreeEntry, ...]:
        with self._lock:
            kept = self._trees.get(sha256)
            if kept is not None:
                self._trees.move_to_end(sha256)
        if kept is not None and self.folder.is_current(sha256):
            return kept
        return self._reading.get(sha256, lambda: self._read_tree(sha256))

    def _opened(self, sha256: str) -> OpenContent:
        try:
            descriptor = os.open(
                self.folder.path(sha256), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
            )
        except FileNotFoundError:
            raise self._refusal(sha256, "is not on this machine any more") from None
        except OSError as error:
            raise self._refusal(sha256, f"can't be read: {error.strerror}") from error
        found = os.fstat(descriptor)
        content = OpenContent(sha256, descriptor, found, self._blocks, self._refusal)
        if not stat.S_ISREG(found.st_mode):
            raise self._refusal(sha256, "was replaced by something that is no file")
        if not self.folder.verified.holds(sha256, identity_of(found)):
            if content.prefix_sha256(found.st_size) != sha256:
                raise self._refusal(sha256, "has changed on the disk since it was added")
            content.require_unchanged()
            self.folder.verified.learn(sha256, identity_of(found))
        with self._lock:
            self._open[sha256] = content
        return content

    def _read_tree(self, sha256: str) -> tuple[TreeEntry, ...]:
        content = self.content(sha256)
        if content.size > _MOST_MANIFEST:
            raise self._refusal(sha256, "is no list of a folder")
        text = b"".join(content.read(at, BLOCK) for at in range(0, content.size, BLOCK))
        try:
            entries = entries_of(text.decode("ascii"))
        except ValueError:
            raise self._refusal(sha256, "is no list of a folder") from None
        with self._lock:
            self._trees[sha256] = entries
            self._trees.move_to_end(sha256)
            while len(self._trees) > 1 and sum(map(len, self._trees.values())) > _MOST_ENTRIES:
                self._trees.popitem(last=False)
        return entries

    def _refusal(self, sha256: str, what: str) -> InvalidInput:
        return InvalidInput.of(
            "artifact",
            f"the content of {self._name_of(sha256)} {what} ({self.folder.path(sha256)})",
            "add it again from where it came: deployx artifact add",
        )


class _Blocks:
    """The last blocks that were read, of whatever is open. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[tuple[int, int], bytes] = OrderedDict()

    def get(self, key: tuple[int, int]) -> bytes | None:
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: tuple[int, int], block: bytes) -> None:
        with self._lock:
            self._kept[key] = block
            if len(self._kept) > _MOST_BLOCKS:
                self._kept.popitem(last=False)

    def drop(self, reader: int) -> None:
        with self._lock:
            for key in [key for key in self._kept if key[0] == reader]:
                del self._kept[key]


class OpenContent:
    """A Content (`runners/artifacts.py`) that is open until nobody has it any more. Thread-safe."""

    def __init__(
        self,
        sha256: str,
        descriptor: int,
        found: os.stat_result,
        blocks: _Blocks,
        refusal: Callable[[str, str], InvalidInput],
    ) -> None:
        self._sha256, self._descriptor, self._size = sha256, descriptor, found.st_size
        self._changed_at, self._blocks, self._refusal = found.st_mtime_ns, blocks, refusal
        self._reading: Once[int, bytes] = Once()
        self._hashing: Once[int, str] = Once()
        self._closing = weakref.finalize(self, _close, descriptor, blocks, id(self))

    @property
    def sha256(self) -> str:
        return self._sha256

    @property
    def size(self) -> int:
        return self._size

    def read(self, offset: int, size: int) -> bytes:
        """InvalidInput when the file was changed under its readers."""
        end = min(offset + size, self._size)
        pieces = []
        while offset < end:
            number, start = divmod(offset, BLOCK)
            piece = self._block(number)[start : start + end - offset]
            pieces.append(piece)
            offset += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def prefix_sha256(self, size: int) -> str:
        size = min(size, self._size)
        return self._hashing.get(size, lambda: self._hash(size))

    def require_unchanged(self) -> None:
        """InvalidInput when it is not the file that was opened. Its last name may be gone: that changes no byte."""
        found = os.fstat(self._descriptor)
        if (found.st_size, found.st_mtime_ns) != (self._size, self._changed_at):
            raise self._refusal(self._sha256, "changes on the disk while it is read")

    def _hash(self, size: int) -> str:
        digest = hashlib.sha256()
        at = 0
        while at < size:
            piece = self.read(at, min(BLOCK, size - at))
            digest.update(piece)
            at += len(piece)
        return digest.hexdigest()

    def _block(self, number: int) -> bytes:
        key = (id(self), number)
        return self._blocks.get(key) or self._reading.get(number, lambda: self._read(key))

    def _read(self, key: tuple[int, int]) -> bytes:
        # whoever was quicker has kept it
        if (kept := self._blocks.get(key)) is not None:
            return kept
        at = key[1] * BLOCK
        wanted = min(BLOCK, self._size - at)
        self.require_unchanged()
        block = read_at(self._descriptor, wanted, at)
        if len(block) != wanted:
            raise self._refusal(self._sha256, "changes on the disk while it is read")
        self._blocks.put(key, block)
        return block


def read_at(descriptor: int, size: int, offset: int) -> bytes:
    """So many bytes of a file; fewer at its end only."""
    block = os.pread(descriptor, size, offset)
    while len(block) < size and (more := os.pread(descriptor, size - len(block), offset + len(block))):
        block += more
    return block


def _close(descriptor: int, blocks: _Blocks, reader: int) -> None:
    os.close(descriptor)
    blocks.drop(reader)
