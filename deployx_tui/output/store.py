"""What targets said: written while they run, read from any offset, at once or years later.

Offsets are logical: places in a target's joined output, both streams as they arrived, masked. They never shift:
a part that was not kept is a gap that still counts. Small outputs lie in the database, large ones in the
execution's segment file; what is not written yet is read from the writer's memory, so reading a running target
sees everything that its lane has read.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Lock

from sqlalchemy import Connection

from deployx_tui.errors import NotFound, Unavailable
from deployx_tui.model.execution import OutputSlice, Stream, TargetState
from deployx_tui.model.ids import DeviceId, ExecutionId, TargetId
from deployx_tui.output.blocks import BlockList, Extent
from deployx_tui.output.frames import Frame, decode
from deployx_tui.output.mask import NO_SECRETS, SecretSet
from deployx_tui.output.packed import missing, open_reader, pack
from deployx_tui.output.said import Said
from deployx_tui.output.segments import BlockReader, SegmentWriter, UnreadableReader
from deployx_tui.output.writer import Caps, OutputTotals, OutputWriter, RunBudget
from deployx_tui.store import outputs
from deployx_tui.store.database import Database
from deployx_tui.store.files import claim_folder

#: open segment files of executions that somebody looks at
_OPEN_READERS = 32
#: of an execution's files
_SUFFIXES = (".idx", ".seg", ".pack", ".packing")


class OutputStore:
    """The outputs of one database. Thread-safe."""

    def __init__(self, database: Database, folder: Path) -> None:
        """`folder` is made 0700. OSError when it can't be, DatabaseRefused when it is a link or not ours."""
        self._database = database
        self._folder = folder
        claim_folder(folder)
        self._lock = Lock()
        self._writers: dict[TargetId, OutputWriter] = {}
        self._runs: dict[ExecutionId, _Run] = {}
        self._readers: OrderedDict[ExecutionId, BlockReader] = OrderedDict()

    # -- writing

    def writer(
        self,
        target: TargetId,
        execution: ExecutionId,
        device: DeviceId,
        secrets: SecretSet = NO_SECRETS,
        caps: Caps | None = None,
    ) -> OutputWriter:
        """Begin the output of a target that is about to start. `forget` ends it."""
        caps = caps or Caps()
        with self._lock:
            run = self._runs.setdefault(execution, _Run(self._folder, execution, RunBudget(caps.run)))
            run.writers += 1
            writer = OutputWriter(execution, target, device, secrets, caps, run.budget, run.segment)
            self._writers[target] = writer
            return writer

    def reopen(
        self,
        target: TargetId,
        execution: ExecutionId,
        device: DeviceId,
        secrets: SecretSet,
        caps: Caps | None,
        raw_bases: tuple[int, int],
    ) -> OutputWriter:
        """Go on with the output of a target that an engine before this one began; see `OutputWriter.resume`.

        It is read once as a whole, for its digest. OSError when the disk refuses.
        """
        with self._database.read() as connection:
            stored = outputs.load(connection, target)
        writer = self.writer(target, execution, device, secrets, caps)
        with self._blocks(execution, target) as (blocks, read, _):
            inline = decode(stored.frames) if stored is not None else iter(())
            spilled = (frame for number in range(len(blocks)) for frame in decode(read(number)))
            writer.resume(spilled if len(blocks) else inline, raw_bases, is_spilled=len(blocks) > 0)
        return writer

    def keep(self, connection: Connection, target: TargetId, totals: OutputTotals) -> None:
        """Store a small output, in the transaction that ends its target."""
        outputs.save(connection, target, totals.inline or b"")

    def forget(self, target: TargetId) -> None:
        """After that transaction: the output is read from where it lies."""
        with self._lock:
            writer = self._writers.pop(target, None)
            if writer is None:
                return
            run = self._runs[writer.execution]
            run.writers -= 1
            if not run.writers:
                run.close_segment()

    def end_run(self, execution: ExecutionId) -> None:
        """No further target of this execution will start here."""
        with self._lock:
            run = self._runs.get(execution)
            if run is not None and not run.writers:
                del self._runs[execution]

    def save_unfinished(self, connection: Connection, older_than: float) -> None:
        """Bring to disk what running targets said more than so many seconds ago: a crash then loses no more."""
        for target, writer in self._live():
            frames = writer.save(older_than)
            if frames is not None:
                outputs.save(connection, target, frames)

    def sizes(self) -> Mapping[TargetId, tuple[int, int]]:
        """How much each running target has said so far on stdout and on stderr."""
        return {target: writer.sizes for target, writer in self._live()}

    def stored(self) -> tuple[ExecutionId, ...]:
        """Executions that have a segment file, by id."""
        return self._named(*_SUFFIXES)

    def unpacked(self) -> tuple[ExecutionId, ...]:
        """Those of them whose file is not packed yet, or not tidied up behind a death."""
        return self._named(".idx", ".seg", ".packing")

    def _named(self, *suffixes: str) -> tuple[ExecutionId, ...]:
        names = {path.stem for path in self._folder.iterdir() if path.suffix in suffixes}
        return tuple(sorted(ExecutionId(int(name)) for name in names if name.isdecimal()))

    def pack(self, execution: ExecutionId, is_stopped: Callable[[], bool]) -> bool:
        """Make the file of an execution that is over a compressed one; see `packed.pack`. OSError passes."""
        if not pack(self._folder, execution, is_stopped):
            return False
        self._close_reader(execution)
        return True

    def delete(self, execution: ExecutionId) -> None:
        """Remove the segment file of an execution that history no longer keeps."""
        self._close_reader(execution)
        for suffix in _SUFFIXES:
            (self._folder / f"{execution}{suffix}").unlink(missing_ok=True)

    def _close_reader(self, execution: ExecutionId) -> None:
        """Whoever reads at this moment reads to the end of it."""
        with self._lock:
            reader = self._readers.pop(execution, None)
        if reader is not None:
            reader.release()

    def close(self) -> None:
        with self._lock:
            readers = [*self._readers.values()]
            self._readers.clear()
            for run in self._runs.values():
                run.close_segment()
        for reader in readers:
            reader.release()

    # -- reading

    def wait(self, target: TargetId, offset: int, timeout: timedelta) -> bool:
        """Wait until a running target has said more than `offset`, or has ended. False: neither happened in time.

        True at once for a target that does not run in this process.
        """
        writer = self._writers.get(target)
        return writer is None or writer.wait(offset, timeout.total_seconds())

    def read(
        self,
        execution: ExecutionId,
        target: TargetId,
        stream: Stream = Stream.BOTH,
        offset: int = 0,
        limit: int = 1 << 20,
        tail: int | None = None,
        line: int | None = None,
    ) -> OutputSlice:
        """Up to `limit` stored bytes of `stream` from logical offset `offset`, or the last `tail` of them, or those
        from where line `line` begins (`Said.begin_of`).

        Raises:
            NotFound: no such target.
            Unavailable: its file can't be read.
        """
        try:
            with self._said(execution, target) as said:
                skip = 0
                if line is not None:
                    offset = said.begin_of(stream, line)
                elif tail is not None:
                    offset, skip = said.place_of_tail(stream, min(tail, limit))
                return said.slice(stream, offset, limit, skip)
        except OSError as error:
            raise Unavailable(f"the output of execution {execution} can't be read: {error}") from error

    @contextmanager
    def _said(self, execution: ExecutionId, target: TargetId) -> Iterator[Said]:
        writer = self._writers.get(target)
        if writer is not None:
            # first the memory, then the file: what is written in between is seen twice, never missed
            view = writer.view()
            with self._blocks(execution, target, view.written) as (blocks, read, found):
                yield Said(
                    blocks,
                    read,
                    view.written,
                    view.frames,
                    is_complete=view.is_closed,
                    damage=self._damage(execution, found),
                )
            return
        with self._database.read() as connection:
            stored = outputs.load(connection, target)
        if stored is None:
            raise NotFound("output of target", str(target))
        with self._blocks(execution, target) as (blocks, read, found):
            inline = () if len(blocks) else tuple(decode(stored.frames))
            rest = inline or _unread(stored, blocks, found)
            written = blocks[-1].end if len(blocks) else 0
            damage = self._damage(execution, found)
            yield Said(blocks, read, written, rest, is_complete=stored.is_over, damage=damage)

    def _damage(self, execution: ExecutionId, reader: BlockReader | None) -> str:
        return missing(self._folder, execution) if reader is None else reader.damage

    @contextmanager
    def _blocks(
        self, execution: ExecutionId, target: TargetId, until: int | None = None
    ) -> Iterator[tuple[BlockList, Callable[[int], bytes], BlockReader | None]]:
        """The target's blocks that begin before `until`, what reads one by its number, and the file; None: none."""
        with self._lock:
            reader = self._readers.get(execution)
            if reader is None:
                try:
                    reader = open_reader(self._folder, execution)
                except FileNotFoundError:
                    reader = None
            if reader is None or isinstance(reader, UnreadableReader):
                evicted = None  # not kept: it may be put back
            else:
                self._readers[execution] = reader
                self._readers.move_to_end(execution)
                reader.hold()
                evicted = self._readers.popitem(last=False)[1] if len(self._readers) > _OPEN_READERS else None
        if evicted is not None:
            evicted.release()
        if reader is None:
            yield BlockList(), lambda _: b"", None
            return
        try:
            blocks, held = reader.blocks(target, until), reader
            yield blocks, lambda number: held.frames(blocks[number]), held
        finally:
            reader.release()

    def _live(self) -> list[tuple[TargetId, OutputWriter]]:
        with self._lock:
            return list(self._writers.items())


