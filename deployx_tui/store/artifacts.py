"""Artifacts in the database: versions under names. What they hold lies in `store/contents`."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, insert, or_, select, update

from deployx_tui.errors import NotFound
from deployx_tui.model.artifact import Artifact, ArtifactKind
from deployx_tui.model.codec import canonical
from deployx_tui.model.ids import ArtifactId, UserId, id_of
from deployx_tui.store.clock import from_ms
from deployx_tui.store.contents.folder import ContentFolder, Limits
from deployx_tui.store.contents.source import Contents
from deployx_tui.store.database import Database
from deployx_tui.store.dialects import sets
from deployx_tui.store.dialects.parts import has_part
from deployx_tui.store.near import near
from deployx_tui.store.paging import checked_limit, cursor_of, key_of
from deployx_tui.store.schema import artifacts, users

_ORDER = "artifacts"
_a = artifacts.c
_ALIVE = _a.deleted_at.is_(None)


def open_contents(database: Database, folder: Path, limits: Limits | None = None) -> Contents:
    """What the artifacts of a database hold. OSError and DatabaseRefused as `ContentFolder`."""

    def name_of(sha256: str) -> str:
        with database.read() as c:
            return named(c, sha256)

    return Contents(ContentFolder(folder, limits), name_of)


def add(
    c: Connection,
    *,
    name: str,
    kind: ArtifactKind,
    sha256: str,
    size: int,
    files: int,
    media_type: str,
    origin: str,
    metadata: Sequence[tuple[str, str]],
    owner: UserId,
    now_ms: int,
) -> ArtifactId:
    """The next version under a name."""
    last = c.scalar(select(func.max(_a.version)).where(_a.artifact_name == name)) or 0
    made = c.execute(
        insert(artifacts)
        .values(
            artifact_name=name,
            version=last + 1,
            kind=kind.value,
            sha256=sha256,
            size=size,
            files=files,
            media_type=media_type,
            origin=origin,
            metadata=canonical([[key, value] for key, value in metadata]),
            owner_id=owner,
            created_at=now_ms,
        )
        .returning(_a.id)
    )
    return ArtifactId(made.scalar_one())


def same(c: Connection, name: str, kind: ArtifactKind, sha256: str) -> Artifact | None:
    """The newest version of that name with that content, if it is not deleted."""
    rows = c.execute(
        _joined()
        .where(_ALIVE, _a.artifact_name == name, _a.kind == kind.value, _a.sha256 == sha256)
        .order_by(_a.version.desc())
        .limit(1)
    )
    return next(iter(_made(rows)), None)


def remove(c: Connection, artifact: ArtifactId, now_ms: int) -> None:
    """Out of every list. Its content goes with the next collection of garbage."""
    c.execute(update(artifacts).where(_a.id == artifact).values(deleted_at=now_ms))


def get(c: Connection, artifact: ArtifactId) -> Artifact:
    """NotFound when there is none, or it is deleted."""
    for found in _made(c.execute(_joined().where(_ALIVE, _a.id == artifact))):
        return found
    raise NotFound("artifact", str(artifact))


def some(c: Connection, wanted: Collection[int]) -> tuple[Artifact, ...]:
    """Those of these that are there."""
    return _made(c.execute(_joined().where(_ALIVE, _a.id.in_(sets.ids(c, wanted)))))


def find(c: Connection, name_or_id: str) -> Artifact:
    """By exact name (its newest version), else by NAME@VERSION, else by id."""
    newest = _joined().where(_ALIVE).order_by(_a.version.desc()).limit(1)
    for found in _made(c.execute(newest.where(_a.artifact_name == name_or_id))):
        return found
    name, _, number = name_or_id.rpartition("@")
    version = id_of(number) if name else None
    if version is not None and version < 1 << 31:
        for found in _made(c.execute(newest.where(_a.artifact_name == name, _a.version == version))):
            return found
    id_ = id_of(name_or_id)
    if id_ is not None:
        return get(c, ArtifactId(id_))
    meant = name if version is not None else name_or_id
    raise NotFound("artifact", name_or_id, near(c, select(artifacts).where(_ALIVE), _a.artifact_name, meant))


def versions(c: Connection, name: str) -> tuple[Artifact, ...]:
    """The newest first."""
    return _made(c.execute(_joined().where(_ALIVE, _a.artifact_name == name).order_by(_a.version.desc())))


def page(
    c: Connection, words: str = "", limit: int = 100, cursor: str | None = None
) -> tuple[tuple[Artifact, ...], str | None, int]:
    """By name, the newest version of each first; the cursor of the rest, and how many match in all.

    `words` are parts of the name; `!word` excludes.
    """
    limit = checked_limit(limit)
    matching: list[ColumnElement[bool]] = [_ALIVE]
    for word in words.split():
        has = has_part(c, _a.artifact_name, word.removeprefix("!"))
        matching.append(~has if word.startswith("!") else has)
    total = c.scalar(select(func.count()).select_from(artifacts).where(*matching)) or 0
    query = _joined().where(*matching).order_by(_a.artifact_name, _a.version.desc()).limit(limit + 1)
    if cursor is not None:
        name, version = key_of(cursor, _ORDER, 2)
        query = query.where(or_(_a.artifact_name > name, and_(_a.artifact_name == name, _a.version < version)))
    found = _made(c.execute(query))
    last = found[:limit][-1:]
    more = cursor_of(_ORDER, (last[0].name, last[0].version)) if len(found) > limit else None
    return found[:limit], more, total


def named(c: Connection, sha256: str) -> str:
    """What a content is called, for errors: of an artifact its name and version."""
    row = c.execute(
        select(_a.artifact_name, _a.version).where(_a.sha256 == sha256).order_by(_ALIVE.desc(), _a.id.desc()).limit(1)
    ).one_or_none()
    return f"a file of a folder ({sha256[:12]})" if row is None else f"artifact {row.artifact_name}@{row.version}"


def needing(c: Connection, also: Collection[int]) -> tuple[Artifact, ...]:
    """Artifacts whose content is to stay: all that are not deleted, and these."""
    return _made(c.execute(_joined().where(or_(_ALIVE, _a.id.in_(sets.ids(c, also))))))


def deleted_with(c: Connection, contents: Iterable[str]) -> tuple[Artifact, ...]:
    """Deleted ones that have one of these contents, by name."""
    return _made(
        c.execute(
            _joined()
            .where(_a.deleted_at.is_not(None), _a.sha256.in_(sets.texts(c, contents)))
            .order_by(_a.artifact_name, _a.version.desc())
        )
    )


def _joined() -> Select[Any]:
    return select(artifacts, users.c.username).join(users, users.c.id == _a.owner_id)


def _made(rows: Iterable[Row[Any]]) -> tuple[Artifact, ...]:
    return tuple(
        Artifact(
            id=ArtifactId(row.id),
            name=row.artifact_name,
            version=row.version,
            kind=ArtifactKind(row.kind),
            sha256=row.sha256,
            size=row.size,
            files=row.files,
            media_type=row.media_type,
            origin=row.origin,
            added_by=row.username,
            added_at=from_ms(row.created_at),
            metadata=tuple((key, value) for key, value in json.loads(row.metadata)),
        )
        for row in rows
    )
