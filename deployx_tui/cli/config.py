"""`deployx config`: each setting and where it came from."""

from __future__ import annotations

import click

from deployx_tui.cli import printing
from deployx_tui.cli.invocation import Group, invocation


@click.group(cls=Group)
def config() -> None:
    """Settings: flag, then environment DEPLOYX_*, then deployx.toml, then the default."""


@config.command(example="deployx config show")
def show() -> None:
    """Print each value and where it came from."""
    call = invocation()
    shown = call.settings.shown()
    if call.json:
        printing.put_json({one.name: {"value": one.value or None, "origin": one.origin} for one in shown})
        return
    printing.put_table(
        ("SETTING", "VALUE", "FROM", "MEANING"),
        ((one.name, one.value or "-", one.origin, one.meaning) for one in shown),
    )
