"""A database with every table and one user, for the store's own modules."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, event, insert

from deployx_tui.store import schema


@pytest.fixture
def c() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA foreign_keys=ON"))
    schema.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(schema.users).values(id=1, username="ada", role="admin", created_at=0))
        yield connection
    engine.dispose()
