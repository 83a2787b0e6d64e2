from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import Connection, insert, select

from deployx_tui.errors import Ambiguous, Conflict, InvalidInput, NotFound
from deployx_tui.model.device import DeviceDraft, GroupDraft
from deployx_tui.model.execution import ExecutionStatus
from deployx_tui.model.ids import DeviceId, GroupId, TaskId, UserId
from deployx_tui.model.payload import CommandPayload, Commands, Line, Shell
from deployx_tui.model.schedule import Daily, Fold, Gap, Overlap, OverlapKind, Schedule
from deployx_tui.model.task import TaskDraft, TaskQuery, TaskSort, TaskState
from deployx_tui.store import devices, groups, task_list, tasks
from deployx_tui.store.clock import from_ms
from deployx_tui.store.database import Database
from deployx_tui.store.schema import scheduled_tasks, task_versions, users
from deployx_tui.store.task_list import Touching
from tests.support.plans import recorded
from tests.support.runs import add_run

ADA = UserId(1)
BOB = UserId(2)


def draft(name: str = "nightly", selector: str = "@web", **more: object) -> TaskDraft:
    facts: dict[str, object] = {
        "name": name,
        "selector": selector,
        "schedule": Schedule(recurrence=Daily((time(3),)), zone="Europe/Berlin"),
        "payload": CommandPayload(body=Line("true")),
    }
    return TaskDraft(**{**facts, **more})  # type: ignore[arg-type]  # a test's shorthand


@pytest.fixture
def two(c: Connection) -> Connection:
    c.execute(insert(users).values(id=2, username="bob", role="operator", created_at=0))
    return c


def test_a_task_comes_back_as_it_was_given(c: Connection) -> None:
    device = devices.add(c, DeviceDraft(name="web01", address="x"), ADA, 1)
    group = groups.add(c, GroupDraft(name="web"), ADA, 1)
    full = TaskDraft(
        name="everything",
        schedule=Schedule(
            recurrence=Daily((time(3), time(4, 30))),
            zone="Asia/Kathmandu",
            gap=Gap.SKIP,
            fold=Fold.BOTH,
            start=datetime(2026, 1, 1, tzinfo=UTC),
            end=datetime(2027, 1, 1, tzinfo=UTC),
        ),
        payload=CommandPayload(
            body=Commands(("a", "b"), stop_on_failure=False),
            shell=Shell.BASH,
            environment=(("A", "1"),),
            working_directory="/tmp",
            success_codes=frozenset({0, 3}),
        ),
        selector="tag:prod",
        device_ids=(device,),
        group_ids=(group,),
        description="all of it",
        tags=frozenset({"x", "y"}),
        overlap=Overlap(OverlapKind.PARALLEL, 3),
        grace=timedelta(minutes=5),
        timeout=timedelta(seconds=90),
    )
    found = tasks.get(c, tasks.add(c, full, ADA, 5000, 1000))
    assert found.draft == full
    assert (found.state, found.version, found.owner) == (TaskState.ACTIVE, 1, "ada")
    assert (found.next_execution, found.last_execution, found.execution_count) == (from_ms(5000), None, 0)


def test_every_edit_keeps_its_version(c: Connection) -> None:
    task = tasks.add(c, draft("one"), ADA, 5000, 1000)
    tasks.change(c, tasks.locked(c, task, None, 1), draft("two"), TaskState.ACTIVE, 6000, ADA, 2000)
    tasks.set_state(c, tasks.locked(c, task, None, 2), TaskState.PAUSED, None, ADA, 3000)
    with pytest.raises(Conflict) as stale:
        tasks.locked(c, task, None, 2)
    assert stale.value.stale
    kept = c.execute(select(task_versions.c.version, task_versions.c.draft).order_by(task_versions.c.version)).all()
    assert [(row.version, tasks.read_draft(row.draft).name) for row in kept] == [(1, "one"), (2, "two"), (3, "two")]
    paused = tasks.get(c, task)
    assert (paused.state, paused.next_execution, paused.version) == (TaskState.PAUSED, None, 3)


def test_a_deleted_task_never_fires_and_comes_back(c: Connection) -> None:
    task = tasks.add(c, draft(), ADA, 5000, 1000)
    tasks.remove(c, tasks.locked(c, task, None), ADA, 2000)
    with pytest.raises(NotFound):
        tasks.get(c, task)
    assert task_list.page(c, TaskQuery(), None, None).total == 0
    assert c.execute(select(scheduled_tasks.c.next_execution)).scalar_one() is None
    gone = tasks.locked_deleted(c, task, None)
    tasks.restore(c, gone, TaskState.ACTIVE, 7000, ADA, 3000)
    assert tasks.get(c, task).next_execution == from_ms(7000)
    with pytest.raises(NotFound):
        tasks.locked_deleted(c, task, None)


