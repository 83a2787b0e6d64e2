"""Numbers that grow with every change of something, so that what was made of it can be kept until then."""

from __future__ import annotations

from sqlalchemy import BigInteger, Connection, Text, cast, insert, select, update

from deployx_tui.store.schema import settings

#: devices and groups
INVENTORY = "inventory_version"
#: drafts and states of tasks; not what their runs change
TASKS = "tasks_version"


def read(c: Connection, name: str) -> int:
    found = c.execute(select(settings.c.value).where(settings.c.name == name)).scalar_one_or_none()
    return int(found) if found is not None else 0


def grow(c: Connection, name: str) -> None:
    """One more. The row's lock puts the writers of a thing one after the other."""
    grown = cast(cast(settings.c.value, BigInteger) + 1, Text)
    if c.execute(update(settings).where(settings.c.name == name).values(value=grown)).rowcount == 0:
        c.execute(insert(settings).values(name=name, value="1"))
