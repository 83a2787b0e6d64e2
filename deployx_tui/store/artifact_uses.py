"""Who still needs an artifact, read out of the JSON of tasks and of executions that are not over.

A payload names an artifact as `artifact_id`; a plan lists `artifacts` with their ids, and pins contents as `sha256`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, or_, select

from deployx_tui.model.artifact import Artifact
from deployx_tui.model.codec import JSON
from deployx_tui.model.ids import ArtifactId
from deployx_tui.store.executions import IS_ALIVE
from deployx_tui.store.schema import executions, packages, scheduled_tasks

#: what a text without any of them has no artifact in
_MARKS = ('"artifact_id"', '"artifacts"', '"sha256"')
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Named:
    """The artifacts that one text names."""

    ids: frozenset[int]
    #: contents that a plan pins
    contents: frozenset[str]


def named_in(text: str | None) -> Named:
    """In one JSON text; None: there is none."""
    if text is None or not any(mark in text for mark in _MARKS):
        return Named(frozenset(), frozenset())
    ids: set[int] = set()
    contents: set[str] = set()
    for key, value in _pairs(json.loads(text)):
        if key == "artifact_id" and isinstance(value, int):
            ids.add(value)
        elif key == "sha256" and isinstance(value, str) and _SHA256.fullmatch(value):
            contents.add(value)
        elif key == "artifacts" and isinstance(value, list):
            given = [each.get("id") for each in value if isinstance(each, dict)]
            ids |= {id_ for id_ in given if isinstance(id_, int)}
    return Named(frozenset(ids), frozenset(contents))


def of_tasks(c: Connection) -> Iterator[tuple[str, Named]]:
    """Tasks that are not deleted and name artifacts: each with its name, in the order of the names."""
    t = scheduled_tasks.c
    rows = c.execute(
        select(t.task_name, t.payload).where(t.deleted_at.is_(None), _may_name(t.payload)).order_by(t.task_name, t.id)
    )
    for row in rows:
        yield row.task_name, named_in(row.payload)


def of_executions(c: Connection) -> Iterator[tuple[int, Named]]:
    """Executions that are not over and name artifacts, by id."""
    e = executions.c
    rows = c.execute(
        select(e.id, e.draft, e.plan).where(IS_ALIVE, or_(_may_name(e.draft), _may_name(e.plan))).order_by(e.id)
    )
    for row in rows:
        draft, plan = named_in(row.draft), named_in(row.plan)
        yield row.id, Named(draft.ids | plan.ids, draft.contents | plan.contents)


def tasks_using(c: Connection, artifact: ArtifactId) -> tuple[str, ...]:
    return tuple(name for name, named in of_tasks(c) if artifact in named.ids)


def executions_using(c: Connection, artifact: ArtifactId) -> tuple[int, ...]:
    return tuple(id_ for id_, named in of_executions(c) if artifact in named.ids)


def packages_using(c: Connection, artifact: Artifact, *, is_last: bool) -> tuple[str, ...]:
    """Packages of the catalogue that install from it: by NAME@VERSION, or by NAME where it `is_last` of its name."""
    words = {f"{artifact.name}@{artifact.version}"} | ({artifact.name} if is_last else set())
    rows = c.execute(
        select(packages.c.package_name, packages.c.body)
        .where(packages.c.deleted_at.is_(None), packages.c.body.contains('"artifact"', autoescape=True))
        .order_by(packages.c.package_name)
    )
    return tuple(
        row.package_name
        for row in rows
        if any(key == "artifact" and value in words for key, value in _pairs(json.loads(row.body)))
    )


def all_named(c: Connection) -> Named:
    """By any task, or any execution that is not over."""
    ids: set[int] = set()
    contents: set[str] = set()
    for _, named in (*of_tasks(c), *of_executions(c)):
        ids |= named.ids
        contents |= named.contents
    return Named(frozenset(ids), frozenset(contents))


def _may_name(column: ColumnElement[Any]) -> ColumnElement[bool]:
    return or_(*(column.contains(mark, autoescape=True) for mark in _MARKS))


def _pairs(value: JSON) -> Iterator[tuple[str, JSON]]:
    """Every key with its value, at any depth."""
    waiting: list[JSON] = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield from item.items()
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
