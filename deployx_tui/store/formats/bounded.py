"""Bytes of a file that somebody made to hurt: read at places within it, and unpacked up to an end."""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

#: bytes that are unpacked of one file in all, and so about a second
MOST_UNPACKED = 128 << 20
#: of a decompressor's window
_MOST_MEMORY = 128 << 20
_PIECE = 64 << 10


class Unreadable(ValueError):
    """It is not what it begins as, or more than is looked at."""


class Enough(Unreadable):
    """As much was unpacked as is for looking."""


class File:
    """A file on the disk, for reading at places."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self.size = self._file.seek(0, 2)

    def __enter__(self) -> File:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def at(self, offset: int, size: int) -> bytes:
        """Exactly so many bytes. Unreadable when they are not all there."""
        data = self.some(offset, size)
        if len(data) != size:
            raise Unreadable("it ends too early")
        return data

    def some(self, offset: int, size: int) -> bytes:
        """Up to so many bytes."""
        if not 0 <= offset <= self.size:
            raise Unreadable("it points behind its end")
        self._file.seek(offset)
        return self._file.read(min(size, self.size - offset))

    def unpack(self, form: str, offset: int) -> tuple[Any, ...]:
        """Numbers as `struct` has them."""
        return struct.unpack(form, self.at(offset, struct.calcsize(form)))


class Unpacked:
    """What a compressed part of a file holds, as a stream: `read(n)` gives n bytes, fewer at the end only."""

    def __init__(self, file: File, offset: int, size: int) -> None:
        """Unreadable: it is packed in no way that is known here."""
        self._file, self._offset, self._end = file, offset, offset + size
        self._unpack = _unpacker(file.some(offset, 512), self._raw)
        self._count = 0

    def read(self, size: int) -> bytes:
        """Raises Enough when more was unpacked than is for looking, and Unreadable."""
        data = bytearray()
        while len(data) < size:
            try:
                piece = self._unpack(size - len(data))
            except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
                raise Unreadable(f"it can't be unpacked: {error}") from error
            if not piece:
                break
            self._count += len(piece)
            if self._count > MOST_UNPACKED:
                raise Enough("it is larger than is looked into")
            data += piece
        return bytes(data)

    def _raw(self, size: int) -> bytes:
        """The next packed bytes; b"" at the end."""
        if self._offset >= self._end:
            return b""
        data = self._file.some(self._offset, min(size, self._end - self._offset))
        self._offset += len(data)
        return data


#: up to so many bytes of what is packed, or unpacked; b"" at the end only
_Some = Callable[[int], bytes]


def _unpacker(begins: bytes, raw: _Some) -> _Some:
    if begins.startswith(b"\x1f\x8b"):
        return partial(_inflated, zlib.decompressobj(wbits=31), raw)
    if begins.startswith(b"\xfd7zXZ\0"):
        return partial(_decompressed, lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST_MEMORY), raw)
    if begins.startswith(b"BZh"):
        return partial(_decompressed, bz2.BZ2Decompressor(), raw)
    if begins.startswith(b"\x28\xb5\x2f\xfd"):
        return _zstd(raw)
    if begins[257:262] == b"ustar":
        return raw
    raise Unreadable("it is packed in no way that is known here")


def _inflated(unpacking: zlib._Decompress, raw: _Some, size: int) -> bytes:
    """Of gzip; zlib bounds what comes out, and gives back what it did not take in."""
    while not unpacking.eof:
        data = unpacking.unconsumed_tail or raw(_PIECE)
        piece = unpacking.decompress(data, size)
        if piece or not data:
            return piece
    return b""


def _decompressed(unpacking: lzma.LZMADecompressor | bz2.BZ2Decompressor, raw: _Some, size: int) -> bytes:
    while not unpacking.eof:
        data = raw(_PIECE) if unpacking.needs_input else b""
        piece = unpacking.decompress(data, size)
        if piece or (unpacking.needs_input and not data):
            return piece
    return b""


def _zstd(raw: _Some) -> _Some:
    import zstandard  # noqa: PLC0415 - Ubuntu's packages alone need it

    class Source:
        def read(self, size: int) -> bytes:
            return raw(size)

    unpacking = zstandard.ZstdDecompressor(max_window_size=_MOST_MEMORY)
    reader = unpacking.stream_reader(cast(IO[bytes], Source()), read_size=_PIECE, read_across_frames=True)

    def read(size: int) -> bytes:
        try:
            return bytes(reader.read(size))
        except zstandard.ZstdError as error:
            raise Unreadable(f"it can't be unpacked: {error}") from error

    return read
