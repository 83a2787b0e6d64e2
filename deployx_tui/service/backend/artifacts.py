"""Artifacts: files and folders that tasks put on targets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from deployx_tui.model.artifact import Artifact, TreeEntry
from deployx_tui.model.ids import ArtifactId
from deployx_tui.model.page import Page
from deployx_tui.model.user import Permission
from deployx_tui.service.backend.permission import needs


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactUse:
    """Who still needs an artifact."""

    #: names of tasks
    tasks: tuple[str, ...] = ()
    #: alive ones, and ended ones that can be rolled back to it
    executions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What a collection of garbage removes, or would."""

    artifacts: tuple[Artifact, ...]
    #: bytes on disk
    freed: int
    #: bytes on disk that stay
    kept: int


class Artifacts(Protocol):
    @needs(Permission.ARTIFACTS_READ)
    async def list(self, text: str = "", *, limit: int = 100, cursor: str | None = None) -> Page[Artifact]:
        """By name, the newest version of each first. `text`: words that the name holds."""
        ...

    @needs(Permission.ARTIFACTS_READ)
    async def get(self, artifact: ArtifactId) -> Artifact: ...

    @needs(Permission.ARTIFACTS_READ)
    async def find(self, name_or_id: str) -> Artifact:
        """By id, NAME (the newest version) or NAME@VERSION."""
        ...

    @needs(Permission.ARTIFACTS_READ)
    async def versions(self, name: str) -> tuple[Artifact, ...]:
        """The newest first."""
        ...

    @needs(Permission.ARTIFACTS_READ)
    async def tree(self, artifact: ArtifactId) -> tuple[TreeEntry, ...]:
        """What a folder holds; () for a file."""
        ...

    @needs(Permission.ARTIFACTS_READ)
    async def read(self, artifact: ArtifactId, offset: int = 0, limit: int = 1 << 20) -> bytes:
        """Bytes of a file from there, at most 8 MiB; fewer than asked for at its end, or above that. InvalidInput for
        a folder, and when the content on disk is not what it was."""
        ...

    @needs(Permission.ARTIFACTS_READ)
    async def uses(self, artifact: ArtifactId) -> ArtifactUse: ...

    @needs(Permission.ARTIFACTS_WRITE)
    async def add(self, name: str, content: AsyncIterator[bytes], origin: str) -> Artifact:
        """Store a file, streamed. The version that is there with this content, or the next one.

        InvalidInput: the name, an empty file, or more than the quota allows; nothing is kept then.
        """
        ...

    @needs(Permission.ARTIFACTS_WRITE)
    async def add_tree(self, name: str, tar: AsyncIterator[bytes], origin: str) -> Artifact:
        """Store a folder, streamed as a tar of files, folders and links with relative names. Nothing is unpacked:
        each file goes by its SHA-256.

        InvalidInput also for a name with `..`, a link out of the tree, or anything but files, folders and links.
        """
        ...

    @needs(Permission.ARTIFACTS_WRITE)
    async def delete(self, artifact: ArtifactId) -> None:
        """Conflict when a task needs it, or a package of the catalogue. Its content goes at the next collection."""
        ...

    @needs(Permission.ARTIFACTS_WRITE)
    async def collect(self, *, dry_run: bool = True) -> Collected:
        """Remove content that no artifact, task, alive execution or rollback needs; an upload under way is safe."""
        ...
