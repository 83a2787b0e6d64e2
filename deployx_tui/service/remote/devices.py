"""Devices and groups over the wire."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import timedelta

from deployx_tui.errors import EngineUnreachable
from deployx_tui.model.device import Device, DeviceDraft, Group, GroupDraft, OfferedKey, SelectorMatch, TestStep
from deployx_tui.model.fetch import FetchPiece
from deployx_tui.model.ids import DeviceId, GroupId
from deployx_tui.model.page import Page
from deployx_tui.service.remote.channel import Answer, Channel
from deployx_tui.service.wire import values
from deployx_tui.service.wire.devices import (
    device_draft_to_json,
    device_from_json,
    group_draft_to_json,
    group_from_json,
    key_to_json,
    match_from_json,
    step_from_json,
)
from deployx_tui.service.wire.fetching import MEDIA_TYPE, Frames
from deployx_tui.service.wire.params import Params

#: a step of a connection test takes at most its own deadline, which is shorter
STEP_SILENCE = timedelta(seconds=90)
#: a device may be slow, and search for long in a large folder; ctrl-c ends it any time
_FETCH_SILENCE = timedelta(minutes=30)


class RemoteDevices:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def list(
        self, text: str = "", group: GroupId | None = None, limit: int = 1000, cursor: str | None = None
    ) -> Page[Device]:
        params: Params = [("limit", str(limit)), ("brief", "true")]
        if text:
            params.append(("q", text))
        if group is not None:
            params.append(("group_id", str(group)))
        if cursor is not None:
            params.append(("cursor", cursor))
        answer = await self._channel.get("/devices", params)
        return Page(
            values.each({"devices": answer.json}, "devices", device_from_json),
            answer.header("X-Next-Cursor"),
            _total(answer),
        )

    async def get(self, device: DeviceId) -> Device:
        return device_from_json((await self._channel.get(f"/devices/{device}")).json)

    async def find(self, name_or_id: str) -> Device:
        return device_from_json((await self._channel.get("/devices/find", [("name", name_or_id)])).json)

    async def match(self, selector: str) -> SelectorMatch:
        return match_from_json((await self._channel.get("/devices/match", [("selector", selector)])).json)

    async def create(self, draft: DeviceDraft) -> Device:
        return device_from_json((await self._channel.send("POST", "/devices", device_draft_to_json(draft))).json)

    async def update(self, device: DeviceId, draft: DeviceDraft, version: int | None = None) -> Device:
        answer = await self._channel.send("PUT", f"/devices/{device}", device_draft_to_json(draft), version=version)
        return device_from_json(answer.json)

    async def delete(self, device: DeviceId, version: int | None = None) -> None:
        await self._channel.send("DELETE", f"/devices/{device}", version=version)

    async def restore(self, device: DeviceId) -> Device:
        return device_from_json((await self._channel.send("POST", f"/devices/{device}/restore")).json)

    async def test(self, device: DeviceId) -> AsyncIterator[TestStep]:
        async with self._channel.stream(
            "POST", f"/devices/{device}/test", accept="application/x-ndjson", silence=STEP_SILENCE
        ) as lines:
            async for line in lines:
                if line:
                    yield step_from_json(json.loads(line))

    async def fetch(self, device: DeviceId, path: str) -> AsyncGenerator[FetchPiece, None]:
        frames = Frames()
        async with self._channel.download(
            f"/devices/{device}/fetch", accept=MEDIA_TYPE, params=[("path", path)], silence=_FETCH_SILENCE
        ) as data:
            async for part in data:
                for piece in frames.feed(part):
                    yield piece
        if not frames.is_over:
            raise EngineUnreachable("the engine went away before the file was whole; try again")

    async def trust(self, device: DeviceId, key: OfferedKey) -> None:
        await self._channel.send("POST", f"/devices/{device}/trust", key_to_json(key))


class RemoteGroups:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def list(self) -> Page[Group]:
        answer = await self._channel.get("/groups", [("brief", "true")])
        return Page(values.each({"groups": answer.json}, "groups", group_from_json), None, _total(answer))

    async def get(self, group: GroupId) -> Group:
        return group_from_json((await self._channel.get(f"/groups/{group}")).json)

    async def find(self, name_or_id: str) -> Group:
        return group_from_json((await self._channel.get("/groups/find", [("name", name_or_id)])).json)

    async def create(self, draft: GroupDraft) -> Group:
        return group_from_json((await self._channel.send("POST", "/groups", group_draft_to_json(draft))).json)

    async def update(self, group: GroupId, draft: GroupDraft, version: int | None = None) -> Group:
        answer = await self._channel.send(
            "PUT", f"/groups/{group}", group_draft_to_json(draft), params=[("replace", "true")], version=version
        )
        return group_from_json(answer.json)

    async def delete(self, group: GroupId, version: int | None = None) -> None:
        await self._channel.send("DELETE", f"/groups/{group}", version=version)

    async def restore(self, group: GroupId) -> Group:
        return group_from_json((await self._channel.send("POST", f"/groups/{group}/restore")).json)


def _total(answer: Answer) -> int | None:
    total = answer.header("X-Total")
    return None if total is None else int(total)
