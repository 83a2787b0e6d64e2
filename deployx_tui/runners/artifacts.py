"""What runners read artifacts from; the store implements it."""

from __future__ import annotations

from typing import Protocol

from deployx_tui.model.artifact import TreeEntry


class Content(Protocol):
    """The bytes of one artifact, open. Thread-safe: many targets read it at once, and it is read from the disk once."""

    @property
    def sha256(self) -> str:
        """Hex."""
        ...

    @property
    def size(self) -> int: ...

    def read(self, offset: int, size: int) -> bytes:
        """So many bytes from there; fewer at the end only."""
        ...

    def prefix_sha256(self, size: int) -> str:
        """Hex, of the first `size` bytes."""
        ...


class ArtifactSource(Protocol):
    """Thread-safe. Both calls raise InvalidInput (field `artifact`) when the content is not here any more, or is not
    what its SHA-256 says: what has changed on disk is found before it is sent."""

    def content(self, sha256: str) -> Content:
        """Hashed once however many targets ask, as long as the file on disk stays the same (size, times, inode)."""
        ...

    def tree(self, sha256: str) -> tuple[TreeEntry, ...]:
        """What a manifest lists, sorted by path."""
        ...
