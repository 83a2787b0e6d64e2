"""A file of output that is damaged, cut, gone or another run's: what can't be read is a gap with a reason."""

from __future__ import annotations

import os
import random
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deployx_tui.model.execution import OutputGap, OutputSlice, Stream
from deployx_tui.model.ids import DeviceId, ExecutionId, TargetId
from deployx_tui.output.blocks import RECORD_SIZE
from deployx_tui.output.packed import damage_of
from deployx_tui.output.store import OutputStore
from tests.support.outputs import OnlyFiles

AT = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
TARGET = TargetId(1)
LINES = 60_000


class Known(OnlyFiles):
    """A database that knows how much a target said."""

    def __init__(self, state: str, stdout: int, stderr: int, *, cut: bool = False) -> None:
        self.state, self.stdout_bytes, self.stderr_bytes, self.output_cut = state, stdout, stderr, cut


@dataclass(frozen=True)
class Run:
    """A run of one target that said numbered lines on one stream, and some on the other."""

    folder: Path
    said: bytes
    stdout: int

    def file(self, suffix: str, execution: int = 1) -> Path:
        return self.folder / f"{execution}.{suffix}"

    def store(self, state: str = "succeeded", *, cut: bool = False) -> OutputStore:
        known = Known(state, self.stdout, len(self.said) - self.stdout, cut=cut)
        return OutputStore(known, self.folder)  # type: ignore[arg-type]  # a database that knows the target, no more

    def read(self, stream: Stream = Stream.BOTH, line: int | None = None, state: str = "succeeded") -> OutputSlice:
        store = self.store(state)
        try:
            return store.read(ExecutionId(1), TARGET, stream, 0, 1 << 24, line=line)
        finally:
            store.close()

    def holds(self, found: OutputSlice) -> list[OutputGap]:
        """What is there is at its place, and with the gaps it is all."""
        for chunk in found.chunks:
            assert self.said[chunk.offset :].startswith(chunk.data)
        gaps = [piece for piece in found.in_order() if isinstance(piece, OutputGap)]
        assert sum(len(chunk.data) for chunk in found.chunks) + sum(gap.size for gap in gaps) == len(self.said)
        assert (found.total, found.next_offset, found.complete) == (len(self.said), len(self.said), True)
        return gaps


def write(folder: Path, execution: int, target: int) -> Run:
    store = OutputStore(OnlyFiles(), folder)  # type: ignore[arg-type]
    writer = store.writer(TargetId(target), ExecutionId(execution), DeviceId(1))
    source, said = random.Random(execution), bytearray()
    for begin in range(0, LINES, 1000):
        stream = Stream.STDERR if begin % 7000 == 0 else Stream.STDOUT
        data = b"".join(b"%06d %08x\n" % (line, source.getrandbits(32)) for line in range(begin, begin + 1000))
        writer.write(stream, data, AT)
        said += data
    totals = writer.close(AT)
    store.forget(writer.target)
    store.close()
    return Run(folder, bytes(said), totals.stdout_bytes)


def pack(run: Run, execution: int = 1) -> None:
    store = run.store()
    assert store.pack(ExecutionId(execution), lambda: False)
    store.close()


@pytest.fixture
def plain(tmp_path: Path) -> Run:
    return write(tmp_path / "o", 1, 1)


@pytest.fixture
def packed(plain: Run) -> Run:
    pack(plain)
    return plain


def flip(path: Path, at: int, size: int = 64) -> None:
    data = bytearray(path.read_bytes())
    data[at : at + size] = bytes(byte ^ 0xFF for byte in data[at : at + size])
    path.write_bytes(data)


