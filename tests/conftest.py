"""Fixtures for all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.databases import (
    database,
    database_url,
    postgres,
    postgres_template,
    postgres_url,
    sqlite_database,
    sqlite_template,
    sqlite_url,
)

__all__ = [
    "database",
    "database_url",
    "postgres",
    "postgres_template",
    "postgres_url",
    "sqlite_database",
    "sqlite_template",
    "sqlite_url",
]


@pytest.fixture(scope="session", autouse=True)
def state_of_local_file_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Files put on this machine keep what they replace here, not in root's /var/lib/deployx; child processes too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield
