"""Fixtures: an open database of each kind, each test its own. Imported by tests/conftest.py."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployx_tui.store.database import Database
from tests.support.postgres import Server, shared_server


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Server]:
    """The run's PostgreSQL server."""
    base = tmp_path_factory.getbasetemp()
    with shared_server((base if worker_id == "master" else base.parent) / "postgres-server") as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty database file to copy: migrating anew would cost each test a tenth of a second."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    Database.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: Server) -> str:
    """The name of a migrated, empty database to copy."""
    url = postgres.database()
    Database.open(url).close()
    return url.split("/")[3].partition("?")[0]


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    """An empty, migrated SQLite database."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    shutil.copy2(sqlite_template, folder / "deployx.db")
    return f"sqlite:///{folder / 'deployx.db'}"


@pytest.fixture
def postgres_url(postgres: Server, postgres_template: str) -> Iterator[str]:
    """An empty, migrated PostgreSQL database."""
    url = postgres.database(postgres_template)
    yield url
    postgres.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Each kind of database in turn, empty and migrated."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Each kind of database in turn, open."""
    opened = Database.open(database_url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    opened = Database.open(sqlite_url)
    yield opened
    opened.close()
