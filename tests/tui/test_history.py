"""The history and a single run, by keys alone."""

from __future__ import annotations

import asyncio
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from deployx_tui.model.execution import Cause, CauseCount, Execution, ExecutionStatus, TargetResult, TargetState
from deployx_tui.model.ids import DeviceId, ExecutionId, TargetId
from deployx_tui.tui.render.line import Line
from deployx_tui.tui.screens import execution as watched
from deployx_tui.tui.screens.execution import ExecutionPlace
from deployx_tui.tui.screens.history import HistoryPlace
from deployx_tui.tui.widgets.frame import Footer
from tests.support.fake_backend import FakeBackend
from tests.support.history_world import execution, watched_targets, with_history
from tests.support.hostile import HOSTILE
from tests.support.screen import check_snapshot, press, screen_text, sees, settle, until
from tests.support.world import counts, local
from tests.tui.conftest import Open

SIZES = pytest.mark.parametrize("size", [(120, 36), (80, 24)])


@pytest.fixture
def backend() -> FakeBackend:
    return watched_targets(with_history(FakeBackend()))


@SIZES
async def test_the_history_looks_like_this(open_app: Open, size: tuple[int, int]) -> None:
    async with open_app(*size, first="history") as pilot:
        await press(pilot, *["down"] * 5)
        check_snapshot(pilot, "history")


@SIZES
async def test_a_run_looks_like_this(open_app: Open, size: tuple[int, int]) -> None:
    async with open_app(*size, first="history") as pilot:
        await press(pilot, "down", "enter")
        await press(pilot, *["down"] * 4)
        check_snapshot(pilot, "execution")


async def test_a_fold_opens_and_v_shows_all_good_runs(open_app: Open) -> None:
    async with open_app(first="history") as pilot:
        await press(pilot, "down", "down")
        assert "51 GOOD RUNS" in screen_text(pilot)
        await press(pilot, "enter")
        assert "✓ #8840  web-cert-renew" in screen_text(pilot)
        await press(pilot, "v")
        assert "every run shown" in screen_text(pilot)
        await press(pilot, "v")
        assert "…     51  ✓ runs of 51 tasks" in screen_text(pilot)


async def test_failures_only_asks_the_backend_for_them(open_app: Open) -> None:
    async with open_app(first="history") as pilot:
        await press(pilot, "exclamation_mark")
        text = screen_text(pilot)
        assert "─ 5 runs" in text
        assert "! failures only" in text
        assert "web-disk-check               schedule" not in text
        assert "#8258" in text  # a skipped run is no success
        assert "─ Tue 3 Mar ─\n" in text  # whole days are not counted in a filtered list


async def test_a_filter_by_words_status_and_device(open_app: Open) -> None:
    async with open_app(first="history") as pilot:
        await press(pilot, "slash", *"log-rotate status:failed")
        assert "2 runs" in screen_text(pilot)
        await press(pilot, *" !exit")
        assert "no run fits" in screen_text(pilot)
        await press(pilot, "ctrl+u", *"on:nobody")
        assert "nobody" in screen_text(pilot)
        await press(pilot, "ctrl+u", *"zzz")
        assert "no run fits" in screen_text(pilot)
        await press(pilot, "escape")
        assert "308 runs" in screen_text(pilot)


async def test_older_runs_are_loaded_by_key_as_one_moves(open_app: Open, backend: FakeBackend) -> None:
    for number in range(1, 2001):
        at = local(2026, 2, 20, 12, 0)
        backend.execution_rows[ExecutionId(number)] = execution(
            number, "old", at, ExecutionStatus.FAILED, counts(1, failed=1), error_message=f"reason {number}"
        )
    async with open_app(first="history") as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, HistoryPlace)
        loaded = len(screen.table.rows)
        assert loaded < 2000
        while screen.table.rows[-1].key != ExecutionId(1):
            await pilot.press("end")
            await settle(pilot)
        assert len(screen.table.rows) > loaded
        await press(pilot, "end")
        assert "reason 1" in screen_text(pilot)


async def test_the_strip_says_what_changed_since_the_last_good_run(open_app: Open, backend: FakeBackend) -> None:
    good = backend.execution_rows[ExecutionId(8117)]
    for number, run in list(backend.execution_rows.items()):
        if run.task_id == good.task_id and run.status is ExecutionStatus.SUCCEEDED and number != 8117:
            del backend.execution_rows[number]
    async with open_app(first="history") as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, HistoryPlace)
        screen.table.move_to_key(ExecutionId(8671))
        await settle(pilot)
        text = screen_text(pilot)
        assert "#8117  Sun  1 Mar 02:00  ✓ 22/22" in text
        assert "2 runs since then not good" in text
        assert "plan    another one" in text


