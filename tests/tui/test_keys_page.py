"""The manual's page of keys says what the keymap does."""

from __future__ import annotations

from importlib.resources import files

from deployx_tui.tui import keys_page
from deployx_tui.tui.keymap import EVERYWHERE, FIELDS, PLACES, TABLE


def test_the_manuals_page_is_the_one_that_the_keymap_makes() -> None:
    kept = files("deployx_tui").joinpath("docs/keys.md").read_text(encoding="utf-8")
    assert kept == keys_page.page(), "python -m deployx_tui.tui.keys_page > deployx_tui/docs/keys.md"


def test_every_key_is_on_it() -> None:
    page = keys_page.page()
    for key in (*EVERYWHERE, *TABLE, *FIELDS, *(key for keys in PLACES.values() for key in keys)):
        assert key.says in page
