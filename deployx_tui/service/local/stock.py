"""What is there of the artifacts and packages that payloads name."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from deployx_tui.model.artifact import ref_of
from deployx_tui.model.payloads import Payload, Stock, artifacts_of, packages_of
from deployx_tui.store import artifacts, packages


def stock_of(c: Connection, payloads: Iterable[Payload]) -> Stock:
    """One lookup for all of them."""
    named = tuple(payloads)
    files = {artifact for payload in named for artifact in artifacts_of(payload)}
    software = {package for payload in named for package in packages_of(payload)}
    return Stock(
        {each.id: ref_of(each) for each in artifacts.some(c, files)} if files else {},
        packages.names(c, software) if software else {},
    )