def _unread(stored: outputs.StoredOutput, blocks: BlockList, found: BlockReader | None) -> tuple[Frame, ...]:
    """Gaps for what a target that is over said behind its blocks, by what the database knows."""
    is_sound = found is not None and found.is_sound
    if not stored.is_over or (stored.state is TargetState.LOST and (found is None or is_sound)):
        return ()  # an engine that dies has counted more than it wrote
    said = blocks.said
    gaps = Extent(stored.stdout_bytes - said.stdout, stored.stderr_bytes - said.stderr).gaps()
    # of an output that was cut the disk may have refused the end
    return tuple(replace(gap, is_lost=False) for gap in gaps) if stored.is_cut and is_sound else gaps


class _Run:
    """The segment file of one execution while its targets run here. Guarded by the store's lock but for `segment`."""

    def __init__(self, folder: Path, execution: ExecutionId, budget: RunBudget) -> None:
        self.budget = budget
        self.writers = 0
        self._folder, self._execution = folder, execution
        self._segment: SegmentWriter | None = None
        self._opening = Lock()

    def segment(self) -> SegmentWriter:
        """Opened when the first target of the execution becomes large. OSError when the disk refuses."""
        with self._opening:
            if self._segment is None:
                self._segment = SegmentWriter(self._folder, self._execution)
            return self._segment

    def close_segment(self) -> None:
        with self._opening:
            if self._segment is not None:
                self._segment.close()
            self._segment = None
