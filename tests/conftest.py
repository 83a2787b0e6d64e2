"""Fixtures for all tests."""

from __future__ import annotations

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
