"""`python -m deployx_tui.store.migrations "what changes"`: write the revision that leads to `store/schema`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from deployx_tui.store.migrations import HEAD

FOLDER = Path(__file__).parent


def main(message: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("file_template", "r%%(rev)s_%%(slug)s")
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{folder}/draft.db")
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            following = f"{int(HEAD) + 1:04d}" if any((FOLDER / "versions").glob("r*.py")) else "0001"
            command.revision(config, message, autogenerate=True, rev_id=following)
    sys.stdout.write(f"Read it, then set HEAD to {following!r} in {FOLDER / '__init__.py'}.\n")


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]))
