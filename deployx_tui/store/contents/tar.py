"""A tar, read from a stream once and bounded in everything: ustar, GNU's long names, pax. Unpacks nothing.

Not the standard library's: that takes the memory that a header of extensions claims, whatever it says, and seeks.
The format: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Header Block"; GNU tar's manual, "Standard Format".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn

from deployx_tui.errors import InvalidInput
from deployx_tui.store.contents.incoming import PIECE, Read

_BLOCK = 512
#: of a long name, or of a member's pax header
_MOST_EXTENSION = 1 << 20
#: behind the end of an archive
_MOST_PADDING = 64 << 20
_MOST_NUMBER = 2**63 - 1


class Kind(Enum):
    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    #: what no artifact holds; `Member.what` says it
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    #: as it stands there
    path: str
    kind: Kind
    mode: int
    size: int
    #: of a link; of a hard link, which is another thing, the file that it is another name of
    target: str
    #: of another thing: "a device"
    what: str = ""


#: what the other types are called; the letters of POSIX and of GNU
_OTHERS = {
    b"1": "a hard link",
    b"3": "a device",
    b"4": "a device",
    b"6": "a pipe",
    b"7": "a contiguous file",
    b"S": "a sparse file",
    b"M": "a part of a file",
    b"D": "a folder of an incremental backup",
    b"V": "a label of a volume",
}


#: those of them that have bytes behind their header
_WITH_CONTENT = (b"7", b"S", b"M", b"D")


class Tar:
    """One pass: `for member in tar`, with `tar.read` inside of the loop for a file's content."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._left = 0
        self._padding = 0

    def read(self, size: int = PIECE) -> bytes:
        """The next bytes of the present file; b"" at its end."""
        wanted = min(size, self._left)
        if not wanted:
            return b""
        data = self._exactly(wanted)
        self._left -= wanted
        return data

    def __iter__(self) -> Iterator[Member]:
        """InvalidInput when it is no tar, or ends too early. Names that are not UTF-8 have lone surrogates."""
        said: dict[str, str] = {}
        while True:
            self._skip()
            head = self._exactly(_BLOCK)
            if not any(head):
                self._drain()
                return
            _check(head)
            type_ = head[156:157]
            size = _number(head[124:136], "size")
            match type_:
                case b"x" | b"L" | b"K":
                    data = self._extension(size)
                    if type_ == b"x":
                        said |= _pax(data)
                    else:
                        said["path" if type_ == b"L" else "linkpath"] = _text(data.rstrip(b"\0"))
                    continue
                case b"g":
                    self._extension(size)  # of all members: names and sizes of its own say nothing of one
                    continue
            yield self._member(head, type_, size, said)
            said = {}

    def _member(self, head: bytes, type_: bytes, size: int, said: dict[str, str]) -> Member:
        path = said.get("path")
        if path is None:
            path = _text(_ended(head[:100]))
            prefix = _text(_ended(head[345:500])) if head[257:263] == b"ustar\0" else ""
            path = f"{prefix}/{path}" if prefix else path
        match type_:
            case b"0" | b"\0":
                # before POSIX a folder was a file whose name ends so
                kind = Kind.FOLDER if path.endswith("/") and type_ == b"\0" else Kind.FILE
            case b"5":
                kind = Kind.FOLDER
            case b"2":
                kind = Kind.LINK
            case _:
                kind = Kind.OTHER
        if any(key.startswith("GNU.sparse") for key in said):
            kind, type_ = Kind.OTHER, b"S"
        if "size" in said:
            size = _decimal(said["size"])
        # folders and links have no content, whatever their size says; a hard link may have one, and here has none
        self._left = size if kind is Kind.FILE or type_ in _WITH_CONTENT else 0
        self._padding = -self._left % _BLOCK
        return Member(
            path=path,
            kind=kind,
            mode=_number(head[100:108], "mode"),
            size=self._left,
            target=said.get("linkpath", _text(_ended(head[157:257]))) if type_ in (b"1", b"2") else "",
            what=_OTHERS.get(type_, f"of the unknown type {type_!r}") if kind is Kind.OTHER else "",
        )

    def _skip(self) -> None:
        """Over what is left of the present file, and its padding."""
        while self.read():
            pass
        if self._padding:
            self._exactly(self._padding)
            self._padding = 0

    def _extension(self, size: int) -> bytes:
        if size > _MOST_EXTENSION:
            _refuse(f"a header of it has {size} bytes", f"names may have {_MOST_EXTENSION}")
        data = self._exactly(size)
        self._exactly(-size % _BLOCK)
        return data

    def _drain(self) -> None:
        """To the end of the stream: what comes behind the end of the archive is padding."""
        seen = 0
        while seen <= _MOST_PADDING:
            piece = self._read(PIECE)
            if not piece:
                return
            seen += len(piece)
        _refuse("it does not end where its archive does", "send the tar alone")

    def _exactly(self, size: int) -> bytes:
        data = self._read(size)
        while len(data) < size:
            more = self._read(size - len(data))
            if not more:
                _refuse("the tar ends too early", "send all of it")
            data += more
        return data


def _check(head: bytes) -> None:
    """The sum of the bytes of a header, its own field taken for blanks; old tars sum signed ones."""
    told = _number(head[148:156], "checksum")
    plain = head[:148] + b" " * 8 + head[156:]
    unsigned = sum(plain)
    if told not in (unsigned, unsigned - 256 * sum(byte > 127 for byte in plain)):
        _refuse("it is not a tar", "send an uncompressed tar")


def _number(field: bytes, name: str) -> int:
    """Octal, or GNU's binary when the first bit is set."""
    if field[0] & 0x80:
        number = int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
        if field[0] == 0xFF or number > _MOST_NUMBER:
            _refuse(f"a header's {name} is out of range", "make the tar anew")
        return number
    digits = _ended(field).strip(b" ")
    if not digits:
        return 0
    if not all(0x30 <= digit <= 0x37 for digit in digits):
        _refuse(f"a header's {name} is no number: it is not a tar", "send an uncompressed tar")
    return int(digits, 8)


def _decimal(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        _refuse(f"a header's size is {text[:40]!r}", "make the tar anew")
    return int(text)


def _pax(data: bytes) -> dict[str, str]:
    """Records of `LENGTH KEY=VALUE\\n`."""
    found: dict[str, str] = {}
    at = 0
    while at < len(data):
        blank = data.find(b" ", at, at + 20)
        digits = data[at:blank]
        if blank < 0 or not digits.isdigit():
            _refuse("a pax header can't be read", "make the tar anew")
        end = at + int(digits)
        key, equals, value = data[blank + 1 : end - 1].partition(b"=")
        if end > len(data) or end <= blank + 1 or data[end - 1 : end] != b"\n" or not equals:
            _refuse("a pax header can't be read", "make the tar anew")
        if key in (b"path", b"linkpath", b"size") or key.startswith(b"GNU.sparse"):
            found[_text(key)] = _text(value)
        at = end
    return found


def _ended(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _refuse(message: str, remedy: str) -> NoReturn:
    raise InvalidInput.of("artifact", message, remedy)
