"""Artifacts behind the door: streamed to the disk, hashed, then named in the database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from deployx_tui.errors import Conflict, InvalidInput
from deployx_tui.model.artifact import Artifact, ArtifactKind, TreeEntry
from deployx_tui.model.codec import JSON
from deployx_tui.model.ids import ArtifactId
from deployx_tui.model.page import Page
from deployx_tui.model.user import Actor
from deployx_tui.model.words import first_of
from deployx_tui.planning.names import normal_name, validate_artifact_name, validate_prose
from deployx_tui.service.backend.artifacts import Artifacts, ArtifactUse, Collected
from deployx_tui.service.local.door import Change, Door
from deployx_tui.service.local.guard import serves
from deployx_tui.service.local.pulling import Pull, pulled
from deployx_tui.store import artifact_uses, artifacts, collection
from deployx_tui.store.contents.incoming import Incoming
from deployx_tui.store.contents.trees import take_tree
from deployx_tui.store.formats import look

T = TypeVar("T")

#: bytes of one answer to `read`
MOST_READ = 8 << 20
_TREE_TYPE = "inode/directory"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """What arrived, before it has a name."""

    kind: ArtifactKind
    sha256: str
    size: int
    files: int
    media_type: str
    metadata: tuple[tuple[str, str], ...] = ()


@serves(Artifacts)
class LocalArtifacts:
    def __init__(self, door: Door) -> None:
        self._door = door

    @property
    def actor(self) -> Actor:
        return self._door.actor

    # ---- reading

    async def list(self, text: str = "", *, limit: int = 100, cursor: str | None = None) -> Page[Artifact]:
        return await self._door.read(lambda c: Page(*artifacts.page(c, text, limit, cursor)))

    async def get(self, artifact: ArtifactId) -> Artifact:
        return await self._door.read(lambda c: artifacts.get(c, artifact))

    async def find(self, name_or_id: str) -> Artifact:
        return await self._door.read(lambda c: artifacts.find(c, name_or_id))

    async def versions(self, name: str) -> tuple[Artifact, ...]:
        return await self._door.read(lambda c: artifacts.versions(c, name))

    async def tree(self, artifact: ArtifactId) -> tuple[TreeEntry, ...]:
        found = await self.get(artifact)
        if found.kind is not ArtifactKind.TREE:
            return ()
        return await self._door.run(lambda: self._door.premises.contents.tree(found.sha256))

    async def read(self, artifact: ArtifactId, offset: int = 0, limit: int = 1 << 20) -> bytes:
        found = await self.get(artifact)
        if found.kind is not ArtifactKind.FILE:
            raise InvalidInput.of("artifact", f"{found.name} is a folder", "its list has what lies in it")
        if offset < 0 or limit < 1:
            raise InvalidInput.of("offset", "it is out of range", "give an offset from 0 and a limit from 1")
        contents = self._door.premises.contents
        return await self._door.run(lambda: contents.content(found.sha256).read(offset, min(limit, MOST_READ)))

    async def uses(self, artifact: ArtifactId) -> ArtifactUse:
        def work(c: Connection) -> ArtifactUse:
            artifacts.get(c, artifact)
            return ArtifactUse(
                tasks=artifact_uses.tasks_using(c, artifact), executions=artifact_uses.executions_using(c, artifact)
            )

        return await self._door.read(work)

    # ---- changing

    async def add(self, name: str, content: AsyncIterator[bytes], origin: str) -> Artifact:
        name, origin = _checked(name, origin)
        return await self._added(name, origin, content, partial(_take_file, name))

    async def add_tree(self, name: str, tar: AsyncIterator[bytes], origin: str) -> Artifact:
        name, origin = _checked(name, origin)
        return await self._added(name, origin, tar, _take_folder)

    async def delete(self, artifact: ArtifactId) -> None:
        def work(change: Change) -> None:
            old = artifacts.get(change.c, artifact)
            tasks = artifact_uses.tasks_using(change.c, artifact)
            if tasks:
                raise Conflict(
                    f"{old.name}@{old.version} is needed by {first_of(tasks)}; give those tasks another artifact, "
                    "or delete them first"
                )
            is_last = len(artifacts.versions(change.c, old.name)) == 1
            packages = artifact_uses.packages_using(change.c, old, is_last=is_last)
            if packages:
                raise Conflict(
                    f"{old.name}@{old.version} is what {first_of(packages)} of the catalogue installs; "
                    "change that first, or delete it"
                )
            artifacts.remove(change.c, artifact, change.now_ms)
            change.record("artifact.delete", artifact, before=_facts(old))
            change.tell("artifact.deleted", artifact_id=artifact)

        await self._door.write(work)

    async def collect(self, *, dry_run: bool = True) -> Collected:
        if dry_run:
            return await self._door.run(self._would_collect)
        return await self._door.run(self._collect)

    # ---- parts

    async def _added(
        self, name: str, origin: str, stream: AsyncIterator[bytes], take: Callable[[Incoming, Pull], _Taken]
    ) -> Artifact:
        """Keeps nothing when anything fails: no row, no content, no temporary file."""
        premises = self._door.premises

        def store(pull: Pull) -> Artifact:
            incoming = premises.contents.folder.begin()
            try:
                taken = take(incoming, pull)
                incoming.publish()
                artifact = self._door.write_here(partial(self._named, name, origin, taken))
                incoming.keep()
            finally:
                incoming.close()
            return artifact

        return await pulled(stream, premises.uploads, store)

    def _named(self, name: str, origin: str, taken: _Taken, change: Change) -> Artifact:
        there = artifacts.same(change.c, name, taken.kind, taken.sha256)
        if there is not None:
            change.nothing_changed()
            return there
        made = artifacts.add(
            change.c,
            name=name,
            kind=taken.kind,
            sha256=taken.sha256,
            size=taken.size,
            files=taken.files,
            media_type=taken.media_type,
            origin=origin,
            metadata=taken.metadata,
            owner=self.actor.user_id,
            now_ms=change.now_ms,
        )
        artifact = artifacts.get(change.c, made)
        change.record("artifact.create", made, after=_facts(artifact))
        change.tell("artifact.created", artifact_id=made)
        return artifact

    def _would_collect(self) -> Collected:
        contents = self._door.premises.contents
        lying = contents.folder.sizes()
        with self._door.premises.database.read() as c:
            found = collection.garbage(c, lying, contents.tree)
        return Collected(artifacts=found.artifacts, freed=sum(found.contents.values()), kept=found.kept)

    def _collect(self) -> Collected:
        contents = self._door.premises.contents
        with contents.folder.collecting():
            lying = contents.folder.sizes()
            with self._door.premises.database.read() as c:
                found = collection.garbage(c, lying, contents.tree)
            try:
                gone = collection.remove(contents.folder, found.contents)
            except OSError as error:
                raise contents.folder.refusal(error) from error
        collected = Collected(
            artifacts=tuple(artifact for artifact in found.artifacts if artifact.sha256 in gone),
            freed=sum(gone.values()),
            kept=found.kept + sum(found.contents.values()) - sum(gone.values()),
        )

        def work(change: Change) -> Collected:
            names: list[JSON] = [f"{artifact.name}@{artifact.version}" for artifact in collected.artifacts]
            facts: dict[str, JSON] = {"artifacts": names, "contents": len(gone), "freed": collected.freed}
            change.record("artifact.collect", None, after=facts)
            change.tell("artifact.changed")
            return collected

        return self._door.write_here(work) if gone else collected


def _take_file(name: str, incoming: Incoming, pull: Pull) -> _Taken:
    sha256, size = incoming.take(pull.read, name)
    looked = look(incoming.path(sha256))
    return _Taken(
        kind=ArtifactKind.FILE,
        sha256=sha256,
        size=size,
        files=1,
        media_type=looked.media_type,
        metadata=looked.metadata,
    )


def _take_folder(incoming: Incoming, pull: Pull) -> _Taken:
    tree = take_tree(incoming, pull.read)
    return _Taken(kind=ArtifactKind.TREE, sha256=tree.sha256, size=tree.size, files=tree.files, media_type=_TREE_TYPE)


def _checked(name: str, origin: str) -> tuple[str, str]:
    """As they are stored. InvalidInput lists what is wrong with them."""
    name = normal_name(name)
    problems = (*validate_artifact_name(name, "name"), *validate_prose(origin, "origin"))
    if problems:
        raise InvalidInput(problems)
    return name, origin


def _facts(artifact: Artifact) -> dict[str, JSON]:
    return {
        "artifact_name": artifact.name,
        "version": artifact.version,
        "kind": artifact.kind.value,
        "sha256": artifact.sha256,
        "size": artifact.size,
        "files": artifact.files,
        "origin": artifact.origin,
    }
