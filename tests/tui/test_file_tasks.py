"""Tasks that put files or install packages, where tasks are shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from deployx_tui.model.artifact import ArtifactKind, ArtifactRef
from deployx_tui.model.changes import RollbackPayload
from deployx_tui.model.files import Existing, FileItem, FilePayload, LineEndings
from deployx_tui.model.ids import ArtifactId, ExecutionId, PackageId
from deployx_tui.model.payload import RunAs
from deployx_tui.model.payloads import Payload, Stock
from deployx_tui.model.software import PackageChoice, RebootPolicy, SoftwareAction, SoftwarePayload
from deployx_tui.model.task import Task, TaskPreview
from deployx_tui.tui.render.line import plain
from deployx_tui.tui.render.payload import manner, payload_kind, what_lines
from deployx_tui.tui.render.preview import preview_lines
from tests.support.fake_backend import FakeBackend
from tests.support.screen import press, screen_text
from tests.tui.conftest import Open


def artifact(number: int, name: str, kind: ArtifactKind = ArtifactKind.FILE) -> ArtifactRef:
    return ArtifactRef(id=ArtifactId(number), name=name, version=3, kind=kind, sha256="ab" * 32, size=1234)


STOCK = Stock(
    {each.id: each for each in (artifact(1, "nginx.conf"), artifact(2, "www", ArtifactKind.TREE))},
    {PackageId(5): "nginx"},
)
CONF, WWW = FileItem(artifact=ArtifactId(1)), FileItem(artifact=ArtifactId(2))
FILES = FilePayload(items=(CONF,), target_path="/etc/nginx/")
SOFTWARE = SoftwarePayload(packages=(PackageChoice(package=PackageId(5), version="1.24"),))


@pytest.mark.parametrize(
    ("payload", "lines"),
    [
        (FILES, ("nginx.conf v3, 1.2 KiB to /etc/nginx/nginx.conf",)),
        (replace(FILES, target_path="/etc/x.conf"), ("nginx.conf v3, 1.2 KiB to /etc/x.conf",)),
        (
            replace(FILES, items=(CONF, replace(WWW, newest=True)), target_path="/srv"),
            (
                "nginx.conf v3, 1.2 KiB to /srv/nginx.conf",
                "www v3, a folder, 1.2 KiB, or its newest version then to /srv",
            ),
        ),
        (
            replace(
                FILES, items=(replace(CONF, name="a/b", mode=0o600, line_endings=LineEndings.LF, substitute=True),)
            ),
            ("nginx.conf v3, 1.2 KiB, mode 0600, line endings lf, ${...} filled in to /etc/nginx/a/b",),
        ),
        (replace(FILES, items=(FileItem(artifact=ArtifactId(9)),)), ("artifact 9 to /etc/nginx/artifact 9",)),
        (SOFTWARE, ("nginx=1.24",)),
        (
            RollbackPayload(execution=ExecutionId(7)),
            ("what run 7 changed, on the targets where it changed something, where nobody changed it since",),
        ),
    ],
)
def test_what_is_done_is_said_line_by_line(payload: Payload, lines: tuple[str, ...]) -> None:
    assert what_lines(payload, STOCK) == lines


def test_every_option_that_was_asked_for_is_said_and_no_other() -> None:
    assert manner(FILES) == manner(SOFTWARE) == ()
    assert dict(
        manner(
            replace(
                FILES,
                platform_paths=(("freebsd", "/usr/x/"),),
                mode=0o640,
                owner="app",
                create_folders=False,
                existing=Existing.KEEP,
                backups=0,
                pre_check="test -d /etc",
                post_command="reload",
                rollback_on_failure=True,
                delete_extra=True,
                protected=("logs/*",),
                swap=True,
                quick=True,
                check=True,
                run_as=RunAs(),
            )
        )
    ) == {
        "as": "root, by sudo",
        "on freebsd": "/usr/x/",
        "mode": "0640",
        "owner": "app",
        "folders": "must be there",
        "existing": "a file with another content is kept",
        "backups": "none, and no rollback",
        "before": "test -d /etc",
        "after": "reload; when it fails the files are taken back",
        "extra": "is removed, at most 10 %",
        "protected": "logs/*",
        "swap": "the whole folder at once, by a symbolic link",
        "quick": "equal size and time of change count as equal",
        "check": "nothing is changed; a difference fails the target",
    }
    assert dict(manner(replace(SOFTWARE, all_or_nothing=True, reboot=RebootPolicy.ALWAYS, repair=True))) == {
        "failing": "takes back what was changed on the target",
        "restart": "always",
        "repair": "a half-configured package database first",
    }
    assert payload_kind(FILES) == "1 artifact, put there"
    assert payload_kind(replace(SOFTWARE, custom="x", action=SoftwareAction.UNINSTALL)) == "2 packages, uninstall"


def _made(backend: FakeBackend, payload: Payload) -> Task:
    row = next(each for each in backend.task_rows.values() if each.name == "nginx-reload")
    changed = replace(row, draft=replace(row.draft, payload=payload), stock=STOCK)
    backend.task_rows[row.id] = changed
    return changed


def test_the_exact_block_says_what_will_lie_where(backend: FakeBackend) -> None:
    task = _made(backend, replace(FILES, owner="app", post_command="systemctl reload nginx"))
    preview = TaskPreview(problems=(), fires=(), targets=(), warnings=(), stock=STOCK)
    rows = preview_lines(task.draft, preview, datetime.now(UTC), UTC, 60, schedule_is_read=True, targets_are_read=True)
    text = "\n".join(plain(row) for row in rows)
    assert "PLACES 1 ARTIFACT" in text
    assert "nginx.conf v3, 1.2 KiB to /etc/nginx/nginx.conf" in text
    assert "owner app" in text
    assert "after systemctl reload nginx" in text


@pytest.mark.parametrize("payload", [FILES, SOFTWARE])
@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_a_task_of_another_kind_is_shown(
    open_app: Open, backend: FakeBackend, payload: Payload, size: tuple[int, int]
) -> None:
    task = _made(backend, payload)
    async with open_app(*size) as pilot:
        await press(pilot, "down", "down")
        assert ("nginx.conf" if payload is FILES else "nginx=1.24") in screen_text(pilot)
    assert backend.task_rows[task.id] == task
