"""A frame: one piece of a target's output with its place in time and in the raw stream, and its bytes on disk.

Encoding, little-endian, 38 bytes before the data:

    mark 0xDF | kind u8 | crc32 of kind and all that follows
    sequence u32 | arrival ms i64 | raw start u64 | raw length u64 | size u32
    data (size bytes)

Kind 0 is stdout, 1 stderr; 16 and 17 say what is missing of stdout and stderr (data: the missing masked length,
u64). A reader stops at the first frame that is short or whose checksum differs: that is the torn tail of a writer
that died, never an error.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from deployx_tui.model.execution import Stream

_MARK = 0xDF
_LEAD = struct.Struct("<BBI")
_BODY = struct.Struct("<IqQQI")
_GAP = struct.Struct("<Q")
_GAP_BIT = 16
HEADER_SIZE = _LEAD.size + _BODY.size

_KIND = {Stream.STDOUT: 0, Stream.STDERR: 1}
_STREAM = {kind: stream for stream, kind in _KIND.items()}


@dataclass(frozen=True, slots=True)
class Frame:
    """Masked bytes of one stream as they arrived, or the record of a gap."""

    #: 0, 1, ... within one target
    sequence: int
    #: arrival, epoch milliseconds
    at_ms: int
    #: STDOUT or STDERR
    stream: Stream
    #: where its unmasked bytes stand in the target's own stream, and how many they are
    raw_start: int
    raw_length: int
    #: masked; empty in a gap
    data: bytes
    #: masked bytes that were said here and not kept; 0: an ordinary frame
    missing: int = 0
    #: made by a reader: they were kept, and their place on disk is damaged or gone
    is_lost: bool = False

    @property
    def length(self) -> int:
        """How far it moves the logical offset."""
        return self.missing or len(self.data)

    @property
    def raw_end(self) -> int:
        """Where a masker may start again after this frame."""
        return self.raw_start + self.raw_length


def encode(frame: Frame) -> tuple[bytes, bytes]:
    """Header and data, apart, so that large data is written without a copy."""
    kind = _KIND[frame.stream]
    data = frame.data
    if frame.missing:
        kind |= _GAP_BIT
        data = _GAP.pack(frame.missing)
    body = _BODY.pack(frame.sequence, frame.at_ms, frame.raw_start, frame.raw_length, len(data))
    checksum = zlib.crc32(data, zlib.crc32(body, kind))
    return _LEAD.pack(_MARK, kind, checksum) + body, data


def decode(encoded: bytes | memoryview) -> Iterator[Frame]:
    """The whole frames at the beginning of `encoded`; ends silently at a torn tail."""
    view = memoryview(encoded)
    at = 0
    while at + HEADER_SIZE <= len(view):
        mark, kind, checksum = _LEAD.unpack_from(view, at)
        body = view[at + _LEAD.size : at + HEADER_SIZE]
        sequence, at_ms, raw_start, raw_length, size = _BODY.unpack(body)
        data = view[at + HEADER_SIZE : at + HEADER_SIZE + size]
        stream = _STREAM.get(kind & ~_GAP_BIT)
        if mark != _MARK or stream is None or len(data) != size:
            return
        if zlib.crc32(data, zlib.crc32(body, kind)) != checksum:
            return
        is_gap = bool(kind & _GAP_BIT)
        yield Frame(
            sequence,
            at_ms,
            stream,
            raw_start,
            raw_length,
            b"" if is_gap else bytes(data),
            _GAP.unpack(data)[0] if is_gap else 0,
        )
        at += HEADER_SIZE + size
