"""Start, loss and return of the engine, palette, help, F9, and leaving."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual import events
from textual.css.query import NoMatches
from textual.message import Message
from textual.worker import WorkerFailed

from deployx_tui.errors import EngineUnreachable
from deployx_tui.model.execution import ALIVE
from deployx_tui.model.ids import ExecutionId, TaskId
from deployx_tui.tui import bridge, crash
from deployx_tui.tui.app import DeployxApp
from deployx_tui.tui.keymap import EVERYWHERE, PLACES, TABLE
from deployx_tui.tui.render.line import plain, width_of
from deployx_tui.tui.screens.dialogs import Question
from deployx_tui.tui.screens.editor import Editor
from deployx_tui.tui.screens.place import Place
from deployx_tui.tui.screens.tasks import TasksPlace
from deployx_tui.tui.widgets.base import Prose
from deployx_tui.tui.widgets.frame import Notice
from tests.support import world
from tests.support.fake_backend import FakeBackend
from tests.support.screen import check_snapshot, press, screen_text, sees, settle, type_text, until
from tests.tui.conftest import Open


async def test_the_first_screen_stands_before_the_engine_does(backend: FakeBackend) -> None:
    may = asyncio.Event()

    async def connect() -> FakeBackend:
        await may.wait()
        return backend

    app = DeployxApp(connect, zone=world.ZONE, clock=lambda: world.NOW)
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        assert "○ starting engine" in screen_text(pilot)
        assert "NAME" in screen_text(pilot)
        assert "No task yet" not in screen_text(pilot)  # nothing is said that is not known
        may.set()
        await until(pilot, lambda: "engine up 3d04h" in screen_text(pilot))
        await until(pilot, lambda: "web-cert-renew" in screen_text(pilot))


@pytest.mark.parametrize(
    ("first", "waits", "premature"),
    [
        ("devices", "the devices come with the engine", ("0 of 0", "no device yet")),
        ("history", "the history comes with the engine", ("0 runs", "nothing ran yet")),
    ],
)
async def test_a_place_that_was_not_read_says_nothing_of_its_content(
    backend: FakeBackend, first: str, waits: str, premature: tuple[str, ...]
) -> None:
    may = asyncio.Event()

    async def connect() -> FakeBackend:
        await may.wait()
        return backend

    app = DeployxApp(connect, zone=world.ZONE, clock=lambda: world.NOW, first=first)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        place = app.place
        assert place is not None
        place.tick()
        await settle(pilot)
        assert waits in screen_text(pilot)
        for words in premature:
            assert words not in screen_text(pilot)
        may.set()
        await until(pilot, lambda: waits not in screen_text(pilot))


async def test_an_engine_that_can_t_be_reached_is_said_and_tried_again(
    backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge, "RETRY_FIRST", 0.01)
    tries = 0

    async def connect() -> FakeBackend:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise EngineUnreachable("the database is held by pid 4127")
        return backend

    app = DeployxApp(connect, zone=world.ZONE, clock=lambda: world.NOW)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: tries == 3)
        await until(pilot, lambda: "web-cert-renew" in screen_text(pilot))


async def test_a_lost_engine_is_said_loudly_and_its_return_reads_everything_again(
    open_app: Open, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge, "RETRY_FIRST", 0.05)
    async with open_app() as pilot:
        backend.lose()
        await until(pilot, lambda: "engine lost 15:00:48" in screen_text(pilot))
        assert pilot.app.screen.has_class("-stale")
        assert " x run " not in screen_text(pilot)  # a key that can't work is not shown
        await press(pilot, "down")  # and the cursor still moves
        assert "not read: the engine is not there" in screen_text(pilot)
        del backend.task_rows[TaskId(3)]
        backend.mend()
        await until(pilot, lambda: "engine up" in screen_text(pilot))
        await until(pilot, lambda: "51 of 51" in screen_text(pilot))
        assert not pilot.app.screen.has_class("-stale")


async def test_keys_move_the_cursor_while_the_engine_does_not_answer(open_app: Open, backend: FakeBackend) -> None:
    async with open_app() as pilot:
        backend.hold()
        await pilot.press("down", "down", "j", "k", "down")
        assert screen_text(pilot).splitlines()[6].startswith("▌")
        backend.release()


async def test_an_engine_that_hangs_is_lost_after_its_time(
    open_app: Open, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge, "HEARTBEAT", 0.05)
    monkeypatch.setattr(bridge, "PATIENCE", 0.05)
    async with open_app() as pilot:
        backend.hold()
        await until(pilot, lambda: "engine lost" in screen_text(pilot))
        backend.release()
        await until(pilot, lambda: "engine up" in screen_text(pilot))


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_the_keys_look_like_this(open_app: Open, size: tuple[int, int]) -> None:
    async with open_app(*size) as pilot:
        await press(pilot, "question_mark")
        check_snapshot(pilot, "keys")


async def test_every_key_has_its_own_place_and_sentence() -> None:
    for keys in (EVERYWHERE, TABLE, *PLACES.values()):
        ids = [key.id for key in keys]
        assert len(set(ids)) == len(ids)
        assert all(key.says and not key.says.endswith(".") for key in keys)
    every = {id(key): key for keys in (EVERYWHERE, TABLE, *PLACES.values()) for key in keys}.values()
    for key in every:
        for each in key.keys.split(","):
            assert each not in ("ctrl+a", "ctrl+b", "ctrl+enter"), key.id
            assert not each.startswith("alt+"), key.id


async def test_no_two_keys_of_a_place_are_the_same() -> None:
    for place, keys in PLACES.items():
        bound = [each for key in keys if key.action for each in key.keys.split(",")]
        assert len(set(bound)) == len(bound), place


async def test_every_action_of_the_keymap_exists(open_app: Open) -> None:
    async with open_app() as pilot:
        for key in EVERYWHERE:
            name = key.action.partition("(")[0].rpartition(".")[2]
            assert hasattr(pilot.app, f"action_{name}"), key.id


async def test_the_key_of_a_screen_leads_out_of_what_was_opened_from_it(open_app: Open) -> None:
    async with open_app(first="history") as pilot:
        await press(pilot, "down", "enter")
        assert len(pilot.app.screen_stack) == 2
        await press(pilot, "4")
        assert len(pilot.app.screen_stack) == 1
        assert "[4 History]" in screen_text(pilot)


async def test_the_palette_finds_actions_by_their_words(open_app: Open) -> None:
    async with open_app() as pilot:
        await press(pilot, "ctrl+p")
        await type_text(pilot, "failures")
        await settle(pilot)
        await press(pilot, "enter")
        assert "failures only" in screen_text(pilot)
        assert "2 of 52" in screen_text(pilot)


async def test_the_palette_runs_a_task_by_id(open_app: Open, backend: FakeBackend) -> None:
    async with open_app() as pilot:
        await press(pilot, "colon")
        await type_text(pilot, "task run 5\n")
        await settle(pilot)
        await sees(pilot, "Run report-mail now")
        await settle(pilot)
        await pilot.press("up", "enter")
        await until(pilot, lambda: "tasks.run" in backend.calls)


async def test_the_palette_goes_to_a_filtered_screen(open_app: Open) -> None:
    async with open_app() as pilot:
        await press(pilot, "colon")
        await type_text(pilot, "tasks /db !dump\n")
        await settle(pilot)
        assert "filter: db !dump" in screen_text(pilot)


async def test_the_palette_runs_a_command_without_a_task(open_app: Open, backend: FakeBackend) -> None:
    async with open_app() as pilot:
        await press(pilot, "colon")
        await type_text(pilot, "run @web -- uptime\n")
        await settle(pilot)
        await sees(pilot, "on 22 targets")
        await settle(pilot)
        await pilot.press(*"22", "enter")
        await until(pilot, lambda: "executions.run_ad_hoc" in backend.calls)


async def test_a_command_on_a_protected_group_wants_the_count_or_the_name_typed(
    open_app: Open, backend: FakeBackend
) -> None:
    async with open_app() as pilot:
        for selector, word in (("@db-redis", "2"), ("db01", "db01")):
            await press(pilot, "colon")
            await type_text(pilot, f"run {selector} -- uptime\n")
            await sees(pilot, f"type {word}, then")
            assert "protected: db" in screen_text(pilot)
            await press(pilot, "enter")
            assert "executions.run_ad_hoc" not in backend.calls
            await press(pilot, "escape")


async def test_a_command_that_is_not_complete_says_what_is_missing(open_app: Open) -> None:
    async with open_app() as pilot:
        await press(pilot, "colon")
        await type_text(pilot, "run @web")
        await settle(pilot)
        assert "a selector, two dashes, a command" in screen_text(pilot)


async def test_f9_stops_everything_after_its_word(open_app: Open, backend: FakeBackend) -> None:
    async with open_app() as pilot:
        await pilot.press("f9")
        await sees(pilot, "Stop everything")
        await press(pilot, "enter")
        assert "! nothing is done before stop is typed; esc leaves" in screen_text(pilot)
        await press(pilot, "escape")
        assert "engine.stop_all" not in backend.calls
        await pilot.press("f9")
        await sees(pilot, "Stop everything")
        await settle(pilot)
        await type_text(pilot, "stop\n")
        await until(pilot, lambda: "engine.stop_all" in backend.calls)
        await until(pilot, lambda: "nothing runs" in screen_text(pilot))


async def test_the_strip_is_told_of_runs_only_when_they_are_others(
    open_app: Open, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[type[Message]] = []
    tell = DeployxApp.tell_seen

    def tell_seen(self: DeployxApp, make: Callable[[], Message]) -> None:
        told.append(type(make()))
        tell(self, make)

    monkeypatch.setattr(DeployxApp, "tell_seen", tell_seen)
    monkeypatch.setattr(bridge, "STRIP_EVERY", 0.01)
    async with open_app() as pilot:
        assert bridge.StripChanged in told
        told.clear()
        for _ in range(3):
            backend.calls.clear()
            backend.emit("target.changed")
            await until(pilot, lambda: "executions.list" in backend.calls, "the reading for the strip")
        await settle(pilot)
        assert bridge.StripChanged not in told
        backend.finish_run(8841)
        await until(pilot, lambda: bridge.StripChanged in told, "the change")


async def test_a_question_is_deaf_for_a_moment(open_app: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Question, "DEAF", 60.0)
    async with open_app() as pilot:
        await pilot.press("f9")
        await sees(pilot, "Stop everything")
        await pilot.press("escape", "enter", "s", "up", "enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, Question)
        assert not pilot.app.screen.is_ready


async def test_leaving_with_work_running_asks_and_esc_stays(open_app: Open, backend: FakeBackend) -> None:
    async with open_app() as pilot:
        await press(pilot, "Q")
        await sees(pilot, "Quit deployx")
        text = screen_text(pilot)
        assert "2 runs are not over" in text
        assert "tasks are due in the next 24 h, the first at 15:15" in text
        await press(pilot, "escape")
        assert pilot.app.is_running
        assert pilot.app.return_value is None


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
@pytest.mark.parametrize("running", [True, False])
async def test_no_sentence_of_the_question_at_leaving_is_cut(
    open_app: Open, backend: FakeBackend, size: tuple[int, int], running: bool
) -> None:
    if not running:
        for number in (8841, 8842):
            backend.finish_run(number)
    async with open_app(*size) as pilot:
        await press(pilot, "Q")
        await sees(pilot, "Quit deployx")
        await settle(pilot)
        blocks = list(pilot.app.screen.query(Prose))
        assert all(width_of(each) <= block.size.width for block in blocks for each in block.lines)
        assert all(len(block.lines) == block.size.height for block in blocks)  # each line has a row
        rows = [plain(each) for block in blocks for each in block.lines]
        said = " ".join(" ".join(rows).split())
        assert "tasks are due in the next 24 h, the first at 15:15: nothing runs while no engine does" in said
        assert "the engine goes on in the background until it is ended" in said


async def test_leaving_it_running_tells_the_engine_to_stay_and_the_person_how_it_ends(
    open_app: Open, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    leave_now = DeployxApp.leave_now

    def listened(app: DeployxApp, words: str = "") -> None:
        said.append(words)
        leave_now(app, words)

    monkeypatch.setattr(DeployxApp, "leave_now", listened)
    async with open_app() as pilot:
        await pilot.press("Q")
        await sees(pilot, "Quit deployx")
        await settle(pilot)
        await pilot.press("up", "enter")
        await until(pilot, lambda: pilot.app.return_value == 0)
    assert backend.stays
    assert len(said) == 1
    assert "in the background" in said[0]
    assert "kill 4127" in said[0]


async def test_an_engine_in_this_process_can_not_be_left_running(open_app: Open, backend: FakeBackend) -> None:
    backend.pid, backend.host = os.getpid(), socket.gethostname()
    async with open_app() as pilot:
        await pilot.press("Q")
        await sees(pilot, "Quit deployx")
        assert "leave it running" not in screen_text(pilot)


async def test_waiting_leaves_when_the_last_run_is_over(open_app: Open, backend: FakeBackend) -> None:
    async with open_app() as pilot:
        await pilot.press("Q")
        await sees(pilot, "Quit deployx")
        await settle(pilot)
        await pilot.press("down", "enter")
        await sees(pilot, "waiting for what runs")
        backend.finish_run(8841)
        await settle(pilot)
        assert pilot.app.return_value is None
        backend.finish_run(8842)
        await until(pilot, lambda: pilot.app.return_value == 0)


async def test_cancelling_leaves_when_all_is_seen_dead(open_app: Open, backend: FakeBackend) -> None:
    async with open_app() as pilot:
        await pilot.press("Q")
        await sees(pilot, "Quit deployx")
        await settle(pilot)
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: pilot.app.return_value == 0)
    assert not [run for run in backend.execution_rows.values() if run.status in ALIVE]


async def test_leaving_an_idle_private_engine_says_what_will_not_run(open_app: Open, backend: FakeBackend) -> None:
    for number in (8841, 8842):
        backend.finish_run(number)
    async with open_app() as pilot:
        await pilot.press("Q")
        await sees(pilot, "30 tasks are due in the next 24 h, the first at 15:15")
        await settle(pilot)
        await pilot.press("Q")
        await until(pilot, lambda: pilot.app.return_value == 0)


async def test_leaving_a_service_asks_nothing(open_app: Open, backend: FakeBackend) -> None:
    backend.is_service = True
    async with open_app() as pilot:
        await pilot.press("Q")
        await until(pilot, lambda: pilot.app.return_value == 0)


async def test_the_backend_is_closed_at_the_end(open_app: Open, backend: FakeBackend) -> None:
    async with open_app():
        pass
    assert backend.closed


async def test_what_is_copied_is_kept_in_a_file_of_the_owner_alone(open_app: Open, tmp_path: Path) -> None:
    async with open_app() as pilot:
        await press(pilot, "down", "y")
    kept = tmp_path / "deployx_runtime" / "copied.txt"
    assert kept.read_text() == "web-cert-renew"
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_crash_report_holds_no_value_and_belongs_to_its_owner(tmp_path: Path) -> None:
    password = "hunter2-" + "x" * 30
    try:
        try:
            raise ValueError(f"password={password!r} and {password} \x1b[2J")
        except ValueError as error:
            raise RuntimeError(f"could not use '{password}'") from error
    except RuntimeError as error:
        path = crash.write(error, tmp_path)
    text = path.read_text()
    assert password not in text
    assert "\x1b" not in text
    assert "RuntimeError: could not use (quoted)" in text
    assert "ValueError" in text
    assert "test_app.py" in text
    assert path.stat().st_mode & 0o777 == 0o600


async def test_an_error_of_our_own_ends_with_one_line_and_a_report(
    backend: FakeBackend, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def connect() -> FakeBackend:
        raise KeyError("secret-of-the-house")

    app = DeployxApp(connect, zone=world.ZONE, clock=lambda: world.NOW)
    with pytest.raises(Exception, match="secret-of-the-house"):
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: not pilot.app.is_running)
    reports = list((tmp_path / "deployx_data").glob("crash-*.txt"))
    assert len(reports) == 1
    assert "secret-of-the-house" not in reports[0].read_text()


async def test_a_worker_that_comes_back_to_a_left_place_is_no_error(open_app: Open) -> None:
    async with open_app() as pilot:
        app = pilot.app
        assert isinstance(app, DeployxApp)
        await press(pilot, "down", "e")
        left = app.screen
        assert isinstance(left, Editor)
        await press(pilot, "escape")
        with pytest.raises(NoMatches) as found:
            left._draw_preview()
        app._handle_exception(WorkerFailed(found.value))
        await settle(pilot)
        assert app.return_code is None
        # in a place that is there it would be an error of ours, and is not kept quiet
        here = app.screen
        assert isinstance(here, TasksPlace)
        with pytest.raises(NoMatches) as real:
            here.query_one("#nothing-is-called-so")
        try:
            raise real.value
        except NoMatches as error:
            assert not app._is_of_a_left_place(error)


async def test_the_end_of_the_program_finds_no_worker_that_draws(open_app: Open) -> None:
    async def draw_on(place: TasksPlace) -> None:
        while True:
            place.say_title(["Tasks"])
            await asyncio.sleep(0)

    async with open_app() as pilot:
        here = pilot.app.screen
        assert isinstance(here, TasksPlace)
        here.run_worker(draw_on(here))
        await pilot.pause()
    # an error of a worker would have come out of the block


async def test_what_is_typed_behind_a_tab_goes_to_the_next_field(open_app: Open) -> None:
    async with open_app() as pilot:
        await press(pilot, "n")
        for key in ("a", "tab", "tab", "tab", "b"):
            pilot.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await settle(pilot)
        assert "name *        [a  " in screen_text(pilot)
        assert "command *     [b  " in screen_text(pilot)


async def test_another_engine_under_the_same_client_is_read_anew(
    open_app: Open, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remote client may come back to a new engine process without a word: its id tells."""
    monkeypatch.setattr(bridge, "HEARTBEAT", 0.05)
    async with open_app() as pilot:
        del backend.task_rows[TaskId(3)]
        backend.engine_id = "f" * 32
        await until(pilot, lambda: "51 of 51" in screen_text(pilot))


