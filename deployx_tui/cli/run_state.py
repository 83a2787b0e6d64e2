"""The states of a run as an option takes them."""

from __future__ import annotations

import click

#: names of the states, and the words that screens and tables say instead of two of them
_NAMES = (
    "queued", "waiting", "running", "succeeded", "partially_succeeded", "failed", "cancelled", "missed", "skipped",
    "lost",
)  # fmt: skip


class RunState(click.Choice[str]):
    """A state by its name or by the word that is read for it: `partly` is `partially_succeeded`."""

    def __init__(self) -> None:
        super().__init__(_NAMES)

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from deployx_tui.model.outcome_words import run_named

        status = run_named(value)
        return super().convert(value if status is None else status.value, param, ctx)
