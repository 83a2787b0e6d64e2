"""The manual's page of keys (docs/keys.md), made from the keymap.

python -m deployx_tui.tui.keys_page > deployx_tui/docs/keys.md
"""

from __future__ import annotations

from collections.abc import Sequence

from deployx_tui.tui.keymap import EVERYWHERE, FIELDS, PLACES, TABLE, TITLES, Key


def page() -> str:
    """The whole page. KeyError: a place of the keymap has no title here."""
    parts = [
        "# The keys\n",
        "`?` shows those of the place where you are (`F1` while you type); `:` finds any act by its words.\n",
        *_section("Everywhere", EVERYWHERE),
        *_section("Every list", TABLE),
        *_section("The fields of a form", FIELDS),
    ]
    titles = {name: TITLES[name] for name, keys in PLACES.items() if keys}
    for name in TITLES:
        parts += _section(titles[name], PLACES[name])
    return "\n".join(parts)


def _section(title: str, keys: Sequence[Key]) -> list[str]:
    rows = [f"| {_cell(key.display_all)} | {_plain(key.says)} |" for key in keys]
    return [f"## {title}\n", "| key | does |", "|---|---|", *rows, ""]


def _cell(keys: str) -> str:
    return " ".join(f"`{_plain(key)}`" for key in keys.split())


def _plain(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")
