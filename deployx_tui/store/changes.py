"""What runs changed on their targets: written when a target ends, read when it is to be taken back."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, select, update

from deployx_tui.model.change_json import changes_from_json, changes_to_json
from deployx_tui.model.changes import ChangedTarget, PackageChange, TargetChanges
from deployx_tui.model.ids import DeviceId, ExecutionId, TargetId
from deployx_tui.store.dialects import sets
from deployx_tui.store.dialects.insert import insert_or_replace
from deployx_tui.store.schema import execution_targets, target_changes

_t, _x = target_changes.c, execution_targets.c

#: hashes do not pack, names do at once: higher levels take three times as long for 4 % less
_LEVEL = 1


@dataclass(frozen=True, slots=True)
class Packed:
    """What was changed on a target, as it is stored. Of 100,000 things it is made in a second, and written in less."""

    #: how many things
    count: int
    data: bytes = field(repr=False)
    #: of these, for whoever keeps what is where
    packages: tuple[PackageChange, ...] = ()


def packed(changes: TargetChanges) -> Packed | None:
    """None: nothing was changed. To be called before the transaction that keeps it, which others wait for."""
    if not changes:
        return None
    data = zlib.compress(changes_to_json(changes).encode("ascii"), _LEVEL)
    return Packed(len(changes.files) + len(changes.packages), data, changes.packages)


def keep(c: Connection, changed: Sequence[tuple[TargetId, Packed]]) -> None:
    """Write down what was changed, in the place of what was known."""
    rows = [
        {"target_id": target, "count": changes.count, "rolled_back_by": None, "changes": changes.data}
        for target, changes in changed
    ]
    if rows:
        c.execute(insert_or_replace(c, target_changes, ["target_id"]), rows)


def of_execution(c: Connection, execution: ExecutionId) -> tuple[ChangedTarget, ...]:
    """The targets on which it changed something, in the order of its plan. What was changed is not read."""
    rows = c.execute(
        select(_x.id, _x.device_id, _x.device_name, _t.count, _t.rolled_back_by)
        .join(target_changes, _t.target_id == _x.id)
        .where(_x.execution_id == execution)
        .order_by(_x.id)
    )
    return tuple(
        ChangedTarget(
            target=TargetId(row.id),
            device=DeviceId(row.device_id),
            name=row.device_name,
            # by position: a row has a method of that name
            count=row[3],
            rolled_back_by=None if row.rolled_back_by is None else ExecutionId(row.rolled_back_by),
        )
        for row in rows
    )


def load(c: Connection, execution: ExecutionId, device: DeviceId) -> TargetChanges:
    """What it changed on one device; nothing where it changed nothing, or is not in the history any more."""
    found = c.scalar(
        select(_t.changes)
        .join(execution_targets, _x.id == _t.target_id)
        .where(_x.execution_id == execution, _x.device_id == device)
    )
    return TargetChanges() if found is None else changes_from_json(zlib.decompress(found))


def taken_back(c: Connection, execution: ExecutionId, devices: Collection[DeviceId], by: ExecutionId) -> None:
    """What it changed on these devices was restored by another execution."""
    targets = select(_x.id).where(_x.execution_id == execution, _x.device_id.in_(sets.ids(c, devices)))
    c.execute(update(target_changes).where(_t.target_id.in_(targets)).values(rolled_back_by=by))
