"""An engine on an empty database, with a transport that behaves as the test says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployx_tui.model.device import TransportKind
from deployx_tui.store.database import Database
from tests.support.bench import Bench, engine_on
from tests.support.scripted_transport import ScriptedTransport


@pytest.fixture
def transport() -> ScriptedTransport:
    return ScriptedTransport()


@pytest.fixture
def bench(sqlite_database: Database, tmp_path: Path, transport: ScriptedTransport) -> Iterator[Bench]:
    with engine_on(sqlite_database, tmp_path / "output", {TransportKind.LOCAL: transport}) as bench:
        yield bench


@pytest.fixture
def any_bench(database: Database, tmp_path: Path, transport: ScriptedTransport) -> Iterator[Bench]:
    """On each kind of database in turn."""
    with engine_on(database, tmp_path / "output", {TransportKind.LOCAL: transport}) as bench:
        yield bench