@pytest.mark.parametrize("suffix", ["pack", "seg"])
def test_flipped_bytes_are_one_gap_with_the_file_and_the_rest_stands_where_it_stood(plain: Run, suffix: str) -> None:
    if suffix == "pack":
        pack(plain)
    file = plain.file(suffix)
    flip(file, file.stat().st_size // 2)
    (gap,) = plain.holds(plain.read())
    assert 0 < gap.start < gap.end < len(plain.said)
    assert gap.mark == f"[deployx: {gap.size} bytes can't be read: the output file is damaged: {file}]".encode()
    assert plain.read(line=-3).chunks[0].data == b"".join(plain.said.splitlines(keepends=True)[-3:])
    assert damage_of(plain.folder, 1) == ""  # its index is whole


def test_a_file_that_is_cut_while_it_is_open_loses_its_end_only_and_a_tail_says_so(packed: Run) -> None:
    store = packed.store()
    assert store.read(ExecutionId(1), TARGET, limit=1).chunks
    os.truncate(packed.file("pack"), 300_000)
    (gap,) = packed.holds(store.read(ExecutionId(1), TARGET, limit=1 << 24))
    assert 0 < gap.start < gap.end == len(packed.said)
    tail = store.read(ExecutionId(1), TARGET, line=-3)
    assert (tail.chunks, tail.complete) == ((), True)
    assert tail.gaps[0].reason == f"the output file is damaged: {packed.file('pack')}"
    store.close()


def foreign(run: Run) -> None:
    """Another run's pack, of the same target's number."""
    pack(write(run.folder, 2, 1), 2)
    run.file("pack", 2).rename(run.file("pack"))


def odd_footer(position: int) -> Callable[[Run], None]:
    def damage(run: Run) -> None:
        data = run.file("pack").read_bytes()[:-28]
        check = zlib.crc32(struct.pack("<QQ", 1, position))
        run.file("pack").write_bytes(data + struct.pack("<8sQQI", b"dxpack1\n", 1, position, check))

    return damage


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda run: os.truncate(run.file("pack"), 300_000), "damaged"),
        (lambda run: os.truncate(run.file("pack"), 0), "damaged"),
        (lambda run: run.file("pack").write_bytes(random.Random(3).randbytes(400_000)), "damaged"),
        (lambda run: flip(run.file("pack"), run.file("pack").stat().st_size - 100, 8), "damaged"),
        (lambda run: flip(run.file("pack"), run.file("pack").stat().st_size - 12, 8), "damaged"),
        (odd_footer(2**64 - 1), "damaged"),
        (odd_footer(2**40), "damaged"),
        (lambda run: run.file("pack").unlink(), "missing"),
        (foreign, "that of execution 2"),
    ],
    ids=["cut", "empty", "random", "records", "position", "far", "behind", "gone", "another's"],
)
def test_without_an_index_all_is_one_gap_of_the_size_that_the_database_knows(
    packed: Run, damage: Callable[[Run], None], words: str
) -> None:
    damage(packed)
    whole = OutputGap(0, len(packed.said), f"the output file is {words}: {packed.file('pack')}")
    assert packed.holds(packed.read()) == [whole]
    assert packed.holds(packed.read(line=-3)) == [whole]
    (out,) = packed.read(Stream.STDOUT).gaps
    assert (out.size, out.reason) == (packed.stdout, whole.reason)
    assert damage_of(packed.folder, 1) == ("" if words == "missing" else whole.reason)


def test_a_record_that_points_behind_the_file_is_damage(packed: Run) -> None:
    """Its checksums are right: whoever wrote it was wrong, or malicious."""
    data = packed.file("pack").read_bytes()
    _, _, position, _ = struct.unpack("<8sQQI", data[-28:])
    record = struct.pack("<QQIQQQII", 1, 2**63 + 5, 9, 0, 5, 0, 1, 0)
    records = record + struct.pack("<I", zlib.crc32(record))
    check = zlib.crc32(records, zlib.crc32(struct.pack("<QQ", 1, position)))
    packed.file("pack").write_bytes(data[:position] + records + struct.pack("<8sQQI", b"dxpack1\n", 1, position, check))
    (gap,) = packed.holds(packed.read())
    assert gap.reason.startswith("the output file is damaged")


def test_a_damaged_index_of_a_segment_leaves_what_stands_before_it(plain: Run) -> None:
    flip(plain.file("idx"), 4 * RECORD_SIZE + 9, 1)
    found = plain.read()
    (gap,) = plain.holds(found)
    assert (gap.start > 0, gap.end) == (True, len(plain.said))
    assert damage_of(plain.folder, 1) == gap.reason == f"the output file is damaged: {plain.file('seg')}"


def test_a_file_that_is_put_back_is_read_again(packed: Run) -> None:
    away = packed.file("pack").rename(packed.folder / "away")
    packed.file("pack").write_bytes(b"")
    store = packed.store()
    assert store.read(ExecutionId(1), TARGET).gaps
    away.rename(packed.file("pack"))
    assert not packed.holds(store.read(ExecutionId(1), TARGET, limit=1 << 24))
    store.close()


def test_what_an_engine_that_died_had_counted_and_not_written_is_no_damage(plain: Run) -> None:
    more = Run(plain.folder, plain.said + b"never written", plain.stdout)
    assert more.read(state="lost").gaps == ()
    assert [gap.reason for gap in more.read().gaps] == [f"the output file is damaged: {plain.file('seg')}"]
    store = more.store(cut=True)  # the disk refused the end
    assert [gap.reason for gap in store.read(ExecutionId(1), TARGET, limit=1 << 24).gaps] == [""]
    store.close()
