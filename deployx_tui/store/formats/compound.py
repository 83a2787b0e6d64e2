"""Microsoft's compound files ([MS-CFB]): streams by name, as .msi files have them. Bounded, and no loop goes round."""

from __future__ import annotations

import struct

from deployx_tui.store.formats.bounded import File, Unreadable

BEGINS = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_END = 0xFFFFFFFE
_BIGGEST_SECTOR = 0xFFFFFFFA
#: streams and folders that are looked through
_MOST_ENTRIES = 4096
#: sectors that list the sectors of the table
_MOST_LISTS = 1024
_ENTRY = 128
_STREAM, _ROOT = 2, 5


class Compound:
    def __init__(self, file: File) -> None:
        head = file.at(0, 512)
        if head[:8] != BEGINS:
            raise Unreadable("it is no compound file")
        shift, mini_shift = struct.unpack("<HH", head[30:34])
        if shift not in (9, 12) or mini_shift != 6:
            raise Unreadable("its header can't be read")
        self._file, self._sector, self._mini = file, 1 << shift, 1 << mini_shift
        first_folder, self._cutoff, first_mini = (struct.unpack("<I", head[at : at + 4])[0] for at in (48, 56, 60))
        self._tables = self._list_of_tables(head)
        folder = self._chain(first_folder, _MOST_ENTRIES * _ENTRY)
        self._mini_table = first_mini
        #: name: (first sector, size)
        self.streams: dict[str, tuple[int, int]] = {}
        self._mini_stream = b""
        self._root = (_END, 0)
        for at in range(0, len(folder) - _ENTRY + 1, _ENTRY):
            self._add(folder[at : at + _ENTRY])

    def read(self, name: str, most: int) -> bytes:
        """A stream, up to `most` bytes of it; b"" when there is none."""
        if name not in self.streams:
            return b""
        first, size = self.streams[name]
        size = min(size, most)
        return self._chain(first, size) if self.streams[name][1] >= self._cutoff else self._in_mini(first, size)

    def _add(self, entry: bytes) -> None:
        length, kind = struct.unpack("<HB", entry[64:67])
        first, size = struct.unpack("<IQ", entry[116:128])
        if self._sector == 512:
            size &= 0xFFFFFFFF  # of version 3 the upper half means nothing
        if kind == _ROOT:
            self._root = (first, size)
        elif kind == _STREAM and 2 <= length <= 64:
            self.streams[entry[: length - 2].decode("utf-16-le", "replace")] = (first, size)

    def _list_of_tables(self, head: bytes) -> list[int]:
        """The sectors of the table of sectors."""
        found = [*struct.unpack("<109I", head[76:512])]
        (place,) = struct.unpack("<I", head[68:72])
        for _ in range(_MOST_LISTS):
            if place > _BIGGEST_SECTOR:
                break
            data = struct.unpack(f"<{self._sector // 4}I", self._at(place))
            found += data[:-1]
            place = data[-1]
        return [each for each in found if each <= _BIGGEST_SECTOR]

    def _at(self, sector: int) -> bytes:
        return self._file.at((sector + 1) * self._sector, self._sector)

    def _next(self, sector: int) -> int:
        table, at = divmod(sector, self._sector // 4)
        if table >= len(self._tables):
            raise Unreadable("a chain leads out of it")
        return int(self._file.unpack("<I", (self._tables[table] + 1) * self._sector + 4 * at)[0])

    def _chain(self, sector: int, size: int) -> bytes:
        """Up to `size` bytes of a chain of sectors: what bounds a loop too."""
        found = bytearray()
        while len(found) < size and sector <= _BIGGEST_SECTOR:
            found += self._at(sector)
            sector = self._next(sector)
        return bytes(found[:size])

    def _in_mini(self, sector: int, size: int) -> bytes:
        """Of a small stream, whose sectors lie in a stream of the root's."""
        table = self._chain(self._mini_table, 4 << 20)
        lies_in = self._chain(self._root[0], min(self._root[1], 4 << 20))
        found = bytearray()
        while len(found) < size and sector <= _BIGGEST_SECTOR:
            found += lies_in[sector * self._mini : (sector + 1) * self._mini]
            if 4 * sector + 4 > len(table) or (sector + 1) * self._mini > len(lies_in):
                raise Unreadable("a chain leads out of it")
            (sector,) = struct.unpack("<I", table[4 * sector : 4 * sector + 4])
        return bytes(found[:size])
