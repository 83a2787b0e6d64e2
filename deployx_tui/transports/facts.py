"""Asking a device about itself over a connection that stands: what every transport that can do so promises."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Event
from typing import Protocol, runtime_checkable

from deployx_tui.model.execution import Cause
from deployx_tui.model.facts import Facts


@dataclass(frozen=True, slots=True)
class NoFacts:
    """It did not answer; nothing is known that was not known before."""

    cause: Cause
    message: str
    remedy: str = ""


@runtime_checkable
class TellsFacts(Protocol):
    """A Connection that can be asked, beside commands that run on it."""

    def facts(self, cancel: Event) -> Facts | NoFacts:
        """Ask now. Ends soon after `cancel` is set, and after some seconds in any case. Opens no connection."""
        ...
