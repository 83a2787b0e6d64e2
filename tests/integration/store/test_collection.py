"""A collection of garbage beside uploads, in every order; and behind uploads that were killed."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update

from deployx_tui.model.artifact import ArtifactKind
from deployx_tui.model.ids import UserId
from deployx_tui.store import artifacts, collection
from deployx_tui.store.contents.folder import ContentFolder
from deployx_tui.store.contents.source import Contents
from deployx_tui.store.database import Database
from deployx_tui.store.schema import artifacts as rows
from deployx_tui.store.schema import executions, users

DATA = (b"one", b"two", b"three")


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    """One kind: what is tried is the order on the disk."""
    with sqlite_database.write() as c:
        c.execute(insert(users).values(id=1, username="ada", role="admin", created_at=0))
    return sqlite_database


def add_row(database: Database, name: str, sha256: str, size: int) -> None:
    with database.write() as c:
        artifacts.add(
            c, name=name, kind=ArtifactKind.FILE, sha256=sha256, size=size, files=1, media_type="x", origin="x",
            metadata=(), owner=UserId(1), now_ms=1,
        )  # fmt: skip


def upload(database: Database, folder: ContentFolder, data: bytes, *, succeeds: bool = True) -> Generator[None]:
    """As the door does it, one step at a time."""
    incoming = folder.begin()
    try:
        yield
        sha256, size = incoming.take(io.BytesIO(data).read, "x")
        yield
        incoming.publish()
        yield
        if succeeds:
            add_row(database, "x", sha256, size)
            yield
            incoming.keep()
            yield
    finally:
        incoming.close()


def collect(database: Database, contents: Contents) -> Generator[None]:
    with contents.folder.collecting():
        yield
        lying = contents.folder.sizes()
        yield
        with database.read() as c:
            found = collection.garbage(c, lying, contents.tree)
        yield
        for sha256 in found.contents:
            collection.remove(contents.folder, [sha256])
            yield


def add_run(database: Database, **facts: str | None) -> None:
    with database.write() as c:
        c.execute(
            insert(executions).values(
                **{
                    "task_name": "x", "fire_key": uuid.uuid4().hex, "trigger": "manual", "status": "queued",
                    "owner_id": 1, "started_by": "ada", "due_at": 1, "created_at": 1, "draft": "{}", **facts,
                }
            )
        )  # fmt: skip


def delete(database: Database, data: bytes) -> Generator[None]:
    with database.write() as c:
        c.execute(update(rows).where(rows.c.sha256 == hashlib.sha256(data).hexdigest()).values(deleted_at=1))
    yield


# garbage, found as that; brought again and named meanwhile; then removed
@example(before=[(b"one", True)], jobs=[("upload", b"one")], bursts=[(0, 3), (1, 6)])
# brought by one that fails in the end, and by one that does not
@example(before=[], jobs=[("fails", b"one"), ("upload", b"one")], bursts=[(1, 3), (2, 6)])
@example(before=[(b"one", False)], jobs=[("delete", b"one"), ("upload", b"one")], bursts=[(1, 1), (0, 3), (2, 3)])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.lists(st.tuples(st.sampled_from(DATA), st.booleans()), max_size=3),
    jobs=st.lists(
        st.tuples(st.sampled_from(["upload", "fails", "delete"]), st.sampled_from(DATA)), min_size=1, max_size=4
    ),
    bursts=st.lists(st.tuples(st.integers(0, 4), st.integers(1, 6)), max_size=12),
)
def test_in_every_order_what_a_row_names_lies_there(
    database: Database,
    tmp_path_factory: pytest.TempPathFactory,
    before: list[tuple[bytes, bool]],
    jobs: list[tuple[str, bytes]],
    bursts: list[tuple[int, int]],
) -> None:
    with database.write() as c:
        c.execute(rows.delete())
    contents = artifacts.open_contents(database, tmp_path_factory.mktemp("contents") / "artifacts")
    for data, is_deleted in before:
        for _ in upload(database, contents.folder, data):
            pass
        for _ in delete(database, data) if is_deleted else ():
            pass
    running: list[Generator[None]] = [collect(database, contents)]
    for kind, data in jobs:
        if kind == "delete":
            running.append(delete(database, data))
        else:
            running.append(upload(database, contents.folder, data, succeeds=kind == "upload"))
    for turn, steps in [*bursts, *[(0, 100)] * len(running)]:
        for _ in range(steps):
            if running and next(running[turn % len(running)], "over") == "over":
                del running[turn % len(running)]
                break
    with database.read() as c:
        named = {row.sha256 for row in c.execute(select(rows.c.sha256).where(rows.c.deleted_at.is_(None)))}
    lying = contents.folder.sizes()
    assert named <= set(lying)
    for sha256 in named:
        assert contents.content(sha256).size == lying[sha256]
    # and the next one leaves nothing else
    for _ in collect(database, contents):
        pass
    assert set(contents.folder.sizes()) == named


def test_what_a_run_that_is_not_over_has_pinned_stays_though_its_artifact_is_deleted(
    database: Database, tmp_path: Path
) -> None:
    contents = artifacts.open_contents(database, tmp_path / "artifacts")
    for data in DATA:
        for _ in upload(database, contents.folder, data):
            pass
        for _ in delete(database, data):
            pass
    one, two, three = (hashlib.sha256(data).hexdigest() for data in DATA)
    with database.read() as c:
        number = c.execute(select(rows.c.id).where(rows.c.sha256 == two)).scalar_one()
    add_run(database, plan=f'{{"artifacts":[{{"id":99,"sha256":"{one}"}}]}}')
    add_run(database, draft=f'{{"file_payload":{{"items":[{{"artifact_id":{number}}}]}}}}')
    add_run(database, plan=f'{{"artifacts":[{{"sha256":"{three}"}}]}}', status="succeeded")
    for _ in collect(database, contents):
        pass
    assert set(contents.folder.sizes()) == {one, two}


KILLED = """
import hashlib, io, os, signal, sys
from pathlib import Path
from deployx_tui.store import artifacts
from deployx_tui.store.database import Database
from tests.integration.store.test_collection import add_row, upload
from deployx_tui.store.contents.folder import ContentFolder

