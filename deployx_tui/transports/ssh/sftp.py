"""SFTP, version 3 (draft-ietf-secsh-filexfer-02), as far as moving one file needs it: a codec over a session of ours.

paramiko's client takes answers of 16 MiB, swallows what a close says, drops the status of a pipelined write that comes
late, and waits without an end; and it wants paramiko's own Channel. A server may lie: an answer that nobody asked for,
that is too long or is none is a broken session.
"""

from __future__ import annotations

import stat
import struct
import time
from dataclasses import dataclass
from threading import Event

from deployx_tui.model.execution import Stream
from deployx_tui.transports.base import Signalled
from deployx_tui.transports.posix import files
from deployx_tui.transports.posix.carrier import Broken
from deployx_tui.transports.posix.heard import LOOK
from deployx_tui.transports.ssh.guard import Guarded

SUBSYSTEM = b"sftp"
READ, WRITE = 1, 2
_INIT, _VERSION = 1, 2
_OPEN, _CLOSE, _READ, _WRITE, _STAT, _FSTAT, _EXTENDED = 3, 4, 5, 6, 17, 8, 200
_STATUS, _HANDLE, _DATA, _ATTRS, _EXTENDED_REPLY = 101, 102, 103, 105, 201
_OK, _EOF = 0, 1
_ATTR_SIZE, _ATTR_OWNER, _ATTR_MODE = 1, 2, 4
#: bytes of an answer: a piece that was read with its head is the largest
_MOST_ANSWER = 64 * 1024
#: bytes that one reading asks for
READ_PIECE = 32 * 1024
#: draft 3: "no longer than 256 bytes"
_MOST_HANDLE = 256
#: what an error without words is called
_NAMES = ("Success", "End of file", "No such file", "Permission denied", "Failure", "Bad message", "No connection")
#: of OpenSSH: how much is free where a file lies
_STATVFS = b"statvfs@openssh.com"


class NoSftp(Exception):
    """The server has none, or none that answers as such; nothing was asked of it."""


class Cancelled(Exception):
    """As was asked for."""


class Said(Exception):
    """The server does not do what was asked for, in its words."""

    #: the code of "no such file"
    MISSING = 2

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code

    @property
    def is_end_of_file(self) -> bool:
        return self.code == _EOF


@dataclass(frozen=True, slots=True)
class Attributes:
    """Of a file; None: the server does not say."""

    size: int | None
    mode: int | None

    @property
    def is_plain(self) -> bool:
        return self.mode is None or stat.S_IFMT(self.mode) in (0, stat.S_IFREG)


@dataclass(frozen=True, slots=True)
class Answer:
    number: int
    kind: int
    body: bytes

    def check(self) -> None:
        """Raise Said unless it is a status that says yes."""
        if self.kind != _STATUS or len(self.body) < 4:
            raise Broken("the SFTP server answered with something else than a status")
        code = struct.unpack_from(">I", self.body)[0]
        if code != _OK:
            raise self._said(code)

    def handle(self) -> bytes:
        handle = _string(self._of(_HANDLE))
        if handle is None or len(handle) > _MOST_HANDLE:
            raise Broken("the SFTP server gave a handle that is none")
        return handle

    def data(self) -> bytes:
        """At least a byte."""
        data = _string(self._of(_DATA))
        if not data:
            raise Broken("the SFTP server answered a reading with nothing")
        return data

    def attributes(self) -> Attributes:
        body = self._of(_ATTRS)
        try:
            flags, at = struct.unpack_from(">I", body)[0], 4
            size = struct.unpack_from(">Q", body, at)[0] if flags & _ATTR_SIZE else None
            at += 8 * bool(flags & _ATTR_SIZE) + 8 * bool(flags & _ATTR_OWNER)
            mode = struct.unpack_from(">I", body, at)[0] if flags & _ATTR_MODE else None
        except struct.error as error:
            raise Broken("the SFTP server sent attributes that are none") from error
        return Attributes(size, mode)

    def free_bytes(self) -> int:
        """Of OpenSSH's statvfs: block size, fragment size, blocks, free, free for everybody, ..."""
        body = self._of(_EXTENDED_REPLY)
        if len(body) < 40:
            raise Broken("the SFTP server's answer is too short")
        _, fragment, _, _, free = struct.unpack_from(">5Q", body)
        return int(fragment * free)

    def _of(self, kind: int) -> bytes:
        if self.kind == kind:
            return self.body
        if self.kind == _STATUS and len(self.body) >= 4:
            raise self._said(struct.unpack_from(">I", self.body)[0])
        raise Broken("the SFTP server answered with something that was not asked for")

    def _said(self, code: int) -> Said:
        name = _NAMES[code] if code < len(_NAMES) else f"error {code}"
        return Said(code, files.words(_string(self.body[4:]) or b"") or name)


