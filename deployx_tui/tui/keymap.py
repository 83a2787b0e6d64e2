"""Every key: its id (people rebind by it), its default, its word in the footer, and what it does in a sentence.

Bindings, the footer, `?` and the palette are made from here; a screen only has the action. Never `ctrl+a` or
`ctrl+b` (tmux, screen), never `alt` or `ctrl+enter` (lost over SSH).
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    #: "tasks.run"; stable, for people's own keymaps
    id: str
    #: Textual's names, several with commas
    keys: str
    #: the action of the screen or the app
    action: str
    #: in the footer
    word: str
    #: in the help and in the palette: a sentence without a full stop
    says: str
    #: how it is written; "" for `keys` as they are
    shown: str = ""
    #: how the footer writes it, where it stands there for others too: "[ ]"; "" as elsewhere
    in_footer: str = ""
    #: place from the left; None: not in the footer; 90 and above: at the right end
    footer: int | None = None
    #: works while a text is being typed, too
    always: bool = False
    #: in the footer only while a text is being typed: stands for a letter that types then
    typing_only: bool = False

    @property
    def display(self) -> str:
        """How a person reads it: "ctrl+s", "?", "space"."""
        return self.shown or _name(self.keys.split(",", maxsplit=1)[0])

    @property
    def display_all(self) -> str:
        """All of them: "q esc"."""
        return self.shown or " ".join(_name(key) for key in self.keys.split(","))


#: keys with a long name that type a character
PRINTABLE = frozenset(
    {
        "question_mark",
        "colon",
        "slash",
        "minus",
        "exclamation_mark",
        "less_than_sign",
        "greater_than_sign",
        "left_square_bracket",
        "right_square_bracket",
        "space",
    }
)


def _name(key: str) -> str:
    return _NAMES.get(key, key)


_NAMES = {
    "question_mark": "?",
    "colon": ":",
    "slash": "/",
    "minus": "-",
    "exclamation_mark": "!",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "ctrl+backslash": "ctrl+\\",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
    "f1": "F1",
    "f5": "F5",
    "f6": "F6",
    "f8": "F8",
    "f9": "F9",
}

EVERYWHERE: tuple[Key, ...] = (
    Key(id="app.help", keys="question_mark", action="app.help", word="keys", says="The keys of this place", footer=90),
    Key(
        id="app.help_typing",
        keys="f1",
        action="app.help",
        word="keys",
        says="The keys, while you type too",
        footer=90,
        always=True,
        typing_only=True,
    ),
    Key(
        id="app.palette",
        keys="colon",
        action="app.palette",
        word="go",
        says="The palette: every action by name, task run 12, tasks /web",
        footer=91,
    ),
    Key(
        id="app.palette_typing",
        keys="ctrl+p",
        action="app.palette",
        word="go",
        says="The palette, while you type too",
        footer=91,
        always=True,
        typing_only=True,
    ),
    Key(id="app.last", keys="minus", action="app.last_screen", word="last", says="To the last screen and back"),
    Key(id="app.undo", keys="u", action="app.undo", word="undo", says="Take back the last delete", footer=5),
    Key(id="app.copy", keys="y", action="app.copy", word="copy", says="Copy what is under the cursor", footer=61),
    Key(
        id="app.stop_all",
        keys="f9",
        action="app.stop_all",
        word="stop all",
        says="Cancel everything that runs, waits or is queued; wants the word stop typed",
        always=True,
    ),
    Key(id="app.out", keys="q,escape", action="app.out", word="back", says="Out of this, to where you came from"),
    Key(
        id="app.mouse",
        keys="f6",
        action="app.mouse",
        word="mouse",
        says="Release the mouse, so that the terminal itself selects text; again takes it back",
        always=True,
    ),
    Key(id="app.suspend", keys="ctrl+z", action="app.suspend_process", word="suspend", says="To the shell; fg returns"),
    Key(id="app.quit", keys="Q", action="app.leave", word="quit", says="Quit; asks what becomes of running work"),
)

#: what the table itself binds; said here for the help
TABLE: tuple[Key, ...] = (
    Key(id="table.move", keys="up,down", action="", word="", says="Move; j and k too", shown="arrows"),
    Key(id="table.page", keys="pageup,pagedown", action="", word="", says="A page up or down", shown="pgup pgdn"),
    Key(id="table.edge", keys="home,end", action="", word="", says="First and last row; g and G too", shown="home end"),
    Key(
        id="table.mark",
        keys="space",
        action="",
        word="mark",
        says="Mark the row; acts are about the marks when there are any",
    ),
    Key(id="table.mark_range", keys="V", action="", word="", says="Mark from the last mark to here"),
    Key(id="table.clear_marks", keys="ctrl+backslash", action="", word="", says="Clear all marks"),
    Key(id="table.sort", keys="<", action="", word="", says="Sort by the column before or after", shown="< >"),
    Key(id="table.reverse", keys="S", action="", word="", says="Reverse the order"),
    Key(id="table.wide", keys="ctrl+w", action="", word="", says="All columns at full width; left and right then move"),
)

TASKS: tuple[Key, ...] = (
    Key(id="tasks.open", keys="enter", action="open_row", word="detail", says="The whole detail of the task", footer=1),
    Key(id="tasks.run", keys="x", action="run", word="run", says="Run now; the schedule stays as it is", footer=2),
    Key(id="tasks.pause", keys="p", action="pause", word="pause", says="Pause; what is paused resumes", footer=3),
    Key(id="tasks.edit", keys="e", action="edit", word="edit", says="Edit the task under the cursor", footer=4),
    Key(id="tasks.new", keys="n", action="new", word="new", says="A new task", footer=5),
    Key(id="tasks.mark", keys="space", action="", word="mark", says="Mark the row", footer=6),
    Key(
        id="tasks.filter",
        keys="slash",
        action="filter",
        word="filter",
        says="Filter as you type: words, !word, status: owner: on: tag:",
        footer=7,
    ),
    Key(id="tasks.history", keys="H", action="history", word="history", says="The runs of this task", footer=7),
    Key(id="tasks.duplicate", keys="D", action="duplicate", word="duplicate", says="A new task like this", footer=8),
    Key(id="tasks.delete", keys="ctrl+d", action="delete", word="delete", says="Delete; u takes it back", footer=9),
    Key(
        id="tasks.failures",
        keys="exclamation_mark",
        action="failures",
        word="failures only",
        says="Only tasks whose last run went wrong; again for all",
        footer=10,
    ),
    Key(id="tasks.pane", keys="tab,shift+tab", action="pane", word="pane", says="To the detail pane and back"),
    Key(id="tasks.zone", keys="Z", action="zone", word="zone", says="Times in your zone or in the task's own"),
)

TASK_PAGE: tuple[Key, ...] = (
    Key(
        id="page.last",
        keys="enter",
        action="last_run",
        word="last run",
        says="Targets and output of the last run",
        footer=1,
    ),
    Key(id="page.history", keys="H", action="history", word="history", says="All its runs", footer=4),
    Key(id="page.run", keys="x", action="run", word="run", says="Run now; the schedule stays as it is", footer=1),
    Key(id="page.pause", keys="p", action="pause", word="pause", says="Pause; what is paused resumes", footer=2),
    Key(id="page.edit", keys="e", action="edit", word="edit", says="Edit", footer=3),
    Key(id="page.delete", keys="ctrl+d", action="delete", word="delete", says="Delete; u takes it back", footer=4),
    Key(id="page.zone", keys="Z", action="zone", word="zone", says="Times in your zone or in its own", footer=5),
)

#: of a run, in the history and on its own screen
RUN: tuple[Key, ...] = (
    Key(
        id="run.rerun",
        keys="r",
        action="rerun",
        word="rerun failed",
        says="Run again where it failed, was lost or never started",
        footer=20,
    ),
    Key(
        id="run.cancel",
        keys="K",
        action="cancel_run",
        word="cancel",
        says="Cancel: waiting targets never start, running ones are killed",
        footer=21,
    ),
    Key(
        id="run.export",
        keys="E",
        action="export",
        word="export",
        says="Write the run and all its output to a file",
        footer=23,
    ),
)

EXECUTION: tuple[Key, ...] = (
    Key(
        id="execution.open",
        keys="enter",
        action="zoom",
        word="full log",
        says="The output alone, over the whole screen",
        footer=1,
    ),
    Key(
        id="execution.pane",
        keys="tab",
        action="pane",
        word="pane",
        says="To the next pane; on a narrow screen the next page",
        footer=2,
    ),
    Key(
        id="execution.follow",
        keys="f",
        action="follow",
        word="follow",
        says="Follow the output's end, or stand still",
        footer=3,
    ),
    Key(
        id="execution.wrap",
        keys="w",
        action="wrap",
        word="wrap",
        says="Wrap long lines, or cut them at the edge",
        footer=4,
    ),
    Key(
        id="execution.stamps",
        keys="T",
        action="stamps",
        word="times",
        says="Show or hide when each line arrived",
        footer=8,
    ),
    Key(
        id="execution.groups",
        keys="o",
        action="groups",
        word="groups",
        says="Targets by equal output, and back",
        footer=5,
    ),
    Key(
        id="execution.good",
        keys="v",
        action="good",
        word="show ✓",
        says="Show the good targets one by one, or fold them",
        footer=6,
    ),
    Key(
        id="execution.find",
        keys="slash",
        action="find",
        word="find",
        says="Find words in the output; n and N go on",
        footer=7,
    ),
    Key(id="execution.next", keys="n", action="find_next(1)", word="next", says="The next line that holds the words"),
    Key(
        id="execution.before",
        keys="N",
        action="find_next(-1)",
        word="before",
        says="The line before that holds the words",
    ),
    *RUN,
)

DEVICES: tuple[Key, ...] = (
    Key(id="devices.pane", keys="tab", action="pane", word="groups", says="To groups and tags, and back", footer=1),
    Key(id="devices.test", keys="t", action="test", word="test", says="Test the connection, step by step", footer=2),
    Key(
        id="devices.host_key",
        keys="H",
        action="host_key",
        word="host key",
        says="Look at the host key that was refused",
        footer=3,
    ),
    Key(
        id="devices.run",
        keys="x",
        action="ad_hoc",
        word="run once",
        says="A command on the marks, without a task",
        footer=4,
    ),
    Key(
        id="devices.edit",
        keys="e",
        action="edit",
        word="edit",
        says="Edit the device, or the group in the left pane",
        footer=5,
    ),
    Key(
        id="devices.new",
        keys="n",
        action="new",
        word="new",
        says="A new device; in the left pane a new group",
        footer=6,
    ),
    Key(id="devices.new_group", keys="N", action="new_group", word="new group", says="A new group of the marks"),
    Key(
        id="devices.import", keys="I", action="import", word="import", says="Take over hosts of ~/.ssh/config", footer=7
    ),
    Key(
        id="devices.filter",
        keys="slash",
        action="filter",
        word="filter",
        says="Filter: words over all columns, !word",
        footer=8,
    ),
    Key(id="devices.delete", keys="ctrl+d", action="delete", word="delete", says="Delete; u takes it back", footer=9),
)

CONNECTION_TEST: tuple[Key, ...] = (
    Key(
        id="test.again",
        keys="t",
        action="again",
        word="test again",
        says="Test once more, from the first step",
        footer=1,
    ),
    Key(
        id="test.decide",
        keys="H",
        action="decide",
        word="decide",
        says="Trust the offered host key, or refuse it",
        footer=2,
    ),
)

DEVICE_EDITOR: tuple[Key, ...] = (
    Key(id="device.next", keys="tab,down", action="next_field", word="next", says="The next field", footer=1),
    Key(
        id="device.before", keys="shift+tab,up", action="before_field", word="before", says="The field before", footer=2
    ),
    Key(id="device.save", keys="ctrl+s", action="save", word="save", says="Save", footer=3, always=True),
)

IMPORT: tuple[Key, ...] = (
    Key(
        id="import.take",
        keys="enter",
        action="take",
        word="take over",
        says="Make devices of the marked hosts",
        footer=1,
    ),
    Key(id="import.mark", keys="space", action="", word="mark", says="Mark the host", footer=2),
    Key(id="import.all", keys="a", action="all", word="all", says="Mark all new hosts, or none", footer=3),
)

HISTORY: tuple[Key, ...] = (
    Key(
        id="history.open",
        keys="enter",
        action="open_run",
        word="open",
        says="The targets and the output; a fold opens",
        footer=1,
    ),
    Key(
        id="history.fold", keys="v", action="fold", word="show good", says="Show each good run, or fold them", footer=3
    ),
    Key(
        id="history.failures",
        keys="exclamation_mark",
        action="failures",
        word="failures only",
        says="Only what was not good, and back",
        footer=4,
    ),
    Key(
        id="history.filter",
        keys="slash",
        action="filter",
        word="filter",
        says="Filter: words, status:failed, on:web01",
        footer=5,
    ),
    *RUN,
)

# tab is bound before the fields see it: what is typed right behind it goes to the next field, not to the old one
EDITOR: tuple[Key, ...] = (
    Key(id="editor.next", keys="tab", action="field(1)", word="next", says="The next field", footer=1, always=True),
    Key(
        id="editor.back",
        keys="shift+tab",
        action="field(-1)",
        word="back",
        says="The field before",
        footer=2,
        always=True,
    ),
    Key(id="editor.down", keys="down", action="field(1)", word="down", says="The next field"),
    Key(id="editor.up", keys="up", action="field(-1)", word="up", says="The field before"),
    Key(
        id="editor.error",
        keys="f8",
        action="next_error",
        word="next error",
        says="The next field to mend",
        footer=3,
        always=True,
    ),
    Key(id="editor.save", keys="ctrl+s", action="save", word="save", says="Save", footer=4, always=True),
    Key(
        id="editor.preview",
        keys="f5",
        action="preview",
        word="preview",
        says="Next runs, targets and the exact command, on a narrow screen",
        footer=5,
        always=True,
    ),
    Key(
        id="editor.discard",
        keys="ctrl+x",
        action="discard",
        word="discard",
        says="Leave without keeping a draft",
        footer=6,
        always=True,
    ),
)

CALENDAR: tuple[Key, ...] = (
    Key(
        id="calendar.day",
        keys="up,down,left,right",
        action="",
        word="day",
        says="Another day; h j k l too",
        shown="arrows",
        footer=1,
    ),
    Key(
        id="calendar.before",
        keys="left_square_bracket",
        action="turn(-1)",
        word="turn",
        says="The month, week or day before",
    ),
    Key(
        id="calendar.after",
        keys="right_square_bracket",
        action="turn(1)",
        word="turn",
        says="The next month, week or day",
        in_footer="[ ]",
        footer=2,
    ),
    Key(id="calendar.month", keys="m", action="view('month')", word="month", says="The whole month"),
    Key(id="calendar.week", keys="w", action="view('week')", word="week", says="The week, with counts per 3 hours"),
    Key(id="calendar.daily", keys="d", action="view('day')", word="day", says="The day alone, over the whole screen"),
    Key(
        id="calendar.agenda",
        keys="a",
        action="view('agenda')",
        word="view",
        says="The seven days from here on, one after the other",
        in_footer="m w d a",
        footer=4,
    ),
    Key(id="calendar.today", keys="t", action="today", word="today", says="To today", footer=3),
    Key(id="calendar.new", keys="n", action="new", word="new here", says="A new task at this day and time", footer=6),
    Key(
        id="calendar.open",
        keys="enter",
        action="enter",
        word="open",
        says="To the day's list; there: the run or the task",
        footer=4,
    ),
    Key(
        id="calendar.pane", keys="tab", action="pane", word="pane", says="From the month to the day and back", footer=5
    ),
)

PLACES: dict[str, tuple[Key, ...]] = {
    "calendar": CALENDAR,
    "": (),
    "devices": DEVICES,
    "connection_test": CONNECTION_TEST,
    "device_editor": DEVICE_EDITOR,
    "import": IMPORT,
    "history": HISTORY,
    "execution": EXECUTION,
    "tasks": TASKS,
    "task_page": TASK_PAGE,
    "editor": EDITOR,
}


def bindings(keys: tuple[Key, ...]) -> list[Binding]:
    """What the framework binds. `always` keys come before a field that is being typed in."""
    return [
        Binding(key.keys, key.action, key.word, show=False, id=key.id, priority=key.always)
        for key in keys
        if key.action
    ]
