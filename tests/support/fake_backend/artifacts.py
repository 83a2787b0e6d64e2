"""Artifacts in memory, for UI tests: versions under names, each with its bytes."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from deployx_tui.errors import Conflict, InvalidInput, NotFound
from deployx_tui.model.artifact import Artifact, ArtifactKind, EntryKind, TreeEntry
from deployx_tui.model.ids import ArtifactId
from deployx_tui.model.page import Page
from deployx_tui.service.backend.artifacts import ArtifactUse, Collected
from tests.support import world

if TYPE_CHECKING:
    from tests.support.fake_backend import FakeBackend

_MADE = world.local(2026, 2, 20, 11, 5)


def artifacts() -> dict[ArtifactId, Artifact]:
    """A configuration in two versions, a package that says what it is, and a folder."""
    rows: list[tuple[str, int, ArtifactKind, int, int, str, str, tuple[tuple[str, str], ...]]] = [
        ("app.conf", 1, ArtifactKind.FILE, 2_212, 1, "text/plain", "/srv/app/app.conf", ()),
        ("app.conf", 2, ArtifactKind.FILE, 2_304, 1, "text/plain", "/srv/app/app.conf", ()),
        (
            "nginx_1.24.0-1_amd64.deb", 1, ArtifactKind.FILE, 1_204_224, 1,
            "application/vnd.debian.binary-package", "upload",
            (("package", "nginx"), ("version", "1.24.0-1"), ("architecture", "amd64")),
        ),
        ("site", 1, ArtifactKind.TREE, 48_122, 3, "inode/directory", "/srv/site", ()),
    ]  # fmt: skip
    return {
        ArtifactId(number): Artifact(
            id=ArtifactId(number),
            name=name,
            version=version,
            kind=kind,
            sha256=hashlib.sha256(f"{name}@{version}".encode()).hexdigest(),
            size=size,
            files=files,
            media_type=media_type,
            origin=origin,
            added_by="alice",
            added_at=_MADE,
            metadata=metadata,
        )
        for number, (name, version, kind, size, files, media_type, origin, metadata) in enumerate(rows, start=1)
    }


class FakeArtifacts:
    def __init__(self, w: FakeBackend) -> None:
        self.w = w
        self.rows = artifacts()
        self.contents: dict[ArtifactId, bytes] = {}
        #: names of tasks that need one
        self.tasks: dict[ArtifactId, tuple[str, ...]] = {}
        #: deleted, and not collected yet
        self.garbage: list[Artifact] = []

    async def list(self, text: str = "", *, limit: int = 100, cursor: str | None = None) -> Page[Artifact]:
        await self.w.door("artifacts.list")
        rows = sorted(
            (row for row in self.rows.values() if all(word in row.name for word in text.split())),
            key=lambda row: (row.name, -row.version),
        )
        start = int(cursor or 0)
        more = str(start + limit) if start + limit < len(rows) else None
        return Page(tuple(rows[start : start + limit]), more, len(rows))

    async def get(self, artifact: ArtifactId) -> Artifact:
        await self.w.door("artifacts.get")
        if artifact not in self.rows:
            raise NotFound("artifact", str(artifact))
        return self.rows[artifact]

    async def find(self, name_or_id: str) -> Artifact:
        await self.w.door("artifacts.find")
        for row in sorted(self.rows.values(), key=lambda row: -row.version):
            if name_or_id in (row.name, f"{row.name}@{row.version}", str(row.id)):
                return row
        raise NotFound("artifact", name_or_id)

    async def versions(self, name: str) -> tuple[Artifact, ...]:
        await self.w.door("artifacts.versions")
        return tuple(sorted((row for row in self.rows.values() if row.name == name), key=lambda row: -row.version))

    async def tree(self, artifact: ArtifactId) -> tuple[TreeEntry, ...]:
        row = await self.get(artifact)
        if row.kind is not ArtifactKind.TREE:
            return ()
        return (
            TreeEntry(path="css", kind=EntryKind.FOLDER, mode=0o755),
            TreeEntry(path="css/site.css", kind=EntryKind.FILE, mode=0o644, size=8_122, sha256="a" * 64),
            TreeEntry(path="index.html", kind=EntryKind.FILE, mode=0o644, size=40_000, sha256="b" * 64),
            TreeEntry(path="latest.html", kind=EntryKind.LINK, mode=0, target="index.html"),
        )

    async def read(self, artifact: ArtifactId, offset: int = 0, limit: int = 1 << 20) -> bytes:
        await self.get(artifact)
        return self.contents.get(artifact, b"")[offset : offset + limit]

    async def uses(self, artifact: ArtifactId) -> ArtifactUse:
        await self.get(artifact)
        return ArtifactUse(tasks=self.tasks.get(artifact, ()))

    async def add(self, name: str, content: AsyncIterator[bytes], origin: str) -> Artifact:
        await self.w.door("artifacts.add")
        return await self._add(name, content, origin, ArtifactKind.FILE)

    async def add_tree(self, name: str, tar: AsyncIterator[bytes], origin: str) -> Artifact:
        await self.w.door("artifacts.add_tree")
        return await self._add(name, tar, origin, ArtifactKind.TREE)

    async def delete(self, artifact: ArtifactId) -> None:
        await self.w.door("artifacts.delete")
        row = await self.get(artifact)
        if tasks := self.tasks.get(artifact):
            raise Conflict(f"{row.name}@{row.version} is needed by {', '.join(tasks)}; delete them first")
        self.garbage.append(self.rows.pop(artifact))
        self.w.emit("artifact.deleted")

    async def collect(self, *, dry_run: bool = True) -> Collected:
        await self.w.door("artifacts.collect")
        found = Collected(
            artifacts=tuple(self.garbage),
            freed=sum(row.size for row in self.garbage),
            kept=sum(row.size for row in self.rows.values()),
        )
        if not dry_run:
            self.garbage.clear()
        return found

    async def _add(self, name: str, content: AsyncIterator[bytes], origin: str, kind: ArtifactKind) -> Artifact:
        data = b"".join([piece async for piece in content])
        if not data:
            raise InvalidInput.of("artifact", f"{name} is empty", "give a file that holds something")
        sha256 = hashlib.sha256(data).hexdigest()
        versions = await self.versions(name)
        for row in versions:
            if row.sha256 == sha256:
                return row
        made = Artifact(
            id=ArtifactId(max(self.rows, default=0) + 1),
            name=name,
            version=max((row.version for row in versions), default=0) + 1,
            kind=kind,
            sha256=sha256,
            size=len(data),
            files=1,
            media_type="application/octet-stream" if kind is ArtifactKind.FILE else "inode/directory",
            origin=origin,
            added_by=self.w.actor.name,
            added_at=self.w.now(),
        )
        self.rows[made.id], self.contents[made.id] = made, data
        self.w.emit("artifact.created")
        return made
