"""Artifacts over the wire; contents are streamed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

from deployx_tui.model.artifact import Artifact, TreeEntry
from deployx_tui.model.ids import ArtifactId
from deployx_tui.model.page import Page
from deployx_tui.service.backend.artifacts import ArtifactUse, Collected
from deployx_tui.service.remote.channel import Channel
from deployx_tui.service.wire import values
from deployx_tui.service.wire.artifacts import (
    artifact_from_json,
    collected_from_json,
    entry_from_json,
    use_from_json,
)
from deployx_tui.service.wire.params import Params

_PATH = "/api/artifacts"
#: hashing what was not read for long, bringing an upload to a slow disk, removing a hundred thousand files
_SLOW = timedelta(minutes=10)


class RemoteArtifacts:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def list(self, text: str = "", *, limit: int = 100, cursor: str | None = None) -> Page[Artifact]:
        params: Params = [("text", text), ("limit", str(limit))]
        if cursor is not None:
            params.append(("cursor", cursor))
        answer = await self._channel.get(_PATH, params)
        return values.page_from_json(answer.json, "artifacts", artifact_from_json)

    async def get(self, artifact: ArtifactId) -> Artifact:
        return artifact_from_json((await self._channel.get(f"{_PATH}/{artifact}")).json)

    async def find(self, name_or_id: str) -> Artifact:
        return artifact_from_json((await self._channel.get(f"{_PATH}/find", [("name", name_or_id)])).json)

    async def versions(self, name: str) -> tuple[Artifact, ...]:
        answer = await self._channel.get(f"{_PATH}/versions", [("name", name)])
        return values.each({"versions": answer.json}, "versions", artifact_from_json)

    async def tree(self, artifact: ArtifactId) -> tuple[TreeEntry, ...]:
        answer = await self._channel.get(f"{_PATH}/{artifact}/tree", patience=_SLOW)
        return values.each({"tree": answer.json}, "tree", entry_from_json)

    async def read(self, artifact: ArtifactId, offset: int = 0, limit: int = 1 << 20) -> bytes:
        params: Params = [("offset", str(offset)), ("limit", str(limit))]
        return (await self._channel.get(f"{_PATH}/{artifact}/bytes", params, patience=_SLOW)).content

    async def uses(self, artifact: ArtifactId) -> ArtifactUse:
        return use_from_json((await self._channel.get(f"{_PATH}/{artifact}/uses")).json)

    async def add(self, name: str, content: AsyncIterator[bytes], origin: str) -> Artifact:
        return await self._upload(name, content, origin, "file", "application/octet-stream")

    async def add_tree(self, name: str, tar: AsyncIterator[bytes], origin: str) -> Artifact:
        return await self._upload(name, tar, origin, "tree", "application/x-tar")

    async def delete(self, artifact: ArtifactId) -> None:
        await self._channel.send("DELETE", f"{_PATH}/{artifact}")

    async def collect(self, *, dry_run: bool = True) -> Collected:
        answer = await self._channel.send("POST", f"{_PATH}/gc", {"dry_run": dry_run}, patience=_SLOW)
        return collected_from_json(answer.json)

    async def _upload(self, name: str, content: AsyncIterator[bytes], origin: str, kind: str, media: str) -> Artifact:
        params: Params = [("name", name), ("origin", origin), ("kind", kind)]
        answer = await self._channel.upload(_PATH, content, media, params=params, patience=_SLOW)
        return artifact_from_json(answer.json)
