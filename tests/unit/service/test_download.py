"""Where a limit cut an output, the file says so; the rest is byte for byte what was kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from deployx_tui.model.execution import OutputChunk, OutputGap, OutputSlice, Stream, TargetResult
from deployx_tui.service.backend import Backend
from deployx_tui.service.download import Format, _said, file_name
from tests.support.fake_backend import FakeBackend

AT = datetime(2026, 3, 3, tzinfo=UTC)


class Output:
    """Kept pieces (bytes) and gaps (counts) of one stream, read `step` pieces at a time."""

    def __init__(self, pieces: list[bytes | int], step: int) -> None:
        self.pieces, self.step = pieces, step
        self.total = sum(piece if isinstance(piece, int) else len(piece) for piece in pieces)

    async def output(self, run: int, device: int, stream: Stream, offset: int, limit: int) -> OutputSlice:
        at, after, taken = 0, self.total, 0
        chunks: list[OutputChunk] = []
        gaps: list[OutputGap] = []
        for piece in self.pieces:
            size = piece if isinstance(piece, int) else len(piece)
            if at >= offset and taken < self.step:
                taken += 1
                if isinstance(piece, int):
                    gaps.append(OutputGap(at, at + size))
                else:
                    chunks.append(OutputChunk(stream=stream, at=AT, offset=at, data=piece))
                after = at + size
            at += size
        return OutputSlice(chunks=tuple(chunks), next_offset=after, complete=True, total=self.total, gaps=tuple(gaps))


async def said(pieces: list[bytes | int], step: int) -> bytes:
    backend = cast("Backend", SimpleNamespace(executions=Output(pieces, step)))
    target = cast("TargetResult", SimpleNamespace(execution_id=1, device_id=1))
    return b"".join([piece async for piece in _said(backend, target, Stream.BOTH)])


async def test_a_gap_is_a_line_of_its_own() -> None:
    cut: list[bytes | int] = [b"head", 1000, b"tail\n", 5]
    for step in (1, 2, 9):
        assert await said([*cut], step) == (
            b"head\n[deployx: 1000 bytes of output were not kept here]\ntail\n"
            b"[deployx: 5 bytes of output were not kept here]\n"
        )


pieces = st.lists(st.binary(min_size=1, max_size=5), max_size=8)


@settings(deadline=None)
@given(pieces, st.integers(1, 9))
async def test_what_was_kept_whole_comes_as_it_is(kept: list[bytes], step: int) -> None:
    assert await said([*kept], step) == b"".join(kept)


def test_a_file_name_is_one_everywhere() -> None:
    run = next(iter(FakeBackend().execution_rows.values()))
    for name, stem in (("../../etc/passwd", "-etc-passwd"), ("ä", ""), ("web up", "-web-up"), (".hidden", "-hidden")):
        assert file_name(replace(run, task_name=name), Format.ARCHIVE) == f"deployx-{run.id}{stem}.zip"
