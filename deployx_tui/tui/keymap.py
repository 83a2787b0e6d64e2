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
    #: how the footer writes the key; "" for the first of `keys` as it is
    shown: str = ""
    #: place from the left; None: not in the footer; 90 and above: at the right end
    footer: int | None = None
    #: works while a text is being typed, too
    always: bool = False

    @property
    def display(self) -> str:
        """How a person reads it: "ctrl+s", "?", "space"."""
        return self.shown or _NAMES.get(self.keys.split(",", maxsplit=1)[0], self.keys.split(",", maxsplit=1)[0])


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
    Key(id="app.last", keys="minus", action="app.last_screen", word="last", says="Back to the last screen and forth"),
    Key(id="app.undo", keys="u", action="app.undo", word="undo", says="Take back the last delete"),
    Key(id="app.out", keys="q,escape", action="app.out", word="back", says="Out of this place, to where you came from"),
    Key(
        id="app.suspend",
        keys="ctrl+z",
        action="app.suspend_process",
        word="suspend",
        says="Back to the shell; fg returns",
    ),
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

TASKS: tuple[Key, ...] = ()

PLACES: dict[str, tuple[Key, ...]] = {
    "": (),
    "tasks": TASKS,
}


def bindings(keys: tuple[Key, ...]) -> list[Binding]:
    """What the framework binds. `always` keys come before a field that is being typed in."""
    return [
        Binding(key.keys, key.action, key.word, show=False, id=key.id, priority=key.always)
        for key in keys
        if key.action
    ]
