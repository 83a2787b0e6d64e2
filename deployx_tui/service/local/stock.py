"""What is there of the artifacts and packages that payloads name."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from deployx_tui.model.artifact import ref_of
from deployx_tui.model.payloads import NO_STOCK, Payload, Stock, artifacts_of
from deployx_tui.store import artifacts


def stock_of(c: Connection, payloads: Iterable[Payload]) -> Stock:
    """One lookup for all of them. No package is stored yet, so that each id of one is unknown."""
    wanted = {artifact for payload in payloads for artifact in artifacts_of(payload)}
    if not wanted:
        return NO_STOCK
    return Stock({each.id: ref_of(each) for each in artifacts.some(c, wanted)})
