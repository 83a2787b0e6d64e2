"""The event stream: numbered, resumable, told after the commit and in order; on both databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from deployx_tui.events.stream import EventStream
from deployx_tui.model.event import Event, EventId, Reset
from deployx_tui.model.ids import ExecutionId, TaskId
from deployx_tui.store import events
from deployx_tui.store.database import Database
from tests.support.rows import NOW_MS


@pytest.fixture
def stream(database: Database) -> Iterator[EventStream]:
    opened = EventStream(database)
    yield opened
    opened.close()


def _tell(c: Connection, type_: str, at_ms: int = NOW_MS) -> None:
    events.append(c, type_, at_ms=at_ms)


def _types(items: tuple[Event | Reset, ...]) -> list[str]:
    return [item.type if isinstance(item, Event) else "RESET" for item in items]


def test_what_was_told_is_read_in_order_from_any_position(database: Database, stream: EventStream) -> None:
    start = stream.position()
    with database.write() as c:
        events.append(
            c,
            "task.changed",
            at_ms=NOW_MS,
            task_id=TaskId(3),
            execution_id=ExecutionId(4),
            facts=[("name", "ä"), ("count", 2), ("none", None)],
        )
        _tell(c, "b")
    with database.write() as c:
        _tell(c, "c")
    found = stream.read(start)
    assert _types(found) == ["task.changed", "b", "c"]
    first = found[0]
    assert isinstance(first, Event)
    assert (first.task_id, first.execution_id) == (3, 4)
    assert first.facts == (("name", "ä"), ("count", 2), ("none", None))
    assert _types(stream.read(first.id, limit=1)) == ["b"]
    assert stream.read(stream.position()) == ()
    assert EventId.parse(str(first.id)) == first.id


def test_a_rolled_back_change_is_never_told(database: Database, stream: EventStream) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as c:
        _tell(c, "never")
        _ = 1 / 0
    with database.write() as c:
        _tell(c, "seen")
    found = stream.read(stream.position().__class__(stream.position().stream, 0))
    assert "never" not in _types(found)


def test_another_stream_or_a_position_after_the_end_gives_one_reset(database: Database, stream: EventStream) -> None:
    with database.write() as c:
        _tell(c, "a")
    here = stream.position()
    assert stream.read(EventId("other", here.number)) == (Reset(here),)
    assert stream.read(EventId(here.stream, here.number + 5)) == (Reset(here),)


def test_a_position_from_before_what_is_kept_gives_one_reset(database: Database, stream: EventStream) -> None:
    start = stream.position()
    with database.write() as c:
        for number in range(5):
            _tell(c, f"n{number}", NOW_MS + number)
    second = stream.read(start)[1].id
    with database.write() as c:
        assert events.forget_before(c, NOW_MS + 4, limit=100) == 4
    assert stream.read(second) == (Reset(stream.position()),)
    last_forgotten = EventId(start.stream, stream.position().number - 1)
    assert _types(stream.read(last_forgotten)) == ["n4"]


def test_the_newest_event_stays_as_the_position(database: Database, stream: EventStream) -> None:
    with database.write() as c:
        _tell(c, "a")
    before = stream.position()
    with database.write() as c:
        events.forget_before(c, NOW_MS + 1, limit=100)
    assert stream.position() == before
    assert stream.read(before) == ()


def test_a_wait_ends_with_a_commit_of_this_process(database: Database, stream: EventStream) -> None:
    here = stream.position().number
    ended = threading.Event()

    def wait() -> None:
        if stream.wait(here, timeout=60):
            ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    with database.write() as c:
        _tell(c, "a")
    assert ended.wait(30)
    thread.join()


def test_a_wait_sees_the_commit_of_another_process(database: Database, stream: EventStream) -> None:
    here = stream.position().number
    other = Database.open(database.url)  # its commits do not wake this process's listeners
    with other.write() as c:
        _tell(c, "a")
    assert stream.wait(here, timeout=60)
    other.close()


def test_a_wait_without_news_ends_at_its_time_and_a_close_ends_it_at_once(stream: EventStream) -> None:
    here = stream.position().number
    assert not stream.wait(here, timeout=0)
    result: list[bool] = []
    thread = threading.Thread(target=lambda: result.append(stream.wait(here, timeout=3600)))
    thread.start()
    stream.close()
    thread.join()
    assert result == [False]


def test_numbers_are_drawn_in_the_order_of_the_commits(postgres_url: str) -> None:
    """A follower that passed the number of an open transaction would never see what it tells."""
    database, other = Database.open(postgres_url), Database.open(postgres_url)
    stream = EventStream(database)
    start = stream.position()
    with other.write() as slow:
        _tell(slow, "told first, committed last")
        with database.write() as c:
            _tell(c, "committed first")
        found = stream.read(start)
        assert _types(found) == ["committed first"]
    assert isinstance(found[0], Event)
    assert _types(stream.read(found[0].id)) == ["told first, committed last"]
    stream.close()
    database.close()
    other.close()


def test_what_a_rolled_back_transaction_would_have_told_is_not_told_by_the_next(
    database: Database, stream: EventStream
) -> None:
    start = stream.position()
    for _ in range(10):  # connections are used again
        with pytest.raises(ZeroDivisionError), database.write() as c:
            _tell(c, "never")
            _ = 1 / 0
        with database.write() as c:
            _tell(c, "seen")
    assert set(_types(stream.read(start))) == {"seen"}


def test_many_writers_at_once_leave_no_event_behind_a_follower(database: Database, stream: EventStream) -> None:
    position = stream.position()
    done = threading.Event()

    def write(number: int) -> None:
        for count in range(25):
            with database.write() as c:
                _tell(c, f"{number}-{count}")

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()

    def wait_for_them() -> None:
        for writer in writers:
            writer.join()
        done.set()

    threading.Thread(target=wait_for_them).start()
    seen: list[str] = []
    while len(seen) < 100:
        was_done = done.is_set()
        found = stream.read(position)
        for item in found:
            assert isinstance(item, Event)
            seen.append(item.type)
            position = item.id
        assert found or not was_done, "events were passed by"
    assert len(set(seen)) == 100
