"""What a key is, how it is written for a person, and how the framework binds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace

from textual.binding import Binding


@dataclass(frozen=True, slots=True)
class Key:
    """The first five stand in this order in the tables; the others are named."""

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
    _: KW_ONLY
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
_PRINTABLE = frozenset(
    {
        "question_mark",
        "colon",
        "slash",
        "minus",
        "exclamation_mark",
        "number_sign",
        "less_than_sign",
        "greater_than_sign",
        "left_square_bracket",
        "right_square_bracket",
        "space",
    }
)


def while_typing(keys: Sequence[Key]) -> tuple[Key, ...]:
    """Those that work while a text is being typed, without what is a letter then: of "q esc" only "esc"."""
    made: list[Key] = []
    for key in keys:
        left = [each for each in key.keys.split(",") if key.always or not _types(each)]
        if left:
            made.append(key if len(left) == len(key.keys.split(",")) else replace(key, keys=",".join(left)))
    return tuple(made)


def _types(key: str) -> bool:
    return len(key) == 1 or key in _PRINTABLE


def _name(key: str) -> str:
    return _NAMES.get(key, key)


_NAMES = {
    "question_mark": "?",
    "colon": ":",
    "slash": "/",
    "minus": "-",
    "exclamation_mark": "!",
    "number_sign": "#",
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


def bindings(keys: tuple[Key, ...]) -> list[Binding]:
    """What the framework binds. `always` keys come before a field that is being typed in."""
    return [
        Binding(key.keys, key.action, key.word, show=False, id=key.id, priority=key.always)
        for key in keys
        if key.action
    ]
