"""A line of an output of one gigabyte, by its number (pytest -m benchmark -s tests/benchmarks/test_output_lines.py)."""

from __future__ import annotations

import random
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deployx_tui.model.execution import Stream
from deployx_tui.model.ids import DeviceId, ExecutionId, TargetId
from deployx_tui.output.blocks import Block
from deployx_tui.output.packed import PackedReader
from deployx_tui.output.segments import BlockReader, SegmentReader
from deployx_tui.output.store import OutputStore
from deployx_tui.output.writer import Caps
from tests.support.outputs import OnlyFiles

SIZE = 1 << 30
LINE = b"%011d Get:17 http://deb.debian.org/debian stable/main amd64 libssl3 amd64 3.0.%05d [2031 kB]\n"
RUN, TARGET = ExecutionId(1), TargetId(1)


class Reads:
    """Bytes and blocks that readers of a kind fetch."""

    def __init__(self, patch: pytest.MonkeyPatch, kind: type[BlockReader]) -> None:
        self.blocks = self.size = 0
        frames = kind.frames

        def counted(reader: BlockReader, block: Block) -> bytes:
            self.blocks += 1
            self.size += block.size
            return frames(reader, block)

        patch.setattr(kind, "frames", counted)


def measure(store: OutputStore, reads: Reads, lines: int, name: str) -> None:
    source, times, blocks, size = random.Random(1), [], 0, 0
    store.read(RUN, TARGET, line=0, limit=1)  # the index is read when the file is opened
    for line in [*(source.randrange(lines) for _ in range(200)), lines - 1, -1]:
        reads.blocks = reads.size = 0
        begin = time.perf_counter()
        found = store.read(RUN, TARGET, line=line, limit=100)
        times.append((time.perf_counter() - begin) * 1000)
        assert found.chunks[0].data.startswith(b"%011d " % (line % lines))
        blocks, size = max(blocks, reads.blocks), max(size, reads.size)
    times.sort()
    p95 = times[len(times) * 95 // 100]
    print(
        f"{name:9} {lines:,} lines: median {statistics.median(times):5.1f} ms, p95 {p95:5.1f}, "
        f"worst {times[-1]:5.1f}; at most {blocks} blocks, {size / 1024:.0f} KiB read"
    )
    assert blocks <= 3


@pytest.mark.benchmark
@pytest.mark.timeout(900)
def test_a_line_of_a_gigabyte(tmp_path: Path) -> None:
    store = OutputStore(OnlyFiles(), tmp_path / "output")  # type: ignore[arg-type]  # knows the target, no more
    caps = Caps(target=2 * SIZE, run=2 * SIZE)
    writer = store.writer(TARGET, RUN, DeviceId(1), caps=caps)
    width, count, at = len(LINE % (0, 0)), 0, datetime.now(UTC)
    begin = time.perf_counter()
    while count * width < SIZE:
        writer.write(Stream.STDOUT, b"".join(LINE % (n, n % 100_000) for n in range(count, count + 600)), at)
        count += 600
    print(f"\nwriting {count * width / 1e9:.2f} GB: {time.perf_counter() - begin:.0f} s")
    with pytest.MonkeyPatch.context() as patch:
        measure(store, Reads(patch, SegmentReader), count, "running")
        writer.close(at)
        store.forget(TARGET)
        measure(store, Reads(patch, SegmentReader), count, "ended")
        begin = time.perf_counter()
        assert store.pack(RUN, lambda: False)
        size = (tmp_path / "output" / "1.pack").stat().st_size
        print(f"packing: {time.perf_counter() - begin:.0f} s, to {size / count / width:.0%}")
        measure(store, Reads(patch, PackedReader), count, "packed")
    store.close()
