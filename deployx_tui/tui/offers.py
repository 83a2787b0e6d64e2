"""What the palette offers in a place: its actions, those of everywhere, the screens, and commands to complete."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from deployx_tui.tui.keymap import EVERYWHERE
from deployx_tui.tui.screens.palette import Offer

if TYPE_CHECKING:
    from deployx_tui.tui.app import DeployxApp
    from deployx_tui.tui.screens.place import Place

#: (text to complete, what it does)
_EXAMPLES = (
    ("task run ", "task run NAME: run a task now"),
    ("task check ", "task check NAME: compare its targets with what it put there"),
    ("task pause ", "task pause NAME"),
    ("task resume ", "task resume NAME"),
    ("task edit ", "task edit NAME: open it in the editor"),
    ("task duplicate ", "task duplicate NAME: a new one like it"),
    ("task show ", "task show NAME: put the cursor on it"),
    ("task rm ", "task rm NAME: delete it; u takes it back"),
    ("run ", "run @web -- uptime: run a command once, without a task"),
)
#: not offered by name: they need a row and a key under the finger, or are the palette itself
_NOT_OFFERED = frozenset({"app.palette", "app.palette_typing", "app.help_typing", "app.out"})


def offers_of(app: DeployxApp, place: Place) -> tuple[Offer, ...]:
    """All that can be done now, in the order of the footer, then by name."""
    made: list[Offer] = []
    for key in (*place.own_keys(), *EVERYWHERE):
        if not key.action or key.id in _NOT_OFFERED or not place.works(key):
            continue
        made.append(Offer(key.word, key.says, key.display, partial(_do, app, place, key.action)))
    for tab in app.tabs:
        made.append(
            Offer(
                tab.title.lower(),
                f"the screen {tab.title}; {tab.id} /words filters",
                tab.key,
                partial(app.action_go, tab.id),
            )
        )
    made.extend(Offer(text.strip() + " …", says, "", text) for text, says in _EXAMPLES)
    return tuple(made)


def _do(app: DeployxApp, place: Place, action: str) -> None:
    app.call_later(app.run_action, action, place)
