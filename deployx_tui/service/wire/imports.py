"""Imports of devices as JSON, and back."""

from __future__ import annotations

import base64
import binascii

from deployx_tui.model.device import DeviceDraft
from deployx_tui.model.ids import GroupId
from deployx_tui.model.importing import (
    HostSource,
    HostStanding,
    ImportChoice,
    ImportFormat,
    ImportPlan,
    LeftOut,
    PlannedGroup,
    PlannedHost,
)
from deployx_tui.model.json_reader import JSON, Reader
from deployx_tui.service.wire import values
from deployx_tui.service.wire.devices import device_draft_from_json, device_draft_to_json
from deployx_tui.service.wire.values import Json

# ---- what is asked for


def source_to_json(source: HostSource) -> Json:
    return {
        "path": source.path,
        "content": None if source.content is None else base64.b64encode(source.content).decode("ascii"),
        "format": None if source.format is None else source.format.value,
    }


def source_from_json(data: JSON) -> HostSource:
    """InvalidInput lists every problem."""
    reader = Reader(data)
    source = _source(reader)
    reader.finish()
    return source


def take_to_json(source: HostSource, choice: ImportChoice) -> Json:
    return {
        **source_to_json(source),
        "digest": choice.digest,
        "names": None if choice.names is None else [*choice.names],
        "group_ids": [*choice.groups],
        "tags": [*sorted(choice.tags)],
    }


def take_from_json(data: JSON) -> tuple[HostSource, ImportChoice]:
    """InvalidInput lists every problem."""
    reader = Reader(data)
    source = _source(reader)
    digest = reader.text("digest", required=True) or ""
    names = tuple(reader.texts("names")) if reader.has("names") else None
    groups = tuple(GroupId(group) for group in reader.ids("group_ids"))
    tags = frozenset(reader.texts("tags"))
    reader.finish()
    return source, ImportChoice(digest=digest, names=names, groups=groups, tags=tags)


def _source(reader: Reader) -> HostSource:
    path, text = reader.text("path"), reader.text("content")
    chosen = reader.choice("format", tuple(kind.value for kind in ImportFormat))
    if path is not None and text is not None:
        reader.problem("content", "there is a path too", "give one of them")
    try:
        content = None if text is None else base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        content = None
        reader.problem("content", "it is not base64", "give the bytes of the file as base64")
    return HostSource(path=path, content=content, format=None if chosen is None else ImportFormat(chosen))


# ---- what comes of it


def plan_to_json(plan: ImportPlan) -> Json:
    return {
        "format": plan.format.value,
        "hosts": [_host_to_json(host) for host in plan.hosts],
        "groups": [
            {"group_name": group.name, "new": group.is_new, "children": values.items(group.children)}
            for group in plan.groups
        ],
        "ignored": [{"variable": name, "count": count} for name, count in plan.ignored],
        "left_out": _left_out_to_json(plan.left_out),
        "digest": plan.digest,
    }


def plan_from_json(data: JSON) -> ImportPlan:
    row = values.fields(data)
    return ImportPlan(
        format=values.word(row, "format", ImportFormat),
        hosts=values.each(row, "hosts", _host_from_json),
        groups=values.each(row, "groups", _group_from_json),
        ignored=values.each(row, "ignored", _ignored_from_json),
        left_out=values.each(row, "left_out", _left_out_from_json),
        digest=values.text(row, "digest"),
    )


def _host_to_json(host: PlannedHost) -> Json:
    return {
        "device": device_draft_to_json(host.draft),
        "standing": host.standing.value,
        "groups": values.items(host.groups),
        "jump": host.jump,
        "left_out": _left_out_to_json(host.left_out),
        "why": host.why,
        "said": None if host.said is None else device_draft_to_json(host.said),
    }


def _host_from_json(data: JSON) -> PlannedHost:
    row = values.fields(data)
    said = row.get("said")
    return PlannedHost(
        draft=_draft(values.get(row, "device")),
        standing=values.word(row, "standing", HostStanding),
        groups=values.texts(row, "groups"),
        jump=values.text_or_none(row, "jump"),
        left_out=values.each(row, "left_out", _left_out_from_json),
        why=values.text(row, "why"),
        said=None if said is None else _draft(said),
    )


def _draft(data: JSON) -> DeviceDraft:
    return values.theirs("a device", lambda: device_draft_from_json(data))


def _group_from_json(data: JSON) -> PlannedGroup:
    row = values.fields(data)
    return PlannedGroup(
        name=values.text(row, "group_name"), is_new=values.flag(row, "new"), children=values.texts(row, "children")
    )


def _ignored_from_json(data: JSON) -> tuple[str, int]:
    row = values.fields(data)
    return values.text(row, "variable"), values.number(row, "count")


def _left_out_to_json(found: tuple[LeftOut, ...]) -> list[JSON]:
    return [{"what": each.what, "why": each.why} for each in found]


def _left_out_from_json(data: JSON) -> LeftOut:
    row = values.fields(data)
    return LeftOut(values.text(row, "what"), values.text(row, "why"))