async def test_a_run_that_ends_changes_its_row_without_a_key(open_app: Open, backend: FakeBackend) -> None:
    async with open_app(first="history") as pilot:
        backend.finish_run(8841)
        # it was good and by schedule: now it is one more of the fold
        await until(pilot, lambda: "…     52  ✓ runs of 51 tasks" in screen_text(pilot), "the end")
        assert "▸ #8841  web" not in screen_text(pilot)


async def test_rerun_names_what_it_touches_and_opens_the_new_run(open_app: Open, backend: FakeBackend) -> None:
    async with open_app(first="history") as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, HistoryPlace)
        screen.table.move_to_key(ExecutionId(8671))
        await press(pilot, "r")
        text = screen_text(pilot)
        assert "Rerun #8671 web-log-rotate on 22 targets?" in text
        assert "type 22" in text
        await press(pilot, "enter")
        assert "executions.rerun" not in backend.calls
        await press(pilot, "2", "2", "enter")
        assert "executions.rerun" in backend.calls
        assert isinstance(pilot.app.screen, ExecutionPlace)
        assert "#8843" in screen_text(pilot)


async def test_cancel_says_what_becomes_of_each_target(open_app: Open, backend: FakeBackend) -> None:
    async with open_app(first="history") as pilot:
        await press(pilot, "down", "enter", "K")
        text = screen_text(pilot)
        assert "4 running" in text
        assert "web17 web18 web20 web-win05" in text
        await press(pilot, "enter")
        assert "executions.cancel" not in backend.calls
        await press(pilot, "K", "up", "enter")
        assert "executions.cancel" in backend.calls
        await sees(pilot, "is over: cancelled")
        assert "is being cancelled" not in screen_text(pilot)


