"""Lines: found by number from memory, database, file and packed file, whatever was said, with few bytes read."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployx_tui.model.execution import Stream
from deployx_tui.model.ids import DeviceId, ExecutionId, TargetId
from deployx_tui.output.blocks import Block
from deployx_tui.output.packed import PackedReader
from deployx_tui.output.segments import BlockReader, SegmentReader
from deployx_tui.output.store import OutputStore
from deployx_tui.output.writer import Caps, OutputWriter
from tests.support.outputs import OnlyFiles

AT = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
RUN, TARGET = ExecutionId(1), TargetId(1)
OUT, ERR, BOTH = Stream.STDOUT, Stream.STDERR, Stream.BOTH

pieces = st.lists(
    st.tuples(
        st.sampled_from([OUT, ERR]),
        st.sampled_from([b"\n", b"a", b"bc\n", b"\n\n", b"x" * 3_000, b"y" * 70_000 + b"\n", b"z\n" * 9_000]),
    ),
    max_size=14,
)


def spilled(
    folder: Path, said: list[tuple[Stream, bytes]], caps: Caps | None = None
) -> tuple[OutputStore, OutputWriter]:
    """A store in whose file these pieces lie, or in its writer's memory."""
    store = OutputStore(OnlyFiles(), folder)  # type: ignore[arg-type]  # a database that knows the target, no more
    writer = store.writer(TARGET, RUN, DeviceId(1), caps=caps)
    for stream, data in said:
        writer.write(stream, data, AT)
    return store, writer


def check(store: OutputStore, said: list[tuple[Stream, bytes]]) -> None:
    """Every line of every stream begins where a reader of the whole would say it does."""
    for stream in (OUT, ERR, BOTH):
        its = [data for of, data in said if stream in (BOTH, of)]
        whole = b"".join(its)
        ends = [at + 1 for at in range(len(whole)) if whole[at] == 10]
        for line in {number for number in (0, 1, len(ends) // 2, len(ends) - 1, len(ends)) if 0 <= number <= len(ends)}:
            found = store.read(RUN, TARGET, stream, line=line, limit=1 << 24)
            begin = ends[line - 1] if line else 0
            assert b"".join(chunk.data for chunk in found.chunks) == whole[begin:], (stream, line)
            assert (found.line, found.lines) == (line, len(ends))
        beyond = store.read(RUN, TARGET, stream, line=len(ends) + 1)
        assert (beyond.chunks, beyond.next_offset) == ((), beyond.total)


@settings(max_examples=25, deadline=None)
@given(pieces)
def test_any_line_is_found_while_running_afterwards_and_when_packed(
    tmp_path_factory: pytest.TempPathFactory, said: list[tuple[Stream, bytes]]
) -> None:
    folder = tmp_path_factory.mktemp("output")
    store, writer = spilled(folder, said)
    check(store, said)
    writer.close(AT)
    check(store, said)
    if writer.is_spilled:
        store.forget(TARGET)
        check(store, said)
        assert store.pack(RUN, lambda: False)
        check(store, said)
    store.close()


def test_lines_are_counted_from_the_end_and_one_that_has_not_ended_is_the_last(tmp_path: Path) -> None:
    numbered = [(OUT, b"".join(b"line %d\n" % n for n in range(at, at + 100))) for at in range(0, 50_000, 100)]
    store, _ = spilled(tmp_path / "o", [*numbered, (ERR, b"oh\n"), (OUT, b"unfinished")])

    def last(stream: Stream, count: int) -> bytes:
        return b"".join(chunk.data for chunk in store.read(RUN, TARGET, stream, line=-count).chunks)

    assert last(OUT, 1) == b"unfinished"
    assert last(OUT, 2) == b"line 49999\nunfinished"
    assert last(ERR, 1) == last(ERR, 9) == b"oh\n"
    assert last(BOTH, 3) == b"line 49999\noh\nunfinished"
    assert last(OUT, 10**9).startswith(b"line 0\n")
    store.close()


def test_a_gap_is_no_line_and_what_stands_behind_it_is_found(tmp_path: Path) -> None:
    said = [(OUT, b"".join(b"%06d\n" % n for n in range(at, at + 50))) for at in range(0, 200_000, 50)]
    store, writer = spilled(tmp_path / "o", said, Caps(target=300_000, tail=100_000))
    for _ in range(2):
        found = store.read(RUN, TARGET, OUT, line=-10)
        assert b"".join(chunk.data for chunk in found.chunks) == b"".join(
            b"%06d\n" % n for n in range(199_990, 200_000)
        )
        assert found.line + 10 == found.lines < 200_000
        first_behind = store.read(RUN, TARGET, OUT, offset=store.read(RUN, TARGET, OUT, line=-1000).chunks[0].offset)
        assert first_behind.line == first_behind.lines - 1000
        writer.close(AT)
    store.close()


def test_a_torn_index_counts_the_lines_of_what_is_left(tmp_path: Path) -> None:
    said = [(OUT, b"%06d\n" % number * 100) for number in range(1_000)]
    store, writer = spilled(tmp_path / "o", said)
    writer.close(AT)
    store.close()
    index = tmp_path / "o" / "1.idx"
    index.write_bytes(index.read_bytes()[:-20])
    after = OutputStore(OnlyFiles(), tmp_path / "o")  # type: ignore[arg-type]  # as above
    whole = b"".join(chunk.data for chunk in after.read(RUN, TARGET, limit=1 << 24).chunks)
    found = after.read(RUN, TARGET, line=-3)
    assert found.lines == whole.count(b"\n") < 100_000
    assert whole.endswith(b"".join(chunk.data for chunk in found.chunks))
    after.close()


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_line_of_a_large_output_costs_two_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_packed: bool
) -> None:
    source = random.Random(4)
    said = [(OUT, b"".join(b"%x\n" % source.getrandbits(200) for _ in range(1_000))) for _ in range(200)]
    store, writer = spilled(tmp_path / "o", said)
    writer.close(AT)
    store.forget(TARGET)
    if is_packed:
        assert store.pack(RUN, lambda: False)
    read: list[int] = []
    kind: type[BlockReader] = PackedReader if is_packed else SegmentReader
    original = kind.frames

    def frames(self: BlockReader, block: Block) -> bytes:
        read.append(block.size)
        return original(self, block)

    monkeypatch.setattr(kind, "frames", frames)
    for line in (123_456, 199_999, 7, -5):
        read.clear()
        assert store.read(RUN, TARGET, line=line, limit=100).chunks
        assert len(read) <= 2
        assert sum(read) <= 400_000
    store.close()
