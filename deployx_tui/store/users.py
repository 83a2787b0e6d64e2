"""The people who act, and on whose permissions scheduled runs go."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from deployx_tui.model.ids import UserId
from deployx_tui.model.user import Role
from deployx_tui.store.schema import users


def ensure(c: Connection, username: str, uid: int, role: Role, now_ms: int) -> tuple[UserId, str]:
    """The user of a Unix account and its name here, made when there is none. An existing one keeps name and role."""
    found = c.execute(select(users.c.id, users.c.username).where(users.c.uid == uid)).one_or_none()
    if found is not None:
        return UserId(found.id), found.username
    taken = c.execute(select(users.c.id).where(users.c.username == username)).scalar_one_or_none()
    made = c.execute(
        insert(users)
        .values(
            # another account may have had this name before
            username=username if taken is None else f"{username}-{uid}",
            uid=uid,
            role=role.value,
            created_at=now_ms,
        )
        .returning(users.c.id, users.c.username)
    ).one()
    return UserId(made.id), made.username


def by_name(c: Connection, username: str) -> UserId | None:
    found = c.execute(select(users.c.id).where(users.c.username == username)).scalar_one_or_none()
    return UserId(found) if found is not None else None
