"""Packing: the same bytes before, while and after; a death at any point leaves the old or the new file whole."""

from __future__ import annotations

import os
import random
import shutil
import signal
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployx_tui.model.execution import OutputSlice, Stream
from deployx_tui.model.ids import DeviceId, ExecutionId, TargetId
from deployx_tui.output import packed
from deployx_tui.output.segments import SegmentReader, SegmentWriter
from deployx_tui.output.store import OutputStore
from tests.support.outputs import OnlyFiles

AT = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
RUN = ExecutionId(1)
OUT, ERR, BOTH = Stream.STDOUT, Stream.STDERR, Stream.BOTH
Said = list[tuple[int, Stream, bytes]]


def store_on(folder: Path) -> OutputStore:
    return OutputStore(OnlyFiles(), folder)  # type: ignore[arg-type]  # a database that knows the targets, no more


def say(folder: Path, said: Said) -> None:
    """Write and close what targets said, in this order, so that their blocks lie between each other's."""
    store = store_on(folder)
    writers = {target: store.writer(TargetId(target), RUN, DeviceId(1)) for target in {target for target, *_ in said}}
    for target, stream, data in said:
        writers[target].write(stream, data, AT)
        writers[target].save(0.0)
    for writer in writers.values():
        writer.close(AT)
        store.forget(writer.target)
    store.close()


def never() -> bool:
    return False


def read(store: OutputStore, target: int, stream: Stream = BOTH, offset: int = 0, limit: int = 1 << 24) -> OutputSlice:
    return store.read(RUN, TargetId(target), stream, offset, limit)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def many(targets: int = 3, rounds: int = 12) -> Said:
    """Text of several targets, enough for several streams each."""
    source = random.Random(9)
    return [
        (
            target,
            source.choice([OUT, ERR]),
            b"".join(b"%d %x\n" % (target, source.getrandbits(64)) for _ in range(1500)),
        )
        for _ in range(rounds)
        for target in range(1, targets + 1)
    ]


