"""Many tasks in a database, written directly: making them is not what is measured."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from deployx_tui.model.codec import canonical, draft_to_json
from deployx_tui.model.ids import UserId
from deployx_tui.model.schedule import Daily
from deployx_tui.store.clock import to_ms
from deployx_tui.store.database import Database
from deployx_tui.store.schema import scheduled_tasks, task_versions
from tests.support.rows import add_user, draft


def fill(database: Database, count: int, at: datetime, *, due: int = 0) -> None:
    """Daily tasks, each its own command; the first `due` of them due at `at`, the others an hour later."""
    with database.write() as c:
        owner = add_user(c)
        for begin in range(0, count, 10_000):
            rows = [_task(owner, number, at, number < due) for number in range(begin, min(count, begin + 10_000))]
            c.execute(sa.insert(scheduled_tasks), [task for task, _ in rows])
            c.execute(sa.insert(task_versions), [version for _, version in rows])


def _task(owner: UserId, number: int, at: datetime, is_due: bool) -> tuple[dict[str, object], dict[str, object]]:
    nominal = at if is_due else at + timedelta(hours=1)
    what = draft(Daily((nominal.time(),)), name=f"task {number}", command=f"systemctl restart app{number}")
    json = draft_to_json(what)
    now = to_ms(at)
    task: dict[str, object] = {
        "id": number + 1,
        "task_name": what.name,
        "task_type": "command",
        "state": "active",
        "recurrence_type": "daily",
        "zone": "UTC",
        "gap": "shift",
        "fold": "first",
        "payload": canonical(json["command_payload"]),
        "overlap": "skip",
        "overlap_limit": 1,
        "grace_ms": 3_600_000,
        "owner_id": owner,
        "created_at": now,
        "updated_at": now,
        "next_execution": to_ms(nominal),
    }
    version: dict[str, object] = {
        "task_id": number + 1,
        "version": 1,
        "draft": canonical(json),
        "editor_id": owner,
        "created_at": now,
    }
    return task, version
