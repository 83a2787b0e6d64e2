"""Outputs in files: a database that stays out of the way, and packing when it can be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from deployx_tui.engine.packing import Packing
from deployx_tui.model.ids import ExecutionId
from tests.support.bench import Bench


class OnlyFiles:
    """A database that knows each target as ended, and nothing of what it said."""

    @contextmanager
    def read(self) -> Iterator[OnlyFiles]:
        yield self

    def execute(self, *_: object) -> OnlyFiles:
        return self

    def one_or_none(self) -> OnlyFiles:
        return self

    state = "succeeded"
    frames = b""
    stdout_bytes = stderr_bytes = output_cut = 0


def pack(bench: Bench, execution: ExecutionId) -> None:
    """The row says that it ended a moment before its file is closed: until then nothing is packed."""

    def is_packed() -> bool:
        Packing(bench.database, bench.output).pack_all()
        return execution not in bench.output.unpacked()

    bench.until(is_packed)
