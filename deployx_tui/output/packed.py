"""An execution's output once it is over: one compressed file instead of the two that it was written to.

    <execution>.pack = zlib streams, then their records (`output.blocks`), then
                       magic 8 bytes | execution u64 | position of the records u64 | crc32 of that and them u32

A stream holds frames of one target that follow each other, at least 128 KiB where there are as many: small blocks
that were written between those of other targets stand together now. A reader of any offset expands one stream and no
other. Logical offsets and line numbers are those of before.

Nothing of it is believed: a record must lie within the file, a stream has the checksum that zlib gave it, and the file
says whose it is, so that another run's in its place is told apart.

The file gets its name when it is whole and on disk; only then the two others go. A death at any point leaves either
them or it complete, and whoever had opened them reads on.
"""

from __future__ import annotations

import logging
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from deployx_tui.output.blocks import Block, BlockList, Extent, decode_records, encode_record
from deployx_tui.output.frames import decode
from deployx_tui.output.segments import BlockReader, Damaged, SegmentReader, UnreadableReader, read_at
from deployx_tui.store.files import sync_folder

log = logging.getLogger(__name__)

_MAGIC = b"dxpack1\n"
_FOOTER = struct.Struct("<8sQQI")
_WHERE = struct.Struct("<QQ")
#: frames of one stream: more saves little space, less makes an offset dearer to find
_GATHERED = 128 << 10
#: of what the file may at most take, so much more must be free
_SPARE = 64 << 20
#: 6 would take three times as long for a tenth less
_LEVEL = 1


class PackedReader(BlockReader):
    """Reads a packed execution."""

    def __init__(self, folder: Path, execution: int) -> None:
        """FileNotFoundError when it was not packed, OSError when it can't be opened, Damaged."""
        path = packed(folder, execution)
        self._file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        super().__init__(path, self._file)
        try:
            self._read_index(execution, self._targets)
        except Damaged:
            self.release()
            raise

    @property
    def is_sound(self) -> bool:
        return True  # else it was not opened

    def frames(self, block: Block) -> bytes:
        try:
            return zlib.decompress(read_at(self._file, block.size, block.position))
        except zlib.error as error:
            log.info("%s is damaged at %d: %s", self.path, block.position, error)
            return b""

    def _refresh(self, into: dict[int, BlockList]) -> None:
        return  # it is whole

    def _read_index(self, execution: int, into: dict[int, BlockList]) -> None:
        end = os.fstat(self._file).st_size - _FOOTER.size
        footer = read_at(self._file, _FOOTER.size, end) if end >= 0 else b""
        if len(footer) != _FOOTER.size or not footer.startswith(_MAGIC):
            raise Damaged(self.damage)
        _, whose, position, checksum = _FOOTER.unpack(footer)
        records = read_at(self._file, end - position, position) if position <= end else b""
        if position > end or _checksum(whose, position, records) != checksum:
            raise Damaged(self.damage)
        if whose != execution:
            raise Damaged(f"the output file is that of execution {whose}: {self.path}")
        is_whole = decode_records(records, into) == len(records)
        if not is_whole or any(block.position + block.size > position for blocks in into.values() for block in blocks):
            raise Damaged(self.damage)


def packed(folder: Path, execution: int) -> Path:
    """Where the packed file stands, if there is one."""
    return folder / f"{execution}.pack"


def open_reader(folder: Path, execution: int) -> BlockReader:
    """The execution's output in whatever form. FileNotFoundError: it has no file; OSError: it can't be opened."""
    try:
        return PackedReader(folder, execution)
    except FileNotFoundError:
        pass
    except Damaged as damage:
        return UnreadableReader(packed(folder, execution), str(damage))
    try:
        return SegmentReader(folder, execution)
    except FileNotFoundError:
        if not packed(folder, execution).exists():
            raise
    return open_reader(folder, execution)  # it was packed between the two looks


def missing(folder: Path, execution: int) -> str:
    """Why nothing can be read of an execution that has no file and should."""
    return f"the output file is missing: {packed(folder, execution)}"


def damage_of(folder: Path, execution: int) -> str:
    """What is wrong with the file as far as its index tells, without a look at the streams; "" when nothing is."""
    try:
        reader = open_reader(folder, execution)
    except FileNotFoundError:
        return ""  # removed meanwhile
    except OSError as error:
        return f"the output file can't be opened: {error}"
    try:
        return "" if reader.is_sound else reader.damage
    finally:
        reader.release()


def pack(folder: Path, execution: int, is_stopped: Callable[[], bool]) -> bool:
    """Pack what an execution that is over said. True: it is packed, now or since earlier.

    False: there is nothing, or somebody may still write, or `is_stopped` said so, or the disk has too little room.
    OSError when the disk refuses. The bytes are the same in every case.
    """
    destination, unfinished = packed(folder, execution), folder / f"{execution}.packing"
    if destination.exists():
        _remove_plain(folder, execution)  # a death came between
        return True
    try:
        source = SegmentReader(folder, execution)
    except FileNotFoundError:
        return False
    try:
        if not source.lock() or not _has_room(folder, source.size):
            return False
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            records = bytearray()
            for target in source.targets():
                for start, extent, frames in _gathered(source, target):
                    if is_stopped():
                        unfinished.unlink()
                        return False
                    compressed = zlib.compress(frames, _LEVEL)
                    records += encode_record(target, file.tell(), len(compressed), start, extent)
                    file.write(compressed)
            position = file.tell()
            footer = _FOOTER.pack(_MAGIC, execution, position, _checksum(execution, position, bytes(records)))
            file.write(records + footer)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(destination)
        sync_folder(folder)
        _remove_plain(folder, execution)
        return True
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    finally:
        source.release()


def _gathered(source: BlockReader, target: int) -> Iterator[tuple[int, Extent, bytes]]:
    """(logical start, extent, frames) of what becomes one stream each."""
    held, start, extent = bytearray(), 0, Extent()
    for block in source.blocks(target):
        frames = source.frames(block)
        is_whole = sum(frame.length for frame in decode(frames)) == block.extent.size
        # a damaged block is kept as it is and alone: frames behind the damage would not be found
        if held and not (is_whole and start + extent.size == block.start):
            yield start, extent, bytes(held)
            held, extent = bytearray(), Extent()
        start = start if held else block.start
        held += frames
        extent += block.extent
        if len(held) >= _GATHERED or not is_whole:
            yield start, extent, bytes(held)
            held, extent = bytearray(), Extent()
    if held:
        yield start, extent, bytes(held)


def _checksum(execution: int, position: int, records: bytes) -> int:
    return zlib.crc32(records, zlib.crc32(_WHERE.pack(execution, position)))


def _has_room(folder: Path, size: int) -> bool:
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    if free >= size + _SPARE:
        return True
    log.info("output is not packed: %d bytes are free, it may take %d", free, size)
    return False


def _remove_plain(folder: Path, execution: int) -> None:
    # the segment first: a reader that finds it relies on the index being there
    for suffix in (".seg", ".idx"):
        (folder / f"{execution}{suffix}").unlink(missing_ok=True)
