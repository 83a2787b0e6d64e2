"""Keys of the calendar."""

from __future__ import annotations

from deployx_tui.tui.keymap.key import Key

CALENDAR: tuple[Key, ...] = (
    Key("calendar.day", "up,down,left,right", "", "day", "Another day; h j k l too", shown="arrows", footer=1),
    Key("calendar.before", "left_square_bracket", "turn(-1)", "turn", "The month, week or day before"),
    Key(
        "calendar.after",
        "right_square_bracket",
        "turn(1)",
        "turn",
        "The next month, week or day",
        in_footer="[ ]",
        footer=2,
    ),
    Key("calendar.month", "m", "view('month')", "month", "The whole month"),
    Key("calendar.week", "w", "view('week')", "week", "The week, with counts per 3 hours"),
    Key("calendar.daily", "d", "view('day')", "day", "The day alone, over the whole screen"),
    Key(
        "calendar.agenda",
        "a",
        "view('agenda')",
        "view",
        "The seven days from here on, one after the other",
        in_footer="m w d a",
        footer=4,
    ),
    Key("calendar.today", "t", "today", "today", "To today", footer=3),
    Key("calendar.new", "n", "new", "new here", "A new task at this day and time", footer=6),
    Key("calendar.open", "enter", "enter", "open", "To the day's list; there: the run or the task", footer=4),
    Key("calendar.pane", "tab", "pane", "pane", "From the month to the day and back", footer=5),
)
