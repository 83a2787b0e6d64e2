"""The catalogue in the database: each package whole, as JSON, beside the few columns that lists need."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select, update

from deployx_tui.errors import InvalidInput, NotFound
from deployx_tui.model.codec import canonical
from deployx_tui.model.ids import PackageId, UserId, id_of
from deployx_tui.model.package import Package
from deployx_tui.model.package_json import package_from_json, package_to_json
from deployx_tui.store.clock import from_ms
from deployx_tui.store.dialects import sets
from deployx_tui.store.identity import refuse_stale
from deployx_tui.store.near import near
from deployx_tui.store.schema import packages, scheduled_tasks

_p = packages.c


def add(c: Connection, package: Package, owner: UserId, now_ms: int) -> PackageId:
    """A new one. InvalidInput when the name is taken."""
    _refuse_taken_name(c, package.name)
    made = c.execute(
        insert(packages)
        .values(**_columns(package), owner_id=owner, created_at=now_ms, updated_at=now_ms)
        .returning(_p.id)
    )
    return PackageId(made.scalar_one())


def change(c: Connection, id_: PackageId, package: Package, revision: int | None, now_ms: int) -> None:
    """Conflict when `revision` is given and old."""
    refuse_stale("package", get(c, id_).revision, revision)
    _refuse_taken_name(c, package.name, but=id_)
    values = {**_columns(package), "revision": _p.revision + 1, "updated_at": now_ms}
    c.execute(update(packages).where(_p.id == id_).values(**values))


def remove(c: Connection, id_: PackageId, revision: int | None, now_ms: int) -> None:
    """Out of every list. What is where stays, and so do the plans that installed it."""
    refuse_stale("package", get(c, id_).revision, revision)
    c.execute(update(packages).where(_p.id == id_).values(deleted_at=now_ms, revision=_p.revision + 1))


def get(c: Connection, id_: PackageId) -> Package:
    """NotFound when there is none, or it is deleted."""
    for row in c.execute(_alive().where(_p.id == id_)):
        return _made(row)
    raise NotFound("package", str(id_))


def find(c: Connection, name_or_id: str) -> Package:
    """By exact name, else by id."""
    for row in c.execute(_alive().where(_p.package_name == name_or_id)):
        return _made(row)
    id_ = id_of(name_or_id)
    if id_ is None:
        raise NotFound("package", name_or_id, near(c, _alive(), _p.package_name, name_or_id))
    return get(c, PackageId(id_))


def every(c: Connection) -> tuple[Package, ...]:
    """All that are not deleted, by name."""
    return tuple(_made(row) for row in c.execute(_alive().order_by(_p.package_name)))


def names(c: Connection, wanted: Iterable[int]) -> Mapping[PackageId, str]:
    """Of those that are there."""
    rows = c.execute(_alive().with_only_columns(_p.id, _p.package_name).where(_p.id.in_(sets.ids(c, wanted))))
    return {PackageId(row.id): row.package_name for row in rows}


def tasks_using(c: Connection, id_: PackageId) -> tuple[str, ...]:
    """Names of tasks that are not deleted and install or remove it."""
    t = scheduled_tasks.c
    mark = '"software_ids"'
    rows = c.execute(
        select(t.task_name, t.payload)
        .where(t.deleted_at.is_(None), t.payload.contains(mark, autoescape=True))
        .order_by(t.task_name, t.id)
    )
    return tuple(row.task_name for row in rows if id_ in _software_ids(json.loads(row.payload)))


def _software_ids(draft: Any) -> list[int]:
    found = draft.get("software_payload", draft) if isinstance(draft, dict) else None
    listed = found.get("software_ids") if isinstance(found, dict) else None
    return listed if isinstance(listed, list) else []


def _alive() -> Select[Any]:
    return select(packages).where(_p.deleted_at.is_(None))


def _refuse_taken_name(c: Connection, name: str, but: PackageId | None = None) -> None:
    taken = c.execute(_alive().with_only_columns(_p.id).where(_p.package_name == name)).scalar_one_or_none()
    if taken is not None and taken != but:
        raise InvalidInput.of("name", f"there is a package {name!r} already", "choose another name")


def _columns(package: Package) -> dict[str, Any]:
    return {
        "package_name": package.name,
        "version": package.version,
        "category": package.category,
        "is_active": int(package.is_active),
        "body": canonical(package_to_json(package)),
    }


def _made(row: Row[Any]) -> Package:
    found = package_from_json(json.loads(row.body), id_=PackageId(row.id))
    return replace(found, revision=row.revision, updated_at=from_ms(row.updated_at))
