"""What a table binds by itself. `keymap.TABLE` says it to people."""

from __future__ import annotations

from textual.binding import Binding

TABLE_KEYS: tuple[Binding, ...] = (
    Binding("down,j", "cursor(1)", "down", show=False, id="table.down"),
    Binding("up,k", "cursor(-1)", "up", show=False, id="table.up"),
    Binding("pagedown", "page(1)", "page down", show=False, id="table.page_down"),
    Binding("pageup", "page(-1)", "page up", show=False, id="table.page_up"),
    Binding("home,g", "edge(-1)", "first", show=False, id="table.first"),
    Binding("end,G", "edge(1)", "last", show=False, id="table.last"),
    Binding("left,h", "shift(-8)", "left", show=False, id="table.left"),
    Binding("right,l", "shift(8)", "right", show=False, id="table.right"),
    Binding("enter", "open", "open", show=False, id="table.open"),
    Binding("space", "mark", "mark", show=False, id="table.mark"),
    Binding("V", "mark_range", "mark range", show=False, id="table.mark_range"),
    Binding("ctrl+backslash", "clear_marks", "clear marks", show=False, id="table.clear_marks"),
    Binding("less_than_sign", "sort(-1)", "sort by the column before", show=False, id="table.sort_before"),
    Binding("greater_than_sign", "sort(1)", "sort by the next column", show=False, id="table.sort_next"),
    Binding("S", "reverse", "reverse", show=False, id="table.reverse"),
    Binding("ctrl+w", "wide", "wide columns", show=False, id="table.wide"),
)
