"""The table: pages, cursor, marks, columns that give way, all without a screen of ours."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from deployx_tui.tui import theme
from deployx_tui.tui.render.line import Line, line, plain
from deployx_tui.tui.render.safe import SafeText, cells, show
from deployx_tui.tui.widgets.columns import GUTTER, Column, arranged, wants_of
from deployx_tui.tui.widgets.line_table import LineTable

COLUMNS: tuple[Column[int], ...] = (
    Column(key="number", title="NUMBER", width=8, cell=lambda row: show(f"row {row}"), sortable=True),
    Column(key="square", title="SQUARE", width=10, cell=lambda row: show(str(row * row)), align=">", priority=1),
    Column(key="long", title="LONG", width=20, flex=1, cell=lambda row: show("x" * row), priority=2),
    Column(key="short", title="SHORT", width=5, cell=lambda row: show("s"), instead_of="long"),
)


class Bench(App[None]):
    """One table on a screen."""

    def __init__(self, table: LineTable[Any]) -> None:
        super().__init__()
        for each in theme.THEMES.values():
            self.register_theme(each)
        self.table = table
        self.asked = 0
        self.opened: list[int] = []

    def compose(self) -> ComposeResult:
        yield self.table

    def on_line_table_need_more(self, message: LineTable.NeedMore) -> None:
        self.asked += 1
        last = len(self.table.rows)
        self.table.extend(range(last, last + 100), more=last < 400)

    def on_line_table_opened(self, message: LineTable.Opened) -> None:
        assert message.table.row is not None
        self.opened.append(message.table.row)


def shown(app: Bench) -> list[str]:
    return [strip.text.rstrip() for strip in app.screen._compositor.render_strips()]


def key_of(row: int) -> int:
    return row


async def test_pages_are_asked_for_near_the_end_only() -> None:
    app = Bench(LineTable[int](COLUMNS, key=key_of))
    async with app.run_test(size=(60, 20)) as pilot:
        app.table.set_rows(range(200), more=True)
        await pilot.press("down", "pagedown")
        assert app.asked == 0
        for _ in range(4):
            await pilot.press("end")
            await pilot.pause()
        assert app.asked == 3
        assert len(app.table.rows) == 500


async def test_arrows_vim_keys_pages_and_ends_move_the_cursor() -> None:
    app = Bench(LineTable[int](COLUMNS, key=key_of))
    async with app.run_test(size=(60, 21)) as pilot:
        app.table.set_rows(range(100))
        await pilot.press("down", "j", "j", "up", "k")
        assert app.table.row == 1
        await pilot.press("pagedown")
        assert app.table.row == 20
        await pilot.press("pageup", "G")
        assert app.table.row == 99
        await pilot.press("g", "up")
        assert app.table.row == 0
        await pilot.press("end", "down", "enter")
        assert app.opened == [99]
        assert shown(app)[-1].startswith("▌")


async def test_the_cursor_stays_on_its_row_when_others_come_before_it() -> None:
    app = Bench(LineTable[int](COLUMNS, key=key_of))
    async with app.run_test(size=(60, 20)) as pilot:
        app.table.set_rows(range(10, 20))
        await pilot.press("down", "down")
        app.table.set_rows(range(5, 20))
        assert app.table.row == 12
        app.table.set_rows([1, 2, 3])
        assert app.table.row == 3


async def test_marks_stay_while_rows_come_and_go() -> None:
    app = Bench(LineTable[int](COLUMNS, key=key_of))
    async with app.run_test(size=(60, 20)) as pilot:
        app.table.set_rows(range(10))
        await pilot.press("space", "space")
        assert app.table.marked == (0, 1)
        assert shown(app)[1].startswith(" * row 0")
        app.table.set_rows(range(1, 10))
        assert app.table.chosen() == (0, 1)
        await pilot.press("down", "down", "down", "V")
        assert app.table.marked[-1] == app.table.row
        await pilot.press("ctrl+backslash")
        assert app.table.chosen() == (app.table.row,)


async def test_a_heading_is_drawn_across_and_skipped_by_the_cursor() -> None:
    def whole(row: int, width: int) -> Line | None:
        return line("─" * width) if row % 5 == 0 else None

    app = Bench(LineTable[int](COLUMNS, key=key_of, whole=whole, selectable=lambda row: row % 5 != 0))
    async with app.run_test(size=(60, 20)) as pilot:
        app.table.set_rows(range(12))
        assert app.table.row == 1
        await pilot.press("end", "up")
        assert app.table.row == 9
        await pilot.press("up", "up", "up", "up")
        assert app.table.row == 4
        assert shown(app)[1] == "─" * 60


async def test_one_row_is_drawn_as_few_segments() -> None:
    app = Bench(LineTable[int](COLUMNS, key=key_of))
    async with app.run_test(size=(60, 20)):
        app.table.set_rows(range(12))
        assert len(list(app.table.render_line(5))) == 1


async def test_hostile_rows_and_titles_come_out_harmless() -> None:
    hostile: Column[int] = Column(key="a", title="\x1b[2J", width=20, cell=lambda row: show("\x1b]0;x\x07\u202e"))
    app = Bench(LineTable[int]((hostile,), key=key_of, can_mark=False))
    async with app.run_test(size=(40, 6)):
        app.table.set_rows([1])
        text = "\n".join(shown(app))
        assert "\x1b" not in text
        assert "\u202e" not in text


@given(st.integers(10, 200))
def test_the_columns_always_fit_and_the_first_ones_stay(room: int) -> None:
    chosen = arranged(COLUMNS, room)
    assert chosen[0][0].key == "number"
    if room >= 8:
        assert sum(size + 1 for _, size in chosen) - 1 <= room
    keys = {column.key for column, _ in chosen}
    assert not {"long", "short"} <= keys


@pytest.mark.parametrize(("width", "keys"), [(80, "number square long"), (30, "number square short"), (12, "number")])
def test_columns_give_way_by_priority(width: int, keys: str) -> None:
    assert " ".join(column.key for column, _ in arranged(COLUMNS, width - GUTTER)) == keys


IDENTITIES: tuple[Column[str], ...] = (
    Column(key="name", title="NAME", width=4, cell=show, identity=True),
    Column(key="other", title="OTHER", width=10, cell=lambda row: show("o"), priority=1),
    Column(key="more", title="MORE", width=10, cell=lambda row: show("m"), priority=2),
)


@pytest.mark.parametrize(
    ("name", "room", "layout"),
    [
        ("web01", 30, {"name": 5, "other": 10, "more": 10}),
        ("web01.shop.example", 30, {"name": 18, "other": 10}),
        ("web01.shop.example.net", 30, {"name": 22}),
        ("n" * 60, 30, {"name": 30}),
        ("n" * 60, 80, {"name": 40, "other": 10, "more": 10}),
    ],
)
def test_columns_go_before_an_identity_is_cut(name: str, room: int, layout: dict[str, int]) -> None:
    wants = wants_of(IDENTITIES, ["x", name])
    assert {column.key: size for column, size in arranged(IDENTITIES, room, wants)} == layout


async def test_an_identity_that_comes_into_view_is_as_whole_as_the_first_ones() -> None:
    last = "a-device-with-a-long-name.shop.example"
    app = Bench(LineTable[str](IDENTITIES, key=lambda row: row))
    async with app.run_test(size=(60, 20)) as pilot:
        app.table.set_rows([*(f"web{number}" for number in range(1000)), last])
        await pilot.pause()
        assert "MORE" in shown(app)[0]
        await pilot.press("end")
        await pilot.pause()
        assert last in shown(app)[-1]
        assert "MORE" not in shown(app)[0]


async def test_wide_shows_everything_and_moves_sideways() -> None:
    app = Bench(LineTable[int](COLUMNS, key=key_of))
    async with app.run_test(size=(24, 10)) as pilot:
        app.table.set_rows([30])
        assert "LONG" not in shown(app)[0]
        await pilot.press("ctrl+w", "right", "right")
        assert "LONG" in shown(app)[0]
        assert all(cells(SafeText(text)) <= 24 for text in shown(app))


def test_a_line_s_text_is_its_spans() -> None:
    assert plain(line("a", "b")) == "ab"


def test_a_column_with_a_bound_leaves_the_rest_to_the_others() -> None:
    def column(key: str, flex: int, most: int | None = None) -> Column[int]:
        return Column(key=key, title=key, width=10, cell=lambda row: show("x"), flex=flex, most=most)

    columns = (column("a", 1), column("b", 8, 20), column("c", 1))
    assert {c.key: size for c, size in arranged(columns, 42)} == {"a": 11, "b": 18, "c": 11}
    assert {c.key: size for c, size in arranged(columns, 102)} == {"a": 40, "b": 20, "c": 40}