class Sftp:
    """One SFTP session. Used by one thread. Everything raises Broken, and Cancelled soon after a cancel."""

    def __init__(self, guarded: Guarded, cancel: Event) -> None:
        self._guarded = guarded
        self._channel = guarded.channel
        self._cancel = cancel
        self._came = bytearray()
        self._numbers = 0
        #: asked, and not answered yet
        self._asked: set[int] = set()
        #: answered, and not looked at yet
        self._kept: dict[int, Answer] = {}
        self._extensions: set[bytes] = set()

    def greet(self, seconds: float) -> None:
        """Raises NoSftp when it is not SFTP that answers, within so many seconds."""
        try:
            self._channel.feed(struct.pack(">IBI", 5, _INIT, 3))
            packet = self._packet(time.monotonic() + seconds)
        except Broken as error:
            if self._channel.lost is not None:
                raise
            raise NoSftp(str(error)) from error
        if packet is None or packet[:1] != bytes([_VERSION]) or len(packet) < 5:
            raise NoSftp("the server does not answer as SFTP does")
        rest = packet[5:]
        while (name := _string(rest)) is not None:
            self._extensions.add(name)
            rest = rest[4 + len(name) :]
            rest = rest[4 + len(_string(rest) or b"") :]

    # requests: each returns the number that its answer has

    def ask_open(self, path: bytes, flags: int) -> int:
        return self._ask(_OPEN, _packed(path) + struct.pack(">II", flags, 0))

    def ask_stat(self, path: bytes) -> int:
        return self._ask(_STAT, _packed(path))

    def ask_fstat(self, handle: bytes) -> int:
        return self._ask(_FSTAT, _packed(handle))

    def ask_close(self, handle: bytes) -> int:
        return self._ask(_CLOSE, _packed(handle))

    def ask_read(self, handle: bytes, offset: int, size: int) -> int:
        return self._ask(_READ, _packed(handle) + struct.pack(">QI", offset, size))

    def ask_write(self, handle: bytes, offset: int, data: bytes) -> int:
        return self._ask(_WRITE, _packed(handle) + struct.pack(">QI", offset, len(data)), data)

    def free_bytes(self, path: bytes, seconds: float) -> int | None:
        """Where a file lies, for others than root; None: the server can't say. Nothing else may be asked meanwhile."""
        if _STATVFS not in self._extensions:
            return None
        number = self._ask(_EXTENDED, _packed(_STATVFS) + _packed(path))
        try:
            return self.answer_to(number, seconds).free_bytes()
        except Said:
            return None

    # answers

    def answer(self, seconds: float | None) -> Answer | None:
        """The next one; None: none came within so many seconds. With None: waits for it."""
        packet = self._packet(None if seconds is None else time.monotonic() + seconds)
        if packet is None:
            return None
        if len(packet) < 5:
            raise Broken("the SFTP server sent an answer that is none")
        kind, number = struct.unpack_from(">BI", packet)
        if number not in self._asked:
            raise Broken("the SFTP server answered what nobody asked")
        self._asked.discard(number)
        return Answer(number, kind, packet[5:])

    def answer_to(self, number: int, seconds: float | None) -> Answer:
        """The answer to this, waited for so long; None: without an end. Others that come before it are kept for their
        own `answer_to`."""
        until = None if seconds is None else time.monotonic() + seconds
        while number not in self._kept:
            found = self.answer(None if until is None else until - time.monotonic())
            if found is None:
                raise Broken(f"the SFTP server did not answer within {seconds:g} s")
            self._kept[found.number] = found
        return self._kept.pop(number)

    def _ask(self, kind: int, body: bytes, data: bytes = b"") -> int:
        number = self._numbers = (self._numbers + 1) & 0xFFFFFFFF
        self._asked.add(number)
        head = struct.pack(">IBI", 5 + len(body) + len(data), kind, number)
        left = memoryview(head + body + data)
        while left:
            self._check()
            left = left[self._guarded.offer(left) :]
        return number

    def _packet(self, until: float | None) -> bytes | None:
        """Without its length; None when the time is up. What has come is looked at in any case."""
        while True:
            if len(self._came) >= 4:
                size = int.from_bytes(self._came[:4], "big")
                if not 0 < size <= _MOST_ANSWER:
                    raise Broken(f"the SFTP server announced an answer of {size} bytes")
                if len(self._came) >= 4 + size:
                    packet = bytes(self._came[4 : 4 + size])
                    del self._came[: 4 + size]
                    return packet
            self._check()
            piece = self._guarded.read()
            if piece is not None:
                if piece[0] is Stream.STDOUT:  # on the other, OpenSSH's server says what went wrong; never an answer
                    self._came += piece[1]
                continue
            if self._channel.is_over:
                raise Broken(self._how_it_ended())
            left = LOOK if until is None else min(LOOK, until - time.monotonic())
            if left <= 0:
                return None
            self._channel.wait(left)

    def _how_it_ended(self) -> str:
        channel = self._channel
        if channel.was_refused:
            return "the server has no SFTP"
        if channel.lost is not None:
            return channel.lost
        ended = channel.ended
        how = "" if ended is None else f" ({ended.signal})" if isinstance(ended, Signalled) else f" (code {ended.code})"
        return f"the target ended its SFTP server{how}"

    def _check(self) -> None:
        if self._cancel.is_set():
            raise Cancelled


def _packed(text: bytes) -> bytes:
    return struct.pack(">I", len(text)) + text


def _string(body: bytes) -> bytes | None:
    """The one that stands first; None: there is none."""
    if len(body) < 4:
        return None
    size = int.from_bytes(body[:4], "big")
    return body[4 : 4 + size] if len(body) >= 4 + size else None