database = Database.open(sys.argv[1])
folder = ContentFolder(Path(sys.argv[2]))
for step, _ in enumerate(upload(database, folder, b"content")):
    if step == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(("step", "is_kept"), [(0, False), (1, False), (2, False), (3, True), (4, True)])
def test_an_upload_that_was_killed_leaves_its_whole_content_with_its_row_or_nothing(
    database: Database, tmp_path: Path, step: int, is_kept: bool
) -> None:
    place = tmp_path / "artifacts"
    killed = subprocess.run([sys.executable, "-c", KILLED, database.url, str(place), str(step)], check=False)
    assert killed.returncode == -signal.SIGKILL
    contents = artifacts.open_contents(database, place)
    live = contents.folder.begin()
    assert contents.folder.sweep() == 1
    assert list((place / "incoming").iterdir()) == [live.place]  # one that goes on stays
    live.close()
    for _ in collect(database, contents):
        pass
    with database.read() as c:
        named = [one.sha256 for one in artifacts.page(c)[0]]
    assert list(contents.folder.sizes()) == named
    assert len(named) == is_kept
    if is_kept:
        assert contents.content(named[0]).read(0, 100) == b"content"


def test_the_list_of_a_folder_that_is_damaged_stops_a_collection(database: Database, tmp_path: Path) -> None:
    from deployx_tui.errors import Conflict
    from deployx_tui.store.contents.trees import take_tree
    from tests.contract.backend.artifacts import tar_of

    contents = artifacts.open_contents(database, tmp_path / "artifacts")
    incoming = contents.folder.begin()
    tree = take_tree(incoming, io.BytesIO(tar_of(("a", b"a", ""))).read)
    incoming.publish()
    with database.write() as c:
        artifacts.add(
            c, name="site", kind=ArtifactKind.TREE, sha256=tree.sha256, size=1, files=1, media_type="x", origin="x",
            metadata=(), owner=UserId(1), now_ms=1,
        )  # fmt: skip
    incoming.keep()
    incoming.close()
    path = contents.folder.path(tree.sha256)
    os.truncate(path, 5)
    with pytest.raises(Conflict, match="site@1") as refused:
        list(collect(database, contents))
    assert "artifact rm 1" in str(refused.value)
    assert len(contents.folder.sizes()) == 2
    with contents.folder.collecting(), pytest.raises(Conflict, match="under way"):
        list(collect(database, contents))
