"""Artifacts in memory: kept whole, versions under a name, and what needs them as a test says."""

from __future__ import annotations

import asyncio
import hashlib
import io
import tarfile
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from deployx_tui.errors import Conflict, InvalidInput, NotFound
from deployx_tui.model.artifact import Artifact, ArtifactKind, ArtifactRef, EntryKind, TreeEntry
from deployx_tui.model.ids import ArtifactId
from deployx_tui.model.page import Page
from deployx_tui.model.payloads import Payload, Stock, artifacts_of, packages_of
from deployx_tui.service.backend.artifacts import ArtifactUse, Collected
from tests.support import artifact_world
from tests.support.fake_backend.facet import Facet, has_words

if TYPE_CHECKING:
    from tests.support.fake_backend import FakeBackend


class FakeArtifacts(Facet):
    def __init__(self, world_: FakeBackend) -> None:
        super().__init__(world_)
        self.rows = artifact_world.artifacts()
        self.needed = artifact_world.uses()
        self.trees: dict[str, tuple[TreeEntry, ...]] = {
            row.sha256: artifact_world.tree() for row in self.rows.values() if row.kind is ArtifactKind.TREE
        }
        #: what was sent, by SHA-256
        self.contents: dict[str, bytes] = {}
        #: bytes of what was deleted and not collected yet
        self.garbage: list[Artifact] = []
        #: uploads stop after their first piece until it is set
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    def stock(self, payload: Payload) -> Stock:
        """What is there of what it names."""
        found = (self.rows[each] for each in artifacts_of(payload) if each in self.rows)
        return Stock(
            {
                row.id: ArtifactRef(
                    id=row.id, name=row.name, version=row.version, kind=row.kind, sha256=row.sha256, size=row.size
                )
                for row in found
            },
            {each: self.w.packages.rows[each].name for each in packages_of(payload) if each in self.w.packages.rows},
        )

    async def list(self, text: str = "", *, limit: int = 100, cursor: str | None = None) -> Page[Artifact]:
        await self.w.door("artifacts.list")
        rows = [row for row in self.rows.values() if has_words(row.name, text)]
        rows.sort(key=lambda row: (row.name, -row.version))
        start = int(cursor or 0)
        end = start + limit
        return Page(tuple(rows[start:end]), str(end) if end < len(rows) else None, len(rows))

    async def get(self, artifact: ArtifactId) -> Artifact:
        await self.w.door("artifacts.get")
        if artifact not in self.rows:
            raise NotFound("artifact", str(artifact))
        return self.rows[artifact]

    async def find(self, name_or_id: str) -> Artifact:
        await self.w.door("artifacts.find")
        name, _, version = name_or_id.partition("@")
        fits = [
            row
            for row in self.rows.values()
            if str(row.id) == name_or_id or (row.name == name and version in ("", str(row.version)))
        ]
        if not fits:
            raise NotFound("artifact", name_or_id)
        return max(fits, key=lambda row: row.version)

    async def versions(self, name: str) -> tuple[Artifact, ...]:
        await self.w.door("artifacts.versions")
        rows = [row for row in self.rows.values() if row.name == name]
        return tuple(sorted(rows, key=lambda row: -row.version))

    async def tree(self, artifact: ArtifactId) -> tuple[TreeEntry, ...]:
        row = await self.get(artifact)
        return self.trees.get(row.sha256, ())

    async def read(self, artifact: ArtifactId, offset: int = 0, limit: int = 1 << 20) -> bytes:
        row = await self.get(artifact)
        return self.contents.get(row.sha256, b"")[offset : offset + limit]

    async def uses(self, artifact: ArtifactId) -> ArtifactUse:
        await self.get(artifact)
        return self.needed.get(artifact, ArtifactUse())

    async def add(self, name: str, content: AsyncIterator[bytes], origin: str) -> Artifact:
        await self.w.door("artifacts.add")
        data = await self._receive(content)
        if not data:
            raise InvalidInput.of("artifact", "it is empty", "choose a file that holds something")
        return self._keep(name, ArtifactKind.FILE, data, 1, origin, "text/plain")

    async def add_tree(self, name: str, tar: AsyncIterator[bytes], origin: str) -> Artifact:
        await self.w.door("artifacts.add_tree")
        data = await self._receive(tar)
        kinds = {tarfile.DIRTYPE: EntryKind.FOLDER, tarfile.SYMTYPE: EntryKind.LINK}
        with tarfile.open(fileobj=io.BytesIO(data)) as held:
            entries = tuple(
                TreeEntry(
                    path=each.name,
                    kind=kinds.get(each.type, EntryKind.FILE),
                    mode=each.mode,
                    size=each.size,
                    target=each.linkname,
                )
                for each in held
            )
        files = sum(each.kind is EntryKind.FILE for each in entries)
        made = self._keep(name, ArtifactKind.TREE, data, files, origin, "inode/directory")
        self.trees[made.sha256] = entries
        return made

    async def _receive(self, content: AsyncIterator[bytes]) -> bytes:
        got = bytearray()
        async for piece in content:
            got += piece
            await self.goes_on.wait()
        return bytes(got)

    def _keep(self, name: str, kind: ArtifactKind, data: bytes, files: int, origin: str, media: str) -> Artifact:
        if not name or "/" in name:
            raise InvalidInput.of("name", f"{name!r} is no name", "write 1 to 200 characters without a slash")
        digest = hashlib.sha256(data).hexdigest()
        same = [row for row in self.rows.values() if row.name == name]
        for row in same:
            if row.sha256 == digest:
                return row
        made = Artifact(
            id=ArtifactId(max(self.rows, default=0) + 1),
            name=name,
            version=max((row.version for row in same), default=0) + 1,
            kind=kind,
            sha256=digest,
            size=len(data),
            files=files,
            media_type=media,
            origin=origin,
            added_by=self.w.actor.name,
            added_at=self.w.now(),
        )
        self.rows[made.id] = made
        self.contents[digest] = data
        self.w.emit("artifact.created")
        return made

    async def delete(self, artifact: ArtifactId) -> None:
        await self.w.door("artifacts.delete")
        if tasks := self.needed.get(artifact, ArtifactUse()).tasks:
            raise Conflict(f"{self.rows[artifact].name} is needed by {', '.join(tasks)}")
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