def test_another_owners_task_is_not_found(two: Connection) -> None:
    task = tasks.add(two, draft(), ADA, None, 1000)
    assert tasks.get(two, task, ADA).id == task
    for look in (tasks.get, tasks.locked):
        with pytest.raises(NotFound):
            look(two, task, BOB)
    with pytest.raises(NotFound):
        tasks.find(two, "nightly", BOB)
    assert task_list.page(two, TaskQuery(), BOB, None).tasks == ()
    assert task_list.page(two, TaskQuery(owner="bob"), None, None).tasks == ()


def test_a_task_is_found_by_name_then_id_and_a_double_name_lists_the_candidates(c: Connection) -> None:
    first = tasks.add(c, draft(), ADA, None, 1000)
    assert tasks.find(c, "nightly").id == tasks.find(c, str(first)).id == first
    second = tasks.add(c, draft(), ADA, None, 1000)
    with pytest.raises(Ambiguous) as ambiguous:
        tasks.find(c, "nightly")
    assert ambiguous.value.candidates == (f"{first} (ada)", f"{second} (ada)")
    with pytest.raises(NotFound):
        tasks.find(c, "night")


def _walk(c: Connection, limit: int, **query: object) -> list[str]:
    names: list[str] = []
    cursor: str | None = None
    while True:
        page = task_list.page(c, TaskQuery(limit=limit, cursor=cursor, **query), None, None)  # type: ignore[arg-type]
        names += [task.draft.name for task in page.tasks]
        assert page.total == 5
        cursor = page.next_cursor
        if cursor is None:
            return names


@pytest.fixture
def five(c: Connection) -> Connection:
    """a to e; c and e never fire, a and e never ran, b and d share an instant."""
    for name, following, last in (("b", 50, 7), ("c", None, 9), ("a", 40, None), ("d", 50, 8), ("e", None, None)):
        task = tasks.add(c, draft(name), ADA, following, 1000)
        c.execute(scheduled_tasks.update().where(scheduled_tasks.c.id == task).values(last_execution=last))
    return c


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
@pytest.mark.parametrize(
    ("sort", "up", "down"),
    [
        (TaskSort.NEXT, "abdce", "dbaec"),
        (TaskSort.LAST, "bdcae", "cdbea"),
        (TaskSort.NAME, "abcde", "edcba"),
        (TaskSort.CREATED, "bcade", "edacb"),
    ],
)
def test_each_order_pages_without_loss_in_both_directions(
    five: Connection, limit: int, sort: TaskSort, up: str, down: str
) -> None:
    assert "".join(_walk(five, limit, sort=sort)) == up
    assert "".join(_walk(five, limit, sort=sort, descending=True)) == down


def test_a_cursor_of_another_order_is_refused(five: Connection) -> None:
    cursor = task_list.page(five, TaskQuery(limit=1), None, None).next_cursor
    for query in (TaskQuery(sort=TaskSort.NAME, cursor=cursor), TaskQuery(descending=True, cursor=cursor)):
        with pytest.raises(InvalidInput) as refused:
            task_list.page(five, query, None, None)
        assert refused.value.problems[0].field == "cursor"


def _found(c: Connection, touching: Touching | None = None, **query: object) -> set[str]:
    page = task_list.page(c, TaskQuery(**query), None, touching)  # type: ignore[arg-type]
    assert page.total == len(page.tasks)
    return {task.draft.name for task in page.tasks}


def test_tasks_are_filtered_by_words_tag_state_and_due_time(c: Connection) -> None:
    tasks.add(c, draft("nightly backup", tags=frozenset({"prod"})), ADA, 50, 1)
    tasks.add(c, draft("Rotate logs", selector="db*", description="100% of them"), ADA, 90, 1)
    paused = tasks.add(c, draft("report"), ADA, 60, 1)
    tasks.set_state(c, tasks.get(c, paused), TaskState.PAUSED, None, ADA, 2)
    assert _found(c, text="ROT") == {"Rotate logs"}
    assert _found(c, text="prod back") == {"nightly backup"}
    assert _found(c, text="!prod !db") == {"report"}
    assert _found(c, text="0%") == {"Rotate logs"}
    assert _found(c, tag="prod") == {"nightly backup"}
    assert _found(c, state=TaskState.PAUSED) == {"report"}
    assert _found(c, due_before=from_ms(60)) == {"nightly backup"}
    assert _found(c, owner="ada", text="report") == {"report"}


def test_tasks_are_filtered_by_what_they_run_on(c: Connection) -> None:
    device = devices.add(c, DeviceDraft(name="web01", address="x"), ADA, 1)
    group = groups.add(c, GroupDraft(name="web"), ADA, 1)
    tasks.add(c, draft("direct", "", device_ids=(device,)), ADA, None, 1)
    tasks.add(c, draft("grouped", "", group_ids=(group,)), ADA, None, 1)
    tasks.add(c, draft("selected", "web*"), ADA, None, 1)
    tasks.add(c, draft("other", "db*"), ADA, None, 1)
    assert set(task_list.selectors(c)) == {"web*", "db*"}
    assert _found(c, Touching([device], [group], ["web*"])) == {"direct", "grouped", "selected"}
    assert _found(c, Touching([DeviceId(99)], [GroupId(99)], [])) == set()


