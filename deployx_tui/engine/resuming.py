"""What another engine needs to go on with a target that was started: it is written down with the start."""

from __future__ import annotations

import json
from dataclasses import dataclass

from deployx_tui.runners.durable import DurableRun


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatableRun:
    """What another engine needs to begin a target again: the nonce by which its target knows what was begun."""

    nonce: str

    def to_json(self) -> str:
        """As it is stored beside the target."""
        # "repeatable" first: queries tell it by the beginning of the text
        return json.dumps({"repeatable": True, "nonce": self.nonce}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | None) -> RepeatableRun | None:
        """None: it is none."""
        found = json.loads(text or "{}")
        return cls(nonce=found["nonce"]) if found.get("repeatable") else None


Resumption = DurableRun | RepeatableRun


def resumption(handle_json: str | None) -> Resumption | None:
    """None: such a target is lost with its engine."""
    return DurableRun.from_json(handle_json) or RepeatableRun.from_json(handle_json)