async def test_export_writes_all_output_for_its_owner_alone_and_overwrites_nothing(
    open_app: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with open_app(first="history") as pilot:
        await press(pilot, "down", "enter", "E", "enter")
        path = tmp_path / "deployx-8841-web-cert-renew.txt"
        await until(pilot, path.exists, "the file")
        await settle(pilot)
        written = path.read_text()
        assert path.stat().st_mode & 0o777 == 0o600
        assert "=== web19: unreachable, connection timed out, 3 times\n" in written
        assert "Congratulations" in written
        assert written.count("\n=== ") == 24
        await press(pilot, "E", "enter")
        assert "exists and is left as it is" in screen_text(pilot)
        assert path.read_text() == written
        await press(pilot, "E", *["backspace"] * 3, *"zip", "enter")
        archive = path.with_suffix(".zip")
        await until(pilot, lambda: zipfile.is_zipfile(archive), "the archive")
        assert "execution.json" in zipfile.ZipFile(archive).namelist()


async def test_keys_of_a_run_follow_wrap_groups_and_good_ones(open_app: Open, backend: FakeBackend) -> None:
    async with open_app(first="history") as pilot:
        await press(pilot, "down", "enter", "down", "down", "down", "down")
        screen = pilot.app.screen
        assert isinstance(screen, ExecutionPlace)
        assert "line 8 of 8" in screen_text(pilot)
        await press(pilot, "T")
        assert "15:00:00.0" not in screen_text(pilot)
        await press(pilot, "f")
        assert "follow off" in screen_text(pilot)
        await press(pilot, "v")
        assert "✓ web01" in screen_text(pilot)
        await press(pilot, "v", "o")
        assert "16×  web01-web16" in screen_text(pilot)
        assert "TARGET" in screen_text(pilot)
        await press(pilot, "o", "z")
        assert screen.has_class("-zoom") and screen.tail.has_focus
        await press(pilot, "z")
        assert not screen.has_class("-zoom") and screen.table.has_focus
        await press(pilot, "enter")
        assert screen.has_class("-zoom")
        await press(pilot, "slash", *"congratulations", "enter")
        assert screen.tail.status.line is not None
        await press(pilot, "escape", "escape", "escape")
        assert isinstance(pilot.app.screen, HistoryPlace)


async def test_tab_turns_the_pages_of_a_narrow_screen(open_app: Open) -> None:
    async with open_app(80, 24, first="history") as pilot:
        await press(pilot, "down", "enter", "tab")
        assert "[equal output 2]" in screen_text(pilot)
        assert "16×  web01-web16" in screen_text(pilot)
        await press(pilot, "tab")
        assert "FAILURES BY CAUSE" in screen_text(pilot)
        await press(pilot, "tab")
        assert "[targets]" in screen_text(pilot)


async def test_targets_change_while_one_looks(open_app: Open, backend: FakeBackend) -> None:
    async with open_app(first="history") as pilot:
        await press(pilot, "down", "enter")
        run = ExecutionId(8841)
        backend.target_rows[run] = tuple(
            replace(target, state=TargetState.LOST) if target.device == "web20" else target
            for target in backend.target_rows[run]
        )
        backend.emit("target.changed", execution=run)
        await until(pilot, lambda: "web20                  lost" in screen_text(pilot), "the lost target")


async def test_what_targets_say_makes_nothing_be_read_but_the_output(open_app: Open, backend: FakeBackend) -> None:
    async with open_app(first="history") as pilot:
        await press(pilot, "down", "enter")
        run = ExecutionId(8841)
        backend.calls.clear()
        for _ in range(200):
            backend.emit("output.grew", execution=run)
        # the next change of another kind is heard, so all that came before it was
        backend.emit("target.changed", execution=run)
        await until(pilot, lambda: "executions.targets" in backend.calls, "the reading")
        await settle(pilot)
        assert backend.calls.count("executions.targets") == 1


@pytest.mark.parametrize(("targets", "is_read"), [(100, True), (101, False)])
async def test_a_run_of_many_targets_is_read_less_often(
    open_app: Open, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch, targets: int, is_read: bool
) -> None:
    monkeypatch.setattr(watched, "EVERY_OF_MANY", 3600)
    run = ExecutionId(8841)
    first = replace(backend.target_rows[run][0], state=TargetState.WAITING, started_at=None, finished_at=None)
    backend.target_rows[run] = tuple(
        replace(first, id=TargetId(number), device_id=DeviceId(1000 + number), device=f"web{number:03}")
        for number in range(targets)
    )
    async with open_app(first="history") as pilot:
        await press(pilot, "down", "enter")
        backend.calls.clear()
        backend.emit("target.changed", execution=run)
        # the strip below is read because of the same event
        await until(pilot, lambda: "executions.list" in backend.calls, "the event")
        await settle(pilot)
        assert ("executions.targets" in backend.calls) is is_read


async def test_moving_in_the_output_paints_no_footer(
    open_app: Open, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_app(first="history") as pilot:
        await press(pilot, "down", "enter")
        backend.finish_run(8841)  # a run that goes on is drawn anew each second
        await sees(pilot, "succeeded")
        await press(pilot, "z", "up")
        screen = pilot.app.screen
        assert isinstance(screen, ExecutionPlace) and screen.tail.has_focus
        drawn: list[int] = []
        draw = Footer.line_at

        def line_at(self: Footer, y: int, width: int) -> Line:
            drawn.append(y)
            return draw(self, y, width)

        monkeypatch.setattr(Footer, "line_at", line_at)
        await press(pilot, *["up", "down"] * 3)
        assert not drawn
        await press(pilot, "slash", *"congratulations", "enter")
        assert drawn, "n finds the next one now"


async def test_the_footer_has_only_keys_that_work(open_app: Open, backend: FakeBackend) -> None:
    async with open_app(first="history") as pilot:
        running = screen_text(pilot)
        assert "K cancel" in running
        assert "r rerun" not in running
        await press(pilot, *["down"] * 5)
        failed = screen_text(pilot)
        assert "r rerun" in failed
        assert "K cancel" not in failed


async def test_an_empty_history_says_what_to_do(open_app: Open, backend: FakeBackend) -> None:
    backend.execution_rows.clear()
    async with open_app(first="history") as pilot:
        assert "nothing ran yet" in screen_text(pilot)


async def test_hostile_names_errors_and_outputs_stay_text(open_app: Open, backend: FakeBackend) -> None:
    backend.execution_rows.clear()
    for number, text in enumerate(HOSTILE, start=1):
        run = ExecutionId(number)
        backend.execution_rows[run] = execution(
            number, text, local(2026, 3, 3, 12, 0), ExecutionStatus.FAILED, counts(40, failed=40),
            error_message=text, summary=text, started_by=text,
        )  # fmt: skip
        backend.outputs[ExecutionId(1), DeviceId(number)] = (text * 3).encode("utf-8", "surrogatepass")
        backend.target_rows[run] = tuple(
            TargetResult(
                id=TargetId(index),
                execution_id=run,
                device_id=DeviceId(index),
                device=device,
                state=TargetState.FAILED,
                cause=Cause.EXIT,
                error_message=text,
                started_at=local(2026, 3, 3, 12, 0),
            )
            for index, device in enumerate(HOSTILE, start=1)
        )
    async with open_app(80, 24, first="history") as pilot:
        for _ in range(4):
            harmless(screen_text(pilot))
            await press(pilot, "pagedown")
        await press(pilot, "end", "enter")
        assert isinstance(pilot.app.screen, ExecutionPlace)
        for _ in range(len(HOSTILE)):
            await pilot.press("down")
            await pilot.pause(0.02)
            harmless(screen_text(pilot))
        for key in ("o", "enter", "w", "escape", "r", "escape", "E", "escape"):
            await press(pilot, key)
            harmless(screen_text(pilot))


def harmless(text: str) -> None:
    assert not [character for character in text if character != "\n" and ord(character) < 32]
    assert not [c for c in text if 0x7F <= ord(c) < 0xA0 or 0x202A <= ord(c) <= 0x202E or 0x2066 <= ord(c) <= 0x2069]


@SIZES
async def test_a_run_that_is_opened_shows_at_once_what_its_row_says_and_nothing_else(
    open_app: Open, backend: FakeBackend, size: tuple[int, int]
) -> None:
    async with open_app(*size, first="history") as pilot:
        await press(pilot, "down")
        reading = asyncio.Event()
        real = backend.executions.get

        async def slow(execution: ExecutionId) -> Execution:
            await reading.wait()
            return await real(execution)

        backend.executions.get = slow  # type: ignore[method-assign]  # an engine that takes its time
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ExecutionPlace), "the run")
        await settle(pilot)
        text = screen_text(pilot)
        assert "#8841" in text.splitlines()[1]
        assert "running" in text.splitlines()[1]
        assert "18/24" in text.splitlines()[2]
        assert "0/0" not in text
        assert "no target" not in text
        reading.set()
        await sees(pilot, "web20")