def test_tasks_are_filtered_by_their_last_run(c: Connection) -> None:
    ids: dict[str, TaskId] = {name: tasks.add(c, draft(name), ADA, None, 1) for name in ("good", "bad", "busy", "new")}
    add_run(c, 10, ExecutionStatus.FAILED, task=ids["good"])
    add_run(c, 20, ExecutionStatus.SUCCEEDED, task=ids["good"])
    add_run(c, 10, ExecutionStatus.SUCCEEDED, task=ids["bad"])
    add_run(c, 20, ExecutionStatus.FAILED, task=ids["bad"])
    add_run(c, 10, ExecutionStatus.RUNNING, task=ids["busy"])
    add_run(c, 20, ExecutionStatus.SKIPPED, task=ids["busy"])
    add_run(c, 30, ExecutionStatus.RUNNING)
    assert _found(c, last_status=ExecutionStatus.FAILED) == {"bad"}
    assert _found(c, last_status=ExecutionStatus.SUCCEEDED) == {"good"}
    assert _found(c, last_status=ExecutionStatus.RUNNING) == {"busy"}
    assert _found(c, last_status=ExecutionStatus.SKIPPED) == set()


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(
    ("sort", "index"),
    [
        (TaskSort.NEXT, ("ix_scheduled_tasks_due", "ix_scheduled_tasks_idle")),
        (TaskSort.LAST, ("ix_scheduled_tasks_ran", "ix_scheduled_tasks_never_ran")),
        (TaskSort.NAME, ("ix_scheduled_tasks_name",)),
        (TaskSort.CREATED, ("ix_scheduled_tasks_created",)),
    ],
)
def test_each_order_walks_its_index(
    sqlite_database: Database, sort: TaskSort, index: tuple[str, ...], descending: bool
) -> None:
    with sqlite_database.write() as c:
        c.execute(insert(users).values(id=1, username="ada", role="admin", created_at=0))
        for number, following in enumerate((5, 6, None, None)):
            tasks.add(c, draft(f"t{number}"), ADA, following, 1)
        cursor = None
        for _ in range(4):
            with recorded(c) as plans:
                page = task_list.page(
                    c, TaskQuery(sort=sort, descending=descending, limit=1, cursor=cursor), None, None
                )
            plans.assert_indexed()
            assert any(plans.use(name) for name in index), plans
            cursor = page.next_cursor


def test_finding_and_filtering_use_indexes(sqlite_database: Database) -> None:
    with sqlite_database.read() as c, recorded(c) as plans:
        with pytest.raises(NotFound):
            tasks.find(c, "nothing")
        with pytest.raises(NotFound):
            tasks.get(c, TaskId(1))
        task_list.selectors(c)
        task_list.page(c, TaskQuery(tag="prod"), None, Touching([DeviceId(1)], [GroupId(1)], ["web"]))
        task_list.page(c, TaskQuery(last_status=ExecutionStatus.FAILED), None, None)
    plans.assert_indexed(sorting=True)
    for name in ("ix_scheduled_tasks_name", "ix_scheduled_tasks_selector", "ix_task_tags_tag", "ix_task_devices_device",
                 "ix_task_groups_group", "ix_executions_task", "ix_executions_status"):  # fmt: skip
        assert plans.use(name), (name, plans)


def test_a_page_of_many_tasks_costs_what_it_shows(sqlite_database: Database) -> None:
    """Counted in steps of SQLite's machine, which no load of this one changes."""
    with sqlite_database.write() as c:
        c.execute(insert(users).values(id=1, username="ada", role="admin", created_at=0))

    def steps_of_second_page(more_tasks: int, sort: TaskSort) -> int:
        with sqlite_database.write() as c:
            for number in range(more_tasks):
                tasks.add(c, draft(f"task {number}"), ADA, 1000 + number if number % 3 else None, number)
            first = task_list.page(c, TaskQuery(sort=sort, limit=10), None, None)
            counted = 0

            def count() -> int:
                nonlocal counted
                counted += 1
                return 0

            driver = c.connection.driver_connection
            assert driver is not None
            driver.set_progress_handler(count, 10)
            page = task_list.page(c, TaskQuery(sort=sort, limit=10, cursor=first.next_cursor), None, None)
            driver.set_progress_handler(None, 0)
            assert len(page.tasks) == 10
            return counted

    for sort in TaskSort:
        few, many = steps_of_second_page(50, sort), steps_of_second_page(400, sort)
        assert many < 2 * few, sort
