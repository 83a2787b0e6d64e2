"""The calendar: a month with heat, the day as a list, both by keys alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.pilot import Pilot

from deployx_tui.model.calendar import CalendarDay, Month
from deployx_tui.model.execution import ExecutionStatus
from deployx_tui.model.ids import TaskId
from deployx_tui.tui.render.calendar import (
    NARROW,
    WIDE,
    DayRow,
    EntryRow,
    Grid,
    day_notes,
    day_title,
    month_lines,
    outcome_line,
    scale_of,
)
from deployx_tui.tui.render.line import plain, width_of
from deployx_tui.tui.render.week import week_lines
from deployx_tui.tui.screens.calendar import CalendarPlace
from deployx_tui.tui.screens.editor import Editor
from deployx_tui.tui.screens.execution import ExecutionPlace
from deployx_tui.tui.screens.task_page import TaskPage
from tests.support.fake_backend import FakeBackend
from tests.support.history_world import with_history
from tests.support.hostile import HOSTILE
from tests.support.screen import check_snapshot, press, screen_text
from tests.tui.conftest import Open
from tests.tui.test_history import harmless

SIZES = pytest.mark.parametrize("size", [(120, 36), (80, 24)])
S = ExecutionStatus


@pytest.fixture
def backend() -> FakeBackend:
    return with_history(FakeBackend())


def calendar_of(pilot: Pilot[int]) -> CalendarPlace:
    screen = pilot.app.screen
    assert isinstance(screen, CalendarPlace)
    return screen


def place_of(pilot: Pilot[int]) -> type:
    return type(pilot.app.screen)


@SIZES
async def test_the_calendar_looks_like_this(open_app: Open, size: tuple[int, int]) -> None:
    async with open_app(*size, first="calendar") as pilot:
        check_snapshot(pilot, "calendar")


async def test_arrows_move_by_days_and_weeks_and_over_the_edge_of_a_month(open_app: Open, backend: FakeBackend) -> None:
    async with open_app(first="calendar") as pilot:
        await press(pilot, "right", "down", "j")
        assert calendar_of(pilot).grid.cursor == date(2026, 3, 18)
        assert "─ Wed 18 Mar " in screen_text(pilot)
        backend.calls.clear()
        await press(pilot, "down", "down")
        assert "Calendar ─ April 2026" in screen_text(pilot)
        assert backend.calls.count("calendar.month") == 1
        await press(pilot, "left")
        assert "March 2026" in screen_text(pilot)
        await press(pilot, "t")
        assert calendar_of(pilot).grid.cursor == date(2026, 3, 3)


async def test_brackets_turn_months_and_keep_the_day_where_there_is_one(open_app: Open) -> None:
    async with open_app(first="calendar") as pilot:
        screen = calendar_of(pilot)
        screen.grid.move_to(date(2026, 3, 31))
        await press(pilot, "right_square_bracket")
        assert screen.grid.cursor == date(2026, 4, 30)
        await press(pilot, "left_square_bracket", "left_square_bracket")
        assert screen.grid.cursor == date(2026, 2, 28)


async def test_a_clock_change_is_said_on_its_day(open_app: Open) -> None:
    async with open_app(first="calendar") as pilot:
        assert "clock +1h" in screen_text(pilot)
        calendar_of(pilot).grid.move_to(date(2026, 3, 29))
        await press(pilot, "tab")
        assert "an hour is skipped" in screen_text(pilot)


async def test_the_list_stands_at_now_and_enter_opens_runs_and_tasks(open_app: Open) -> None:
    async with open_app(first="calendar") as pilot:
        await press(pilot, "enter")
        row = calendar_of(pilot).table.row
        assert isinstance(row, EntryRow) and row.entry.execution_id is None
        await press(pilot, "enter")
        assert place_of(pilot) is TaskPage
        await press(pilot, "q", "up", "enter")
        assert place_of(pilot) is ExecutionPlace
        await press(pilot, "q", "q")
        assert calendar_of(pilot).grid.has_focus


async def test_on_a_narrow_screen_enter_makes_the_day_a_page_and_esc_leads_back(open_app: Open) -> None:
    async with open_app(80, 24, first="calendar") as pilot:
        screen = calendar_of(pilot)
        beside = screen.table.size.height
        await press(pilot, "enter")
        assert screen.table.has_focus and screen.table.size.height > 2 * beside
        assert "│ Mon" not in screen_text(pilot)
        await press(pilot, "enter")
        assert place_of(pilot) is TaskPage
        await press(pilot, "q", "escape")
        assert screen.grid.has_focus and "│ Mon" in screen_text(pilot)


async def test_enter_before_the_day_is_read_is_not_lost(open_app: Open, backend: FakeBackend) -> None:
    async with open_app(80, 24, first="calendar") as pilot:
        screen = calendar_of(pilot)
        # the first steps of a person are faster than the reading
        await pilot.press("right", "enter")
        await press(pilot)
        assert screen.table.has_focus and isinstance(screen.table.row, EntryRow)
        assert "─ Wed 4 Mar " in screen_text(pilot)


@SIZES
async def test_the_week_counts_each_three_hours_of_its_days(open_app: Open, size: tuple[int, int]) -> None:
    async with open_app(*size, first="calendar") as pilot:
        await press(pilot, "w")
        check_snapshot(pilot, "calendar_week")
        await press(pilot, "right_square_bracket")
        assert calendar_of(pilot).grid.cursor == date(2026, 3, 10)
        assert "[Tue 10]" in screen_text(pilot)
        await press(pilot, "m")
        assert "heat" in screen_text(pilot) or size[0] < 100
        assert "[10]" in screen_text(pilot)


async def test_a_click_in_the_week_chooses_its_day(open_app: Open) -> None:
    async with open_app(first="calendar") as pilot:
        await press(pilot, "w")
        await pilot.click("#month", offset=(5 + 11 * 3 + 2, 6))
        await press(pilot)
        assert calendar_of(pilot).grid.cursor == date(2026, 3, 5)


@SIZES
async def test_the_agenda_lists_seven_days_one_after_the_other(open_app: Open, size: tuple[int, int]) -> None:
    async with open_app(*size, first="calendar") as pilot:
        await press(pilot, "a")
        check_snapshot(pilot, "calendar_agenda")
        screen = calendar_of(pilot)
        days = [row.day for row in screen.table.rows if isinstance(row, DayRow)]
        assert days == [date(2026, 3, 3 + at) for at in range(7)]
        await press(pilot, "enter")
        assert place_of(pilot) is TaskPage
        await press(pilot, "q", "right_square_bracket")
        assert "Tue 10 Mar to Mon 16 Mar" in screen_text(pilot)


async def test_the_day_alone_turns_by_days_and_goes_back_to_the_week_it_came_from(open_app: Open) -> None:
    async with open_app(first="calendar") as pilot:
        await press(pilot, "w", "d", "right_square_bracket", "right_square_bracket")
        screen = calendar_of(pilot)
        assert screen.grid.cursor == date(2026, 3, 5)
        assert "─ Thu 5 Mar " in screen_text(pilot) and not screen.grid.display
        await press(pilot, "left_square_bracket", "q")
        assert "[Wed 4]" in screen_text(pilot) and screen.grid.has_focus


def test_where_a_day_has_no_room_for_all_counts_those_that_went_wrong_stay() -> None:
    day = CalendarDay(
        day=date(2026, 3, 2),
        done=((S.SUCCEEDED, 780), (S.FAILED, 13), (S.CANCELLED, 1), (S.PARTIALLY_SUCCEEDED, 39)),
        ran=(833, *[0] * 7),
        coming=(0,) * 8,
    )
    assert plain(outcome_line(day, 13)).split() == ["✓780", "!39", "✗13"]
    assert plain(outcome_line(day, 10)).split() == ["!39", "✗13"]


#: seven runs were, four are to come
TODAY = CalendarDay(
    day=date(2026, 3, 3),
    done=((S.SUCCEEDED, 5), (S.FAILED, 2)),
    ran=(0, 0, 0, 0, 6, 1, 0, 0),
    coming=(0, 0, 0, 0, 0, 1, 2, 1),
)


def test_the_bins_of_a_week_add_up_to_the_total_above_them() -> None:
    month = Month(year=2026, month=3, zone="UTC", days=(TODAY,) * 7)
    made = week_lines(month, date(2026, 3, 3), date(2026, 3, 3), WIDE)
    rows = [cells[1].split() for row in made if len(cells := plain(row).split("│")) > 1]
    assert rows[1][-1] == "11"
    assert [row[-1] for row in rows[2:10]] == ["-", "-", "-", "-", "6", "2", "2", "1"]
    (busiest,) = [plain(row) for row in day_notes(TODAY, date(2026, 3, 3)) if "fullest" in plain(row)]
    assert busiest.strip() == "fullest 12-15 h: 6 runs"
    assert scale_of(month).tops[-1] == 6


def test_the_total_of_today_is_the_sum_of_what_was_and_what_is_to_come() -> None:
    day = TODAY
    assert day_title(day) == ("Tue 3 Mar", "11 runs")
    month = Month(year=2026, month=3, zone="UTC", days=(day,) * 7)
    assert plain(month_lines(month, date(2026, 3, 9), date(2026, 3, 3), WIDE)[2]).startswith("│ 3      11 │")
    assert plain(day_notes(day, date(2026, 3, 3))[0]).split() == ["✓", "5", "✗", "2", "●", "4"]


async def test_n_opens_the_editor_at_the_time_under_the_cursor(open_app: Open) -> None:
    async with open_app(first="calendar") as pilot:
        await press(pilot, "n")
        assert place_of(pilot) is Editor
        assert "2026-03-03T16:00" in screen_text(pilot)
        await press(pilot, "escape")
        await press(pilot, "right", "n")
        assert "2026-03-04T09:00" in screen_text(pilot)


async def test_a_click_chooses_a_day(open_app: Open) -> None:
    async with open_app(first="calendar") as pilot:
        await pilot.click("#month", offset=(2 * 12 + 3, 4 * 2 + 2))
        await press(pilot, "tab")
        assert calendar_of(pilot).grid.cursor == date(2026, 3, 11)


@SIZES
async def test_hostile_task_names_stay_text(open_app: Open, backend: FakeBackend, size: tuple[int, int]) -> None:
    for number, text in enumerate(HOSTILE, start=1):
        task = backend.task_rows[TaskId(number)]
        backend.task_rows[TaskId(number)] = replace(task, draft=replace(task.draft, name=text))
    async with open_app(*size, first="calendar") as pilot:
        await press(pilot, "right", "tab")
        for _ in range(8):
            harmless(screen_text(pilot))
            await press(pilot, "pagedown")


def month_of(counts: list[tuple[int, ...]]) -> Month:
    days = tuple(
        CalendarDay(day=date(2026, 3, at + 1), done=(), ran=(0,) * 8, coming=bins) for at, bins in enumerate(counts)
    )
    return Month(year=2026, month=3, zone="UTC", days=days)


@given(st.lists(st.tuples(*[st.integers(0, 100_000)] * 8), min_size=7, max_size=7))
def test_the_legend_says_what_each_step_of_the_heat_holds(counts: list[tuple[int, ...]]) -> None:
    scale = scale_of(month_of(counts))
    held: dict[str, tuple[int, int]] = {"·": (0, 0)}
    for part in scale.legend().split("  ")[1:]:
        sign, _, numbers = part.partition(" ")
        first, _, last = numbers.partition("-")
        held[sign] = (int(first), int(last or first))
    for count in (count for bins in counts for count in bins):
        low, high = held[scale.mark(count)]
        assert low <= count <= high


@pytest.mark.parametrize("grid", [WIDE, NARROW])
def test_each_row_of_a_month_has_the_width_of_the_grid(grid: Grid) -> None:
    busy = CalendarDay(
        day=date(2026, 3, 1), done=((S.SUCCEEDED, 123_456), (S.FAILED, 1234), (S.LOST, 9)),
        ran=(124_699, *[0] * 7), coming=(12_500,) * 8, clock_change="clock -1h",
    )  # fmt: skip
    month = Month(year=2026, month=3, zone="UTC", days=(busy,) * 14)
    made = month_lines(month, date(2026, 3, 1), date(2026, 3, 2), grid)
    assert {width_of(each) for each in made} == {grid.width}
    assert len(made) == grid.height(2)


def test_a_day_that_is_over_counts_what_was_and_one_to_come_what_is_planned() -> None:
    none = (0,) * 8
    was = CalendarDay(day=date(2026, 3, 2), done=((S.SUCCEEDED, 5),), ran=(5, *none[1:]), coming=none)
    comes = CalendarDay(day=date(2026, 3, 3), done=(), ran=none, coming=(1,) * 8)
    month = Month(year=2026, month=3, zone="UTC", days=(was, *[comes] * 6))
    row = plain(month_lines(month, date(2026, 3, 9), date(2026, 3, 3), WIDE)[2])
    assert row.startswith("│ 2       5 │ 3       8 │")
