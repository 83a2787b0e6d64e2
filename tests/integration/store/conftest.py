"""A connection in one transaction of an empty database, of each kind in turn, with one user."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, insert

from deployx_tui.store.database import Database
from deployx_tui.store.schema import users


@pytest.fixture
def c(database: Database) -> Iterator[Connection]:
    with database.write() as connection:
        connection.execute(insert(users).values(id=1, username="ada", role="admin", created_at=0))
        yield connection
