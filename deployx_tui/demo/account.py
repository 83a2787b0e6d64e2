"""The demo's own account: what runs by itself in a demo says "demo" and not a person's name."""

from __future__ import annotations

import os

from deployx_tui.config import Settings
from deployx_tui.model.user import Role
from deployx_tui.store import users
from deployx_tui.store.clock import now_ms
from deployx_tui.store.database import Database

NAME = "demo"


def make_account(settings: Settings) -> None:
    """Make the database with this account in it, before an engine makes one of the login's name. Blocks."""
    database = Database.open(settings.db)
    try:
        with database.write() as c:
            users.ensure(c, NAME, os.geteuid(), Role.ADMIN, now_ms())
    finally:
        database.close()
