"""What one running target says, on its way to disk: masked, framed, counted, kept within its caps.

`write` is called in the thread that reads from the target and writes to disk itself, so a slow disk slows the
target. What a writer holds in memory is at most one block (128 KiB) and, above the cap, the tail (512 KiB): less
than 1 MiB, whatever the target does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from threading import Condition, Lock
from time import monotonic

from deployx_tui.model.execution import Stream
from deployx_tui.model.ids import DeviceId, ExecutionId, TargetId
from deployx_tui.output.blocks import Extent
from deployx_tui.output.frames import HEADER_SIZE, Frame, encode
from deployx_tui.output.mask import Masked, SecretSet
from deployx_tui.output.segments import SegmentWriter
from deployx_tui.output.tail import Tail, append_or_join

#: outputs up to this many bytes lie in the database, larger ones in the segment file
INLINE_LIMIT = 8 << 10
#: what an inline output may take with its frame headers; one byte a frame would take 38 times its size
_INLINE_ENCODED_LIMIT = 4 * INLINE_LIMIT
#: a spilled writer gathers so much before it writes
_BLOCK = 64 << 10
#: raw data is masked and framed in pieces of at most this
_PIECE = 64 << 10
#: first and last bytes that full-text search sees
SAMPLE = 2 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How much output is kept, in masked bytes. Above it head and tail stay, and a gap says what is missing."""

    target: int = 128 << 20
    #: for all targets of an execution together
    run: int = 4 << 30
    #: the end that is kept of a target above its cap; held in memory until the target ends
    tail: int = 512 << 10
    #: each target keeps this much of its beginning even when the run's cap is spent
    floor: int = 64 << 10