saying = st.lists(
    st.tuples(
        st.integers(1, 3), st.sampled_from([OUT, ERR]),
        st.tuples(st.sampled_from([1, 500, 9_000, 70_000, 200_000]), st.integers(0, 9)).map(
            lambda of: random.Random(of[1]).randbytes(of[0])
        ),
    ),
    min_size=1,
    max_size=12,
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(saying, st.lists(st.tuples(st.integers(0, 400_000), st.integers(1, 100_000)), max_size=6))
def test_any_range_is_the_same_before_and_after(
    tmp_path_factory: pytest.TempPathFactory, said: Said, ranges: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("output")
    say(folder, said)
    store = store_on(folder)
    asked = [
        (target, stream, offset, limit)
        for target in (1, 2, 3)
        for stream in (BOTH, OUT, ERR)
        for offset, limit in [(0, 1 << 24), *ranges]
    ]

    def answers() -> list[tuple[bytes, int, int, int]]:
        found = [read(store, *each) for each in asked]
        return [(b"".join(c.data for c in each.chunks), each.next_offset, each.total, each.line) for each in found]

    before = answers()
    had_file = bool(files(folder))
    assert store.pack(RUN, never) == had_file
    assert files(folder) == (["1.pack"] if had_file else [])
    assert answers() == before
    store.close()


def test_arrivals_and_gaps_stay_and_text_takes_less_room(tmp_path: Path) -> None:
    say(tmp_path / "o", many())
    store = store_on(tmp_path / "o")
    before = [read(store, target) for target in (1, 2, 3)]
    size = sum(path.stat().st_size for path in (tmp_path / "o").iterdir())
    assert store.pack(RUN, never)
    assert [read(store, target) for target in (1, 2, 3)] == before
    (file,) = (tmp_path / "o").iterdir()
    assert file.stat().st_size < size * 0.7
    assert file.stat().st_mode & 0o777 == 0o600
    store.close()


def test_an_offset_expands_one_stream_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    say(tmp_path / "o", many(rounds=40))
    store = store_on(tmp_path / "o")
    assert store.pack(RUN, never)
    total = read(store, 2, limit=1).total
    expanded: list[int] = []

    def decompress(data: bytes) -> bytes:
        found = zlib.decompress(data)
        expanded.append(len(found))
        return found

    monkeypatch.setattr(packed, "zlib", SimpleNamespace(decompress=decompress, error=zlib.error))
    for offset in (0, total // 2, total - 10):
        expanded.clear()
        assert len(read(store, 2, offset=offset, limit=10).chunks[0].data) == 10
        assert len(expanded) == 1
        assert expanded[0] < 400_000 < total
    store.close()


def test_who_had_opened_the_old_file_reads_on(tmp_path: Path) -> None:
    say(tmp_path / "o", many())
    reader = SegmentReader(tmp_path / "o", 1)
    before = [reader.frames(block) for block in reader.blocks(2)]
    assert packed.pack(tmp_path / "o", 1, never)
    assert [reader.frames(block) for block in reader.blocks(2)] == before
    reader.release()


def _dying_at(step: int, folder: Path) -> bool:
    """Pack in a process that is killed before its `step`-th act; whether it came to that."""
    child = os.fork()
    if child == 0:
        left = step

        def counted(act: Callable[..., object]) -> Callable[..., object]:
            def acting(*args: object, **more: object) -> object:
                nonlocal left
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return act(*args, **more)

            return acting

        for owner, names in (
            (os, ("open", "fsync")),
            (Path, ("rename", "unlink")),
            (zlib, ("compress",)),
        ):
            for name in names:
                setattr(owner, name, counted(getattr(owner, name)))
        packed.pack(folder, 1, never)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_a_kill_at_any_point_leaves_the_old_or_the_new_whole(tmp_path: Path) -> None:
    say(tmp_path / "first", many())
    store = store_on(tmp_path / "first")
    before = [read(store, target) for target in (1, 2, 3)]
    store.close()
    step, was_killed = 0, True
    while was_killed:
        folder = tmp_path / str(step)
        shutil.copytree(tmp_path / "first", folder)
        was_killed = _dying_at(step, folder)
        store = store_on(folder)
        assert [read(store, target) for target in (1, 2, 3)] == before, step
        assert store.unpacked() == ((RUN,) if was_killed and files(folder) != ["1.pack"] else ())
        assert store.pack(RUN, never)
        assert files(folder) == ["1.pack"]
        assert [read(store, target) for target in (1, 2, 3)] == before, step
        store.close()
        step += 1
    assert step > 15


def test_a_file_that_is_written_to_is_left_alone_and_a_packed_one_takes_no_more(tmp_path: Path) -> None:
    (tmp_path / "o").mkdir()
    writer = SegmentWriter(tmp_path / "o", 1)
    assert not packed.pack(tmp_path / "o", 1, never)
    assert files(tmp_path / "o") == ["1.idx", "1.seg"]
    writer.close()
    assert packed.pack(tmp_path / "o", 1, never)
    with pytest.raises(OSError, match="closed"):
        SegmentWriter(tmp_path / "o", 1)
    assert files(tmp_path / "o") == ["1.pack"]


def test_a_disk_with_too_little_room_and_a_stop_leave_all_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(tmp_path / "o", many())
    assert not packed.pack(tmp_path / "o", 1, lambda: True)
    assert files(tmp_path / "o") == ["1.idx", "1.seg"]
    with monkeypatch.context() as patch:
        patch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=1000, f_frsize=4096))
        assert not packed.pack(tmp_path / "o", 1, never)
    assert files(tmp_path / "o") == ["1.idx", "1.seg"]


def test_a_damaged_block_costs_itself_only(tmp_path: Path) -> None:
    say(tmp_path / "o", many())
    segment = tmp_path / "o" / "1.seg"
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    store = store_on(tmp_path / "o")
    before = [read(store, target) for target in (1, 2, 3)]
    (gap,) = (gap for each in before for gap in each.gaps)
    assert gap.reason == f"the output file is damaged: {segment}"
    assert store.pack(RUN, never)
    packed_now = [read(store, target) for target in (1, 2, 3)]
    assert [each.chunks for each in packed_now] == [each.chunks for each in before]
    (same,) = (gap for each in packed_now for gap in each.gaps)
    assert (same.start, same.end) == (gap.start, gap.end)
    store.close()
    pack = tmp_path / "o" / "1.pack"
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.write_bytes(data)
    store = store_on(tmp_path / "o")
    after = [read(store, target) for target in (1, 2, 3)]
    assert [each.total for each in after] == [each.total for each in before]
    assert sum(each.chunks != old.chunks for each, old in zip(after, before, strict=True)) == 1
    store.close()
