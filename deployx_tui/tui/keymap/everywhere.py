"""Keys that work everywhere, and those of every table."""

from __future__ import annotations

from deployx_tui.tui.keymap.key import Key

EVERYWHERE: tuple[Key, ...] = (
    Key("app.help", "question_mark", "app.help", "keys", "The keys of this place", footer=90),
    Key(
        "app.help_typing",
        "f1",
        "app.help",
        "keys",
        "The keys, while you type too",
        footer=90,
        always=True,
        typing_only=True,
    ),
    Key(
        "app.palette",
        "colon",
        "app.palette",
        "go",
        "The palette: every action by name, task run 12, tasks /web",
        footer=91,
    ),
    Key(
        "app.palette_typing",
        "ctrl+p",
        "app.palette",
        "go",
        "The palette, while you type too",
        footer=91,
        always=True,
        typing_only=True,
    ),
    Key("app.last", "minus", "app.last_screen", "last", "To the last screen and back"),
    Key("app.undo", "u", "app.undo", "undo", "Take back the last delete", footer=5),
    Key("app.copy", "y", "app.copy", "copy", "Copy what is under the cursor", footer=61),
    Key(
        "app.stop_all",
        "f9",
        "app.stop_all",
        "stop all",
        "Cancel everything that runs, waits or is queued; wants the word stop typed",
        always=True,
    ),
    Key("app.out", "q,escape", "app.out", "back", "Out of this, to where you came from"),
    Key(
        "app.mouse",
        "f6",
        "app.mouse",
        "mouse",
        "Release the mouse, so that the terminal itself selects text; again takes it back",
        always=True,
    ),
    Key("app.suspend", "ctrl+z", "app.suspend_process", "suspend", "To the shell; fg returns"),
    Key("app.quit", "Q", "app.leave", "quit", "Quit; asks what becomes of running work, unless the engine stays"),
)

#: what the table itself binds; said here for the help
TABLE: tuple[Key, ...] = (
    Key("table.move", "up,down", "", "", "Move; j and k too", shown="arrows"),
    Key("table.page", "pageup,pagedown", "", "", "A page up or down", shown="pgup pgdn"),
    Key("table.edge", "home,end", "", "", "First and last row; g and G too", shown="home end"),
    Key("table.mark", "space", "", "mark", "Mark the row; acts are about the marks when there are any"),
    Key("table.mark_range", "V", "", "", "Mark from the last mark to here"),
    Key("table.clear_marks", "ctrl+backslash", "", "", "Clear all marks"),
    Key("table.sort", "<", "", "", "Sort by the column before or after", shown="< >"),
    Key("table.reverse", "S", "", "", "Reverse the order"),
    Key("table.wide", "ctrl+w", "", "", "All columns at full width; left and right then move"),
)