@SIZES
async def test_targets_that_are_not_known_yet_are_told_whole(
    open_app: Open, backend: FakeBackend, size: tuple[int, int]
) -> None:
    run = replace(backend.execution_rows[ExecutionId(8841)], status=ExecutionStatus.QUEUED, targets=counts(0))
    backend.execution_rows[run.id] = run
    backend.target_rows[run.id] = ()
    async with open_app(*size, first="history") as pilot:
        await press(pilot, "down", "enter")
        text = screen_text(pilot)
        assert "no target is known yet: they are resolved when it" in text
        assert " starts" in text
        assert "0/0" not in text.splitlines()[2]


async def test_a_narrow_strip_counts_the_targets_while_they_run(open_app: Open) -> None:
    async with open_app(80, 24, first="history") as pilot:
        await press(pilot, "down")
        text = screen_text(pilot)
        assert re.search(r"targets  ✓ \d+ .*▸ \d+ .*of 24", text) or "failures" in text, text
        assert "none so far" not in text


async def test_what_is_not_read_yet_is_not_told_as_none(open_app: Open, backend: FakeBackend) -> None:
    reading = asyncio.Event()
    real = backend.executions.causes

    async def slow(execution: ExecutionId) -> tuple[CauseCount, ...]:
        await reading.wait()
        return await real(execution)

    async with open_app(first="history") as pilot:
        backend.executions.causes = slow  # type: ignore[method-assign]  # an engine that takes its time
        await pilot.press("down")
        await sees(pilot, "─ #8841 web-cert-renew")
        text = screen_text(pilot)
        assert "FAILURES BY CAUSE" in text
        assert "none so far" not in text
        assert "no target is over yet" not in text
        assert "no good run" not in text
        reading.set()


@SIZES
async def test_the_cursor_stays_on_its_run_when_the_filter_changes_else_goes_to_the_newest(
    open_app: Open, size: tuple[int, int]
) -> None:
    async with open_app(*size, first="history") as pilot:
        place = pilot.app.screen
        assert isinstance(place, HistoryPlace)
        await press(pilot, *["down"] * 5)
        here = place.run_here
        assert here is not None and here.status is ExecutionStatus.FAILED
        await press(pilot, "exclamation_mark")
        assert place.run_here is not None and place.run_here.id == here.id
        await press(pilot, "exclamation_mark")
        assert place.run_here is not None and place.run_here.id == here.id
        await press(pilot, "end", "slash", *here.task_name[:6])
        assert place.table.cursor == 1  # below the head of the newest day
