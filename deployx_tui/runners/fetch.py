"""Reading one file or folder of a target: a small script, run as any command is. A folder comes as a tar."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event

from deployx_tui.model.execution import Cause, Stream
from deployx_tui.model.fetch import FetchBegun, FetchEnded, FetchKind, FetchPiece
from deployx_tui.transports.base import (
    CommandSpec,
    Connection,
    Endpoint,
    Exited,
    Killed,
    Outcome,
    Refused,
    Signalled,
    Transport,
    Unknown,
    Unreached,
)
from deployx_tui.transports.posix.files import words

#: its first line says what follows. tar does not follow links. Tried with dash, bash and busybox
SCRIPT = """\
if [ -d "$FETCH" ]; then
cd "$FETCH" || exit 1
unset FETCH
printf 'tree\\n'
exec tar cf - .
fi
if [ ! -f "$FETCH" ]; then
if [ -e "$FETCH" ]; then echo 'it is neither a file nor a folder' >&2; else ls -d "$FETCH" >/dev/null; fi
exit 1
fi
exec <"$FETCH" || exit 1
unset FETCH
printf 'file\\n'
exec cat
"""
_KINDS = {b"file": FetchKind.FILE, b"tree": FetchKind.TREE}
#: of what a target says of a failure
_MOST_WORDS = 4096


def fetch(
    transport: Transport,
    endpoint: Endpoint,
    path: str,
    give: Callable[[FetchPiece], None],
    cancel: Event,
    connect: timedelta,
) -> FetchEnded:
    """Gives FetchBegun and the bytes, as they come; `give` may block. How it ended is returned. Never raises but what
    `give` does. `cancel` is this fetch's own: it is set, too, when the device's answer makes no sense.
    """
    connection = transport.connect(endpoint, connect, cancel)
    if isinstance(connection, Unreached):
        return FetchEnded(cause=connection.cause, message=connection.message, remedy=connection.remedy)
    try:
        return _read(connection, path, give, cancel)
    finally:
        transport.release(connection)


def _read(connection: Connection, path: str, give: Callable[[FetchPiece], None], cancel: Event) -> FetchEnded:
    process = connection.start(CommandSpec(script=SCRIPT, environment={"LC_ALL": "C", "FETCH": path}))
    if isinstance(process, Refused):
        return FetchEnded(cause=process.cause, message=process.message, remedy=process.remedy)
    if isinstance(process, Unknown):
        return FetchEnded(cause=process.cause, message=process.message, remedy="look at the account's login files")
    head: bytearray | None = bytearray()
    said = bytearray()
    is_strange = False

    def sink(stream: Stream, data: bytes, at: datetime) -> None:
        nonlocal head, is_strange
        if stream is not Stream.STDOUT:
            said.extend(data[: max(0, _MOST_WORDS - len(said))])
            return
        if head is None:
            give(data)
        if head is None or is_strange:
            return
        head += data
        line, newline, rest = bytes(head).partition(b"\n")
        if newline and (kind := _KINDS.get(line)) is not None:
            head = None
            give(FetchBegun(kind))
            if rest:
                give(rest)
        elif len(head) > _MOST_WORDS:  # the script says nothing like it
            is_strange = True
            cancel.set()

    outcome = process.stream(sink, cancel)
    if is_strange:
        message = "the device answered with something else than a file"
        return FetchEnded(cause=Cause.VERIFY, message=message, remedy="log in by hand and look")
    return _ended(outcome, bytes(said), has_begun=head is None)


def _ended(outcome: Outcome, said: bytes, *, has_begun: bool) -> FetchEnded:
    told = words(said)
    match outcome:
        case Exited(0) if has_begun:
            return FetchEnded()
        case Exited(127):
            return FetchEnded(cause=Cause.EXIT, message=told or "tar is missing there", remedy="install tar there")
        case Exited(code):
            remedy = "see that it is there, and may be read by the account that logs in"
            return FetchEnded(cause=Cause.EXIT, message=told or f"it ended with exit code {code}", remedy=remedy)
        case Signalled(signal):
            return FetchEnded(cause=Cause.SIGNAL, message=f"a signal ended it: {signal}", remedy="try again")
        case Unknown(cause, message, _):
            return FetchEnded(cause=cause, message=message, remedy="try again")
        case Killed():
            return FetchEnded(cause=Cause.KILLED, message="it was not waited for", remedy="")
        case _:
            return FetchEnded(cause=Cause.LOST, message="the connection was lost", remedy="try again")