async def test_the_palette_shows_the_command_that_enter_would_run(open_app: Open) -> None:
    async with open_app() as pilot:
        await press(pilot, "colon")
        await type_text(pilot, "task run 5")
        await settle(pilot)
        assert re.search(r"▌ +task run 5 +this command +enter", screen_text(pilot))


async def test_help_that_is_longer_than_the_screen_says_so_and_scrolls(open_app: Open) -> None:
    async with open_app(80, 24) as pilot:
        await press(pilot, "question_mark")
        assert "more below, arrows scroll" in screen_text(pilot)
        await press(pilot, *["pagedown"] * 9)
        assert "more below" not in screen_text(pilot)
        assert "arrows scroll" in screen_text(pilot)


async def test_f9_with_nothing_to_stop_says_so(open_app: Open, backend: FakeBackend) -> None:
    for number in (8841, 8842):
        backend.finish_run(number)
    async with open_app() as pilot:
        assert "F9" not in screen_text(pilot)
        await press(pilot, "f9")
        assert not isinstance(pilot.app.screen, Question)
        place = pilot.app.screen
        assert isinstance(place, Place)
        assert plain(place.query_one(Notice).line).strip() == "nothing runs"


async def test_a_long_command_gives_way_to_its_count_in_the_strip(open_app: Open, backend: FakeBackend) -> None:
    run = backend.execution_rows[ExecutionId(8841)]
    backend.execution_rows[run.id] = replace(run, task_name="ad hoc: for i in 1 2 3 4 5 6; do date; sleep 5; done")
    async with open_app() as pilot:
        assert "#8841 ad hoc: for i in 1 2 3 … 18/24 " in screen_text(pilot).splitlines()[-1]
