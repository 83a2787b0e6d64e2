"""People of any role, for tests that act as them."""

from __future__ import annotations

from sqlalchemy import Connection, insert

from deployx_tui.model.ids import UserId
from deployx_tui.model.user import Actor, Role
from deployx_tui.store import users
from deployx_tui.store.clock import now_ms
from deployx_tui.store.schema import users as table


def ensure_actor(c: Connection, role: Role = Role.ADMIN, name: str = "ada") -> Actor:
    """The user of this name, made with this role when there is none."""
    found = users.by_name(c, name)
    if found is None:
        made = insert(table).values(username=name, role=role.value, created_at=now_ms()).returning(table.c.id)
        found = UserId(c.execute(made).scalar_one())
    return Actor(user_id=found, name=name, role=role, origin="a test")
