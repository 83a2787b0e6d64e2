"""Run by Alembic with the connection that `upgrade.py` or the drafting command hands over."""

from __future__ import annotations

from alembic import context

from deployx_tui.store.migrations import is_in_schema
from deployx_tui.store.schema import complete, metadata

complete()
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite can't alter most things: Alembic then copies the table
    render_as_batch=context.config.attributes["connection"].dialect.name == "sqlite",
    include_name=is_in_schema,
    transaction_per_migration=False,
)
context.run_migrations()
