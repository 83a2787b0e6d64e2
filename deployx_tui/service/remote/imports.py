"""Imports of devices over the wire."""

from __future__ import annotations

from datetime import timedelta

from deployx_tui.model.importing import HostSource, ImportChoice, ImportPlan
from deployx_tui.service.remote.channel import Channel
from deployx_tui.service.wire.imports import plan_from_json, source_to_json, take_to_json

_PATH = "/api/imports"
#: a large file of YAML is read by a parser in Python, and ten thousand devices are written in one transaction
_SLOW = timedelta(seconds=180)


class RemoteImports:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def plan(self, source: HostSource) -> ImportPlan:
        answer = await self._channel.send("POST", f"{_PATH}/plan", source_to_json(source), patience=_SLOW)
        return plan_from_json(answer.json)

    async def take(self, source: HostSource, choice: ImportChoice) -> ImportPlan:
        answer = await self._channel.send("POST", _PATH, take_to_json(source, choice), patience=_SLOW)
        return plan_from_json(answer.json)
