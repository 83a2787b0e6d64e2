"""Each face loads what it needs: start is fast, and a flaw in a library that it does not use can't reach it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.processes import Place

FOREIGN = ("paramiko", "winrm", "sqlalchemy", "apscheduler", "alembic", "psycopg", "croniter")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def loaded(place: Place, script: str) -> set[str]:
    """The top packages that are loaded when `script` has run."""
    return {name.partition(".")[0] for name in modules(place, script)}


def modules(place: Place, script: str) -> set[str]:
    """All modules that are loaded when `script` has run."""
    process = place.run(f"import json, sys\n{script}\nprint(json.dumps(sorted(sys.modules)))")
    out, errors = process.communicate()
    assert process.returncode == 0, errors
    return set(json.loads(out.splitlines()[-1]))


def test_serve_loads_no_screens(place: Place) -> None:
    names = loaded(
        place,
        """
import asyncio, os, signal
from deployx_tui import config
from deployx_tui.__main__ import main
from deployx_tui.api import serve as module
from deployx_tui.api.host import Host
ran = Host.run
async def run(self, ready):
    return await ran(self, lambda path: os.kill(os.getpid(), signal.SIGTERM))
Host.run = run
sys.argv = ["deployx", "--serve"]
assert main() == 0
""",
    )
    assert "sqlalchemy" in names, "it did serve"
    assert not names & {"textual", "rich", "httpx", "asyncssh", "keyring"}


def test_the_screens_and_their_client_load_no_engine(place: Place) -> None:
    names = loaded(
        place,
        """
import asyncio
import deployx_tui.tui.app
from deployx_tui import config
from deployx_tui.service.process import attach_or_start
async def session():
    backend = await attach_or_start(config.load())
    await backend.engine.status()
    await backend.close()
asyncio.run(session())
""",
    )
    assert {"textual", "httpx"} <= names
    assert not names & {*FOREIGN, "fastapi", "uvicorn", "pydantic"}


def test_what_the_terminal_needs_before_its_first_paint_is_no_http_client(place: Place) -> None:
    names = loaded(place, "import deployx_tui.tui.app, deployx_tui.service.process, deployx_tui.config")
    assert not names & {*FOREIGN, "httpx", "httpcore", "h11", "fastapi", "uvicorn", "pydantic", "asyncssh"}


def test_the_help_loads_no_face(place: Place) -> None:
    names = loaded(
        place,
        """
from deployx_tui.__main__ import main
sys.argv = ["deployx", "--help"]
main()
""",
    )
    assert not names & {*FOREIGN, "httpx", "fastapi", "textual", "rich", "pydantic", "cryptography"}


#: what an engine has and a look into its SQLite database needs not
ENGINE_ONLY = {
    "deployx_tui.engine.engine",
    "deployx_tui.transports.local",
    "deployx_tui.transports.ssh.transport",
    "alembic",
    "apscheduler",
    "asyncssh",
    "croniter",
    "fastapi",
    "httpx",
    "paramiko",
    "psycopg",
    "pydantic",
    "sqlalchemy.dialects.postgresql",
    "textual",
    "uvicorn",
}


@pytest.fixture
def made(place: Place) -> Place:
    """A place whose database is there and current."""
    process = place.deployx(
        "--in-process", "task", "add", "nightly", "--on", "*", "--command", "true", "--daily", "03:00"
    )
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    return place


def test_commands_that_only_read_a_current_database_load_no_engine(made: Place) -> None:
    names = modules(
        made,
        """
from deployx_tui.cli.root import main
for words in (
    "task list", "task show nightly", "execution list --text words", "device list --on *", "group list",
):
    assert main(words.split()) == 0, words
""",
    )
    assert "sqlalchemy.dialects.sqlite" in names, "they did read"
    assert not names & ENGINE_ONLY


def test_an_engine_on_sqlite_starts_without_postgresql_and_without_ssh(made: Place) -> None:
    names = modules(
        made,
        """
from datetime import timedelta
from deployx_tui import config
from deployx_tui.api import child, serve
from deployx_tui.service.compose import compose
from deployx_tui.service.lifecycle import InProcess
compose(config.load(), lifecycle=InProcess()).close(timedelta())
""",
    )
    assert "deployx_tui.engine.engine" in names, "it did start"
    # each is loaded when the first thing wants it
    unwanted = {"alembic", "asyncssh", "croniter", "cryptography", "httpx", "paramiko", "psycopg", "textual"}
    assert not names & {*unwanted, "sqlalchemy.dialects.postgresql"}


def test_the_engine_is_begun_with_neither_the_screens_nor_a_client_loaded(place: Place) -> None:
    names = loaded(
        place,
        """
import subprocess
from deployx_tui import config
from deployx_tui.cli.ui import connecting
class Popen:
    def __init__(self, *words, **more):
        assert "--engine-child" in words[0]
        print(json.dumps(sorted(sys.modules)))
        sys.exit(0)
subprocess.Popen = Popen
connecting(config.load())
""",
    )
    assert "deployx_tui" in names
    assert not names & {*FOREIGN, "textual", "rich", "httpx", "fastapi", "pydantic", "uvicorn"}
