"""The texts that start, follow and end a durable run, and the lines and frames that come back. Pure.

A follower on the target sends the raw files of its spool from any offset: `o N` or `e N`, newline, N bytes. Bytes that
came are bytes of the file at that offset, also of a frame that broke off; only a torn line is worth nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from deployx_tui.model.execution import Cause, Stream
from deployx_tui.transports.base import CommandSpec, Refused, RemoteHandle
from deployx_tui.transports.posix import wrapper

#: standard input of a durable command travels in the text, four characters a byte
STDIN_BYTES = 64 * 1024
ACKNOWLEDGEMENT = b"ack\n"

_FUNCTIONS = {**wrapper.FUNCTIONS, **wrapper.functions("durable.sh")}
_KILL = (*wrapper.KILL, "dx_lives", "dx_spare", "dx_end", "dx_meta")
_FOLLOW = ("dx_lives", "dx_follow", "dx_lost", "dx_mute", "dx_seek", "dx_piece", "dx_rest")
_BASE = re.compile(r"/[A-Za-z0-9._/-]*\Z")
_LONGEST_LINE = 4096


def _library(*names: str) -> str:
    return "".join(_FUNCTIONS[name] for name in dict.fromkeys(names))


_BASICS = (*wrapper.LOOK, "dx_home", "dx_refuse")
_GUARD = ("dx_self", "dx_guard", "dx_over")
_START = _library(*_BASICS, *_FOLLOW, *_KILL, "dx_make", "dx_durable", "dx_record", *_GUARD, "dx_sweep")
_ATTACH = _library(*_BASICS, *_FOLLOW, "dx_nap", "dx_meta", "dx_attach")
_STOP = _library(*_BASICS, *_KILL, "dx_stop")


def start_text(spec: CommandSpec) -> bytes | Refused:
    """The text that starts a durable run; Refused when no shell could carry it unchanged."""
    refusal = wrapper.unfit(spec)
    if refusal is not None:
        return refusal
    given = spec.stdin or b""
    if len(given) > STDIN_BYTES:
        message = f"the standard input of a durable command has {len(given)} bytes; {STDIN_BYTES} are the limit"
        return Refused(Cause.SHELL, message, "upload it as a file and read that")
    octal = "".join(f"\\0{byte:03o}" for byte in given)
    watch = "" if spec.timeout is None else str(wrapper.whole_seconds(spec.timeout) + wrapper.WATCH_AFTER)
    settings = (
        f"dx_n={spec.nonce} dx_i={spec.shell.value} dx_w={watch} dx_gr={wrapper.tenths(spec.grace)}\n"
        f"dx_cap={spec.spool_limit} dx_in={wrapper.quote(octal)}\n"
        f"dx_d={wrapper.quote(wrapper.folder(spec.working_directory))}\n"
    )
    text = f"{_START}{_bases(spec.spool_bases)}{settings}{wrapper.run_functions(spec)}dx_durable {spec.nonce}\n"
    return text.encode()


def attach_text(handle: RemoteHandle, stdout_offset: int, stderr_offset: int) -> bytes:
    """The text that follows a run from these bytes of its streams on."""
    call = f"dx_n={handle.nonce}\ndx_attach {stdout_offset} {stderr_offset} {handle.nonce}\n"
    return f"{_ATTACH}{_bases(handle.spool_bases)}{call}".encode()


def stop_text(handle: RemoteHandle, grace: timedelta) -> bytes:
    """The text that ends a run from another channel; answered as `wrapper.kill_report` reads."""
    call = f"dx_n={handle.nonce}\ndx_stop {wrapper.tenths(grace)} {handle.nonce}\n"
    return f"{_STOP}{_bases(handle.spool_bases)}{call}".encode()


def _bases(bases: tuple[str, ...]) -> str:
    if not bases or not all(_BASE.match(base) for base in bases):
        raise ValueError(f"folders for spools are absolute paths of plain characters: {bases}")
    return f"dx_ba={wrapper.quote(' '.join(bases))}\n"


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of one stream, the next ones of its file."""

    stream: Stream
    data: bytes


@dataclass(frozen=True, slots=True)
class Restarted:
    """The command emptied the file of one stream by opening it again; it is read from its beginning."""

    stream: Stream


@dataclass(frozen=True, slots=True)
class Record:
    """How the run ended, as its supervisor wrote it down."""

    #: "exit", "signal", or "vanished": no supervisor, and no record
    kind: str
    #: an exit code, a signal's name without SIG, "0"
    code: str
    #: "timeout", "limit" (ended by its guard), "full" (no room on the disk at its end)
    notes: frozenset[str]


@dataclass(frozen=True, slots=True)
class OtherBoot:
    """The target was restarted since the run began."""


@dataclass(frozen=True, slots=True)
class SpoolGone:
    """The spool was removed under the follower."""


@dataclass(frozen=True, slots=True)
class Removed:
    """The acknowledgement was heard and the spool removed."""


Said = Piece | Restarted | Record | OtherBoot | SpoolGone | Removed

_STREAMS = {b"o": Stream.STDOUT, b"e": Stream.STDERR}


class Garbled(Exception):
    """What came is not what a follower says. Stays inside the transports."""


class Frames:
    """Reads what a follower sends, in pieces of any size."""

    def __init__(self) -> None:
        self._stream = Stream.STDOUT
        #: of the present frame, still to come
        self._left = 0
        self._line = bytearray()

    def read(self, data: bytes) -> Iterator[Said]:
        """What these bytes say. Raises Garbled."""
        view = memoryview(data)
        while view:
            if self._left:
                piece = view[: self._left]
                view = view[self._left :]
                self._left -= len(piece)
                yield Piece(self._stream, bytes(piece))
                continue
            line, newline, rest = bytes(view).partition(b"\n") if len(view) < _LONGEST_LINE else _first_line(view)
            self._line += line
            if len(self._line) > _LONGEST_LINE:
                raise Garbled(bytes(self._line[:80]))
            view = memoryview(rest)
            if newline:
                whole = bytes(self._line)
                self._line.clear()
                yield from self._understood(whole)

    def _understood(self, line: bytes) -> Iterator[Said]:
        match line.split():
            case [(b"o" | b"e") as stream, size] if size.isdigit():
                self._stream, self._left = _STREAMS[stream], int(size)
            case [b"h"]:
                return
            case [b"c", (b"o" | b"e") as stream]:
                yield Restarted(_STREAMS[stream])
            case [b"r"]:
                yield OtherBoot()
            case [b"gone"]:
                yield SpoolGone()
            case [b"g"]:
                yield Removed()
            case [b"x", _, _, kind, code, *notes]:
                yield Record(kind.decode(), code.decode(), frozenset(note.decode() for note in notes))
            case _:
                raise Garbled(line[:80])


def _first_line(view: memoryview) -> tuple[bytes, bytes, memoryview]:
    """Like partition at a newline, without a copy of all that follows."""
    line, newline, _ = bytes(view[:_LONGEST_LINE]).partition(b"\n")
    return line, newline, view[len(line) + len(newline) :]