class RunBudget:
    """What an execution may still keep. Shared by its writers."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = Lock()

    def take(self, size: int) -> bool:
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputTotals:
    """What a finished target said."""

    stdout_bytes: int
    stderr_bytes: int
    #: a part was not kept
    cut: bool
    #: hex; of the SHA-256 of stdout followed by that of stderr, so that equal means equal on both
    sha256: str
    #: the first and last 2 KiB of the joined output; the last is b"" when the first holds all
    head: bytes
    tail: bytes
    #: the frames when they belong into the database; None: they lie in the segment file
    inline: bytes | None
    #: why output could not be kept ("No space left on device"); "" when all is well
    trouble: str


@dataclass(frozen=True, slots=True)
class LiveView:
    """What is not on disk yet, at one moment."""

    #: logical offset up to which the segment file has everything
    written: int
    #: from `written` on, in order, gaps included
    frames: tuple[Frame, ...]
    total: int
    is_closed: bool


class OutputWriter:
    """The output of one target of one execution. One thread writes; any thread may look."""

    def __init__(
        self,
        execution: ExecutionId,
        target: TargetId,
        device: DeviceId,
        secrets: SecretSet,
        caps: Caps,
        budget: RunBudget,
        open_segment: Callable[[], SegmentWriter],
    ) -> None:
        self.execution, self.target, self.device = execution, target, device
        self._secrets, self._budget, self._open_segment = secrets, budget, open_segment
        self._tail_cap = min(caps.tail, caps.target // 2)
        self._head_cap = caps.target - self._tail_cap
        self._floor = min(caps.floor, self._head_cap)
        self._masks = {stream: secrets.stream() for stream in (Stream.STDOUT, Stream.STDERR)}
        self._hashes = {stream: hashlib.sha256() for stream in self._masks}
        self._head, self._last = b"", b""
        self._sequence = 0
        #: guards everything below and wakes those who wait for more; never held over I/O
        self._changed = Condition()
        self._sizes = dict.fromkeys(self._masks, 0)
        self._pending: list[Frame] = []
        self._pending_size = 0
        self._pending_since = 0.0
        #: taken out of `_pending`, on their way to disk
        self._writing: list[Frame] = []
        self._written = 0
        self._tail: Tail | None = None
        self._segment: SegmentWriter | None = None
        self._is_closed = False
        self._trouble = ""
        #: a part that an engine before this one had heard was not kept
        self._is_short = False
        #: one flush at a time, so that blocks stand in order
        self._flushing = Lock()

    def write(self, stream: Stream, data: bytes, at: datetime) -> None:
        """Keep what came from STDOUT or STDERR at `at` (aware). Blocks while the disk does. Never raises OSError:
        what can't be written is a gap, and the totals say why."""
        at_ms = int(at.timestamp() * 1000)
        mask = self._masks[stream]
        if len(data) <= _PIECE:
            self._keep(stream, at_ms, mask.feed(data))
            return
        view = memoryview(data)
        for start in range(0, len(data), _PIECE):
            self._keep(stream, at_ms, mask.feed(bytes(view[start : start + _PIECE])))

    def resume(self, frames: Iterable[Frame], raw_bases: tuple[int, int], *, is_spilled: bool) -> None:
        """Before the first `write`: go on behind these frames, which an engine before this one kept.

        `raw_bases`: raw offsets of stdout and stderr before which nothing can be had again. OSError when the segment
        file can't be opened.
        """
        raw = dict(zip(self._masks, raw_bases, strict=True))
        reached = dict.fromkeys(self._masks, 0)
        for frame in frames:
            reached[frame.stream] = max(reached[frame.stream], frame.raw_end)
            self._hashes[frame.stream].update(frame.data)
            self._sample(frame.data)
            self._sizes[frame.stream] += frame.length
            self._sequence = frame.sequence + 1
            self._is_short = self._is_short or frame.missing > 0
            self._budget.take(len(frame.data))
            if not is_spilled:
                self._append(frame)
        if is_spilled:
            self._segment, self._written = self._open_segment(), self._total
        for stream in self._masks:
            self._is_short = self._is_short or reached[stream] < raw[stream]
            self._masks[stream] = self._secrets.stream(max(reached[stream], raw[stream]))

    def raw_offset(self, stream: Stream) -> int:
        """How much of the target's own STDOUT or STDERR stands in frames: where it is to be read on."""
        return self._masks[stream].given

    def settle(self, at: datetime) -> bytes | None:
        """A step is over: what its masks held back is kept, and everything brought to disk, to survive a power loss.

        Returns frames that belong into the database, None when they lie in the segment file.
        """
        at_ms = int(at.timestamp() * 1000)
        for stream, mask in self._masks.items():
            self._keep(stream, at_ms, mask.finish())
            self._masks[stream] = self._secrets.stream(mask.given)
        return self.suspend()

    def suspend(self) -> bytes | None:
        """Bring to disk what stands in frames; another writer may `resume` behind it. Returns what `settle` does."""
        with self._changed:
            if not self.is_spilled:
                return _encoded(self._pending)
        self._flush()
        self._sync()
        return None

    def _sync(self) -> None:
        if self._segment is None:
            return
        try:
            self._segment.sync()
        except OSError as error:
            with self._changed:
                self._trouble = f"output could not be written: {error.strerror or error}"

    def close(self, at: datetime, *, durable: bool = False) -> OutputTotals:
        """No more will come. What the mask held back is kept; the totals go into the target's row.

        With `durable` a large output is on disk for good when this returns.
        """
        at_ms = int(at.timestamp() * 1000)
        for stream, mask in self._masks.items():
            self._keep(stream, at_ms, mask.finish())
        if self._segment is not None or self._tail is not None:
            self._flush(last=True)
            if durable:
                self._sync()
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            out, err = (self._hashes[stream].digest() for stream in self._masks)
            return OutputTotals(
                stdout_bytes=self._sizes[Stream.STDOUT],
                stderr_bytes=self._sizes[Stream.STDERR],
                cut=self._is_short or (self._tail is not None and self._tail.missing > 0),
                sha256=hashlib.sha256(out + err).hexdigest(),
                head=self._head,
                tail=self._last,
                inline=None if self.is_spilled else _encoded(self._pending),
                trouble=self._trouble,
            )

    def save(self, older_than: float) -> bytes | None:
        """Bring to disk what has waited for `older_than` seconds, so that a crash loses little.

        Returns frames that belong into the database, None when there is nothing to do there.
        """
        with self._changed:
            is_old = bool(self._pending) and monotonic() - self._pending_since >= older_than
            if not is_old or self._is_closed:
                return None
            self._pending_since = monotonic()
            if not self.is_spilled:
                return _encoded(self._pending)
        self._flush()
        return None

    @property
    def is_spilled(self) -> bool:
        """Whether the output lies in the segment file."""
        return self._segment is not None

    def view(self) -> LiveView:
        with self._changed:
            tail = self._tail.frames() if self._tail else []
            return LiveView(
                written=self._written,
                frames=(*self._writing, *self._pending, *tail),
                total=self._total,
                is_closed=self._is_closed,
            )

    def wait(self, offset: int, timeout: float) -> bool:
        """Wait until there is more than `offset`, or the end, or `timeout` seconds have passed (then False)."""
        with self._changed:
            return self._changed.wait_for(lambda: self._is_closed or self._total > offset, timeout)

    @property
    def sizes(self) -> tuple[int, int]:
        """Logical lengths of stdout and stderr so far."""
        with self._changed:
            return self._sizes[Stream.STDOUT], self._sizes[Stream.STDERR]

    @property
    def _total(self) -> int:
        return sum(self._sizes.values())

    def _keep(self, stream: Stream, at_ms: int, piece: Masked) -> None:
        if not piece.raw_length:
            return
        self._hashes[stream].update(piece.data)
        self._sample(piece.data)
        with self._changed:
            self._sizes[stream] += len(piece.data)
            frame = Frame(self._sequence, at_ms, stream, piece.raw_start, piece.raw_length, piece.data)
            self._sequence += 1
            if self._tail is None and (tail_cap := self._cap_reached(len(piece.data))):
                self._tail = Tail(tail_cap)
            if self._tail is not None:
                self._tail.append(frame)
            else:
                self._append(frame)
            self._changed.notify_all()
            cost = self._pending_size + HEADER_SIZE * len(self._pending)
            is_large = self._total > INLINE_LIMIT or cost > _INLINE_ENCODED_LIMIT
            is_due = cost >= _BLOCK if self.is_spilled else is_large
        if is_due:
            self._flush()

    def _cap_reached(self, size: int) -> int:
        """0: so much more may stand in the file. Else how much of the end is kept from here on."""
        if self._total > self._head_cap:
            return self._tail_cap
        if self._budget.take(size) or self._total <= self._floor:
            return 0
        return min(self._tail_cap, self._floor)

    def _append(self, frame: Frame) -> None:
        if not self._pending:
            self._pending_since = monotonic()
        self._pending_size += len(frame.data)
        append_or_join(self._pending, frame)

    def _sample(self, data: bytes) -> None:
        room = SAMPLE - len(self._head)
        if room:
            self._head += data[:room]
            data = data[room:]
        if data:
            self._last = (self._last + data[-SAMPLE:])[-SAMPLE:]

    def _flush(self, *, last: bool = False) -> None:
        """Write what is pending; with `last` also the tail, behind its gap."""
        with self._flushing:
            with self._changed:
                self._writing, self._pending, self._pending_size = self._pending, [], 0
                frames = [*self._writing, *(self._tail.frames() if last and self._tail else [])]
                segment = self._segment
            if not frames:
                return
            extent = Extent.of(frames)
            try:
                segment = segment or self._open_segment()
                buffers = [part for frame in frames for part in encode(frame)]
                segment.append(self.target, self._written, extent, buffers)
            except OSError as error:
                self._give_up(error, last=last)
                return
            with self._changed:
                self._segment = segment
                self._writing = []
                self._written += extent.size
                if last and self._tail is not None:
                    self._tail.was_written()

    def _give_up(self, error: OSError, *, last: bool) -> None:
        """The disk refuses: from here on only the end is kept, in memory, and written if the disk recovers."""
        with self._changed:
            self._trouble = f"output could not be written: {error.strerror or error}"
            rest = [*self._writing, *self._pending]
            self._writing, self._pending, self._pending_size = [], [], 0
            if self._tail is None:
                self._tail = Tail(self._tail_cap)
                for frame in rest:
                    self._tail.append(frame)
            if last:
                self._tail.lose_all()


def _encoded(frames: Iterable[Frame]) -> bytes:
    return b"".join(part for frame in frames for part in encode(frame))
