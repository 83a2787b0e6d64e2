"""The command line in this process, over a real database and a real engine; targets are this machine.

Every test has a copy of one small world: devices web01, web02 and db01, groups web and staging, the task
nightly-backup,
and execution 1, of which one target succeeded and one failed.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deployx_tui.cli.root import main
from deployx_tui.model.engine import EngineStatus
from deployx_tui.model.ids import EngineId

#: what a private engine with one client says of itself
ENGINE = EngineStatus(
    engine_id=EngineId("e"), version="1", pid=1, host="here", database="sqlite:///x", zone="UTC", is_service=False,
    started_at=datetime(2026, 12, 1, tzinfo=UTC), now=datetime(2026, 12, 1, tzinfo=UTC), is_stopping=False, clients=1,
    running_executions=0, queued_executions=0, lag_ms=0, event_stream="s-1",
)  # fmt: skip
FOLDERS = {"DEPLOYX_DATA": "data", "DEPLOYX_CONFIG_DIR": "config", "DEPLOYX_RUNTIME": "run", "HOME": "home"}
#: succeeds on whichever of two devices comes first: they are the same machine
ONLY_ONE = 'mkdir "$HOME/once" && echo "made it" && echo "and says so" >&2'


@dataclass(frozen=True)
class Answer:
    """What one call of the command line gave."""

    status: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        return self.raw.decode()

    @property
    def document(self) -> Any:
        """Standard output as one JSON document; fails when there is anything else in it."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


class Cli:
    """Calls `deployx --in-process ...`; every call asks that it ended as expected."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str, status: int = 0, stdin: str = "") -> Answer:
        answer = self.any_status(*arguments, stdin=stdin)
        assert answer.status == status, (arguments, answer)
        return answer

    def any_status(self, *arguments: str, stdin: str = "") -> Answer:
        out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
        kept = sys.stdin
        sys.stdin = io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                try:
                    status = main(["--in-process", *arguments])
                except SystemExit as leave:
                    status = int(leave.code or 0)
        finally:
            sys.stdin = kept
        out.flush()
        return Answer(status, out.detach().getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The world, made once through the command line itself."""
    folder = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        cli = _at_home(folder, patch)
        for name, tags in {"web01": ["prod"], "web02": ["prod"], "db01": ["stage"]}.items():
            cli("device", "add", name, "--transport", "local", *(f"--tag={tag}" for tag in tags))
        cli("group", "add", "web", "--device", "web01", "--device", "web02")
        cli("group", "add", "staging", "--selector", "tag:stage")
        cli("task", "add", "nightly-backup", "--on", "tag:prod", "--command", "echo backed up", "--daily", "03:00")
        cli("run", "--on", "web", "--", ONLY_ONE, status=1)
    return folder


@pytest.fixture
def cli(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line over a copy of the world."""
    shutil.copytree(template / "data", tmp_path / "data")
    return _at_home(tmp_path, monkeypatch)


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line where nothing was ever made."""
    return _at_home(tmp_path, monkeypatch)


def _at_home(folder: Path, patch: pytest.MonkeyPatch) -> Cli:
    for name in list(os.environ):
        if name.startswith("DEPLOYX_"):
            patch.delenv(name)
    for variable, name in FOLDERS.items():
        (folder / name).mkdir(mode=0o700, exist_ok=True)
        patch.setenv(variable, str(folder / name))
    patch.setenv("DEPLOYX_TIMEZONE", "Europe/Berlin")
    return Cli(folder)
