"""Keys of the tasks, of one task, and of its editor."""

from __future__ import annotations

from deployx_tui.tui.keymap.key import Key

TASKS: tuple[Key, ...] = (
    Key("tasks.open", "enter,z", "open_row", "detail", "The whole detail of the task", footer=1),
    Key("tasks.run", "x", "run", "run", "Run now; the schedule stays as it is", footer=2),
    Key("tasks.pause", "p", "pause", "pause", "Pause; what is paused resumes", footer=3),
    Key("tasks.edit", "e", "edit", "edit", "Edit the task under the cursor", footer=4),
    Key("tasks.new", "n", "new", "new", "A new task", footer=5),
    Key("tasks.mark", "space", "", "mark", "Mark the row", footer=6),
    Key(
        "tasks.filter",
        "slash",
        "filter",
        "filter",
        "Filter as you type: words, !word, status: owner: on: tag:",
        footer=7,
    ),
    Key("tasks.check", "C", "check", "check", "Compare targets with what it put there; changes nothing", footer=7),
    Key("tasks.history", "H", "history", "history", "The runs of this task", footer=7),
    Key("tasks.duplicate", "D", "duplicate", "duplicate", "A new task like this", footer=8),
    Key("tasks.delete", "ctrl+d", "delete", "delete", "Delete; u takes it back", footer=9),
    Key(
        "tasks.failures",
        "exclamation_mark",
        "failures",
        "failures only",
        "Only tasks whose last run went wrong; again for all",
        footer=10,
    ),
    Key("tasks.pane", "tab,shift+tab", "pane", "pane", "To the detail pane and back"),
    Key("tasks.zone", "Z", "zone", "zone", "Times in your zone or in the task's own"),
)

TASK_PAGE: tuple[Key, ...] = (
    Key("page.last", "enter", "last_run", "last run", "Targets and output of the last run", footer=1),
    Key("page.history", "H", "history", "history", "All its runs", footer=4),
    Key("page.run", "x", "run", "run", "Run now; the schedule stays as it is", footer=1),
    Key("page.pause", "p", "pause", "pause", "Pause; what is paused resumes", footer=2),
    Key("page.check", "C", "check", "check", "Compare targets with what it put there; changes nothing", footer=2),
    Key("page.edit", "e", "edit", "edit", "Edit", footer=3),
    Key("page.delete", "ctrl+d", "delete", "delete", "Delete; u takes it back", footer=4),
    Key("page.zone", "Z", "zone", "zone", "Times in your zone or in its own", footer=5),
)

# tab is bound before the fields see it: what is typed right behind it goes to the next field, not to the old one
EDITOR: tuple[Key, ...] = (
    Key("editor.next", "tab", "field(1)", "next", "The next field", footer=1, always=True),
    Key("editor.back", "shift+tab", "field(-1)", "back", "The field before", footer=4, always=True),
    Key("editor.down", "down", "field(1)", "down", "The next field"),
    Key("editor.up", "up", "field(-1)", "up", "The field before"),
    Key("editor.error", "f8", "next_error", "next error", "The next field to mend", footer=2, always=True),
    Key("editor.save", "ctrl+s", "save", "save", "Save", footer=3, always=True),
    Key(
        "editor.preview",
        "f5",
        "preview",
        "preview",
        "Next runs, targets and the exact command, on a narrow screen",
        footer=5,
        always=True,
    ),
    Key("editor.discard", "ctrl+x", "discard", "discard", "Leave without keeping a draft", footer=6, always=True),
)
