"""Keys of a form's fields; the fields themselves bind them. They are said while such a field has the cursor."""

from __future__ import annotations

from deployx_tui.tui.keymap.key import Key

#: one of several words: `(sh) bash zsh`
CHOOSE: tuple[Key, ...] = (
    Key(
        "field.choose",
        "left,right",
        "",
        "choose",
        "Another of the words; the first letter of one too",
        shown="left right",
        footer=0,
    ),
)

#: any of several words: `Mon (Tue) Wed`
TOGGLE: tuple[Key, ...] = (
    Key("field.day", "left,right", "", "day", "Another day of the week", shown="left right", footer=0),
    Key("field.toggle", "space", "", "on or off", "The day under the cursor: with it or without", footer=0),
)

FIELDS: tuple[Key, ...] = (
    *CHOOSE,
    *TOGGLE,
    Key("field.erase", "ctrl+u", "", "", "Erase what stands left of the cursor; ctrl+w a word, ctrl+k the rest"),
)
