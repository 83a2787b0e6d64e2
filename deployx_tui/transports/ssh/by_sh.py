"""One file over the input or output of `sh` on a target (posix/files.sh).

Everything here raises Broken when the connection is gone, and Cancelled; what the target does not do is a value.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from threading import Event

from deployx_tui.model.execution import Cause, Stream
from deployx_tui.transports.base import Broke, ByteSource, Exited, Refused, Sent, Signalled
from deployx_tui.transports.pace import Paced
from deployx_tui.transports.posix import files
from deployx_tui.transports.posix.carrier import Broken
from deployx_tui.transports.posix.heard import LOOK, NOISE_BYTES, Heard
from deployx_tui.transports.posix.process import LINGER
from deployx_tui.transports.ssh.guard import Guarded
from deployx_tui.transports.ssh.sftp import Cancelled

WAY = "sh"
#: bytes that are read from the source at once
_PIECE = 256 * 1024


class Sh:
    """A `sh` that moves one file and ends then. Used by one thread."""

    def __init__(self, guarded: Guarded, cancel: Event, patience: float) -> None:
        self._guarded, self._channel = guarded, guarded.channel
        self._cancel, self._patience = cancel, patience
        self._nonce = secrets.token_hex(16)
        self._heard = Heard()

    def put(self, source: ByteSource, path: str, offset: int, progress: Paced) -> Sent | Refused | Broke:
        """See FileMover.put."""
        refused = self._begin(files.put_text(path, offset, self._nonce), path, offset)
        if refused is not None:
            return refused
        at = offset
        while at < source.size and not self._is_done():
            data = source.read(at, min(_PIECE, source.size - at))
            if not data:
                return Broke(Cause.VERIFY, f"the file that is sent ended at byte {at}, before its end")
            at += self._feed(data)
            progress(at)
        self._end_input()
        while not self._is_done():
            self._check()
            self._channel.wait(LOOK)
        return self._how_it_went(source, path, offset)

    def get(self, path: str, offset: int, sink: Callable[[bytes], None]) -> Sent | Refused | Broke:
        """See FileMover.get."""
        refused = self._begin(files.get_text(path, offset, self._nonce), path, offset)
        if refused is not None:
            return refused
        over = len(self._heard.stdout)
        if over:
            sink(bytes(self._heard.stdout))
        quiet_since = time.monotonic()
        while True:
            self._check()
            piece = self._guarded.read()
            if piece is not None:
                quiet_since = time.monotonic()
                if piece[0] is Stream.STDOUT:
                    sink(piece[1])
                    over += len(piece[1])
                else:
                    self._keep(*piece)
                continue
            ended = self._channel.ended
            # something that the login left behind may hold the output for ever
            if self._channel.is_over or (ended is not None and time.monotonic() - quiet_since >= LINGER):
                break
            self._channel.wait(LOOK)
        if isinstance(ended, Exited) and ended.code == 0:
            return Sent(over, WAY)
        if ended is None:
            raise Broken(self._channel.lost or "the target closed the session without a word")
        return Broke(Cause.EXIT, f"the target could not read {path!r} after byte {offset + over}: {self._words()}")

    def _begin(self, text: bytes, path: str, offset: int) -> Refused | None:
        """Until the file is open; what has come behind that word is in `_heard`."""
        heard, until = self._heard, time.monotonic() + self._patience
        self._channel.feed(text)
        is_over = False
        while not is_over:
            self._check()
            heard.take(self._channel, min(until, time.monotonic() + LOOK))
            answer = files.read_first(bytes(heard.stdout), self._nonce)
            if isinstance(answer, files.Ready):
                heard.stdout[:] = answer.rest
                return None
            # a refusal comes before the target's own words about it: to the end of both
            is_over = self._channel.is_over or time.monotonic() >= until
        if isinstance(answer, files.No):
            said = files.own_words(bytes(heard.stderr), self._nonce)
            return files.refused(path, answer.word, answer.size, offset, said)
        return self._not_begun(path, offset)

    def _not_begun(self, path: str, offset: int) -> Refused:
        """No answer came."""
        if self._channel.lost is not None:
            raise Broken(self._channel.lost)
        words = self._words()
        if files.has_begun(bytes(self._heard.stderr), self._nonce) and self._channel.is_over:
            return files.refused(path, "open", None, offset, words)
        how = "ended without an answer" if self._channel.is_over else f"did not answer within {self._patience:g} s"
        told = f"; it said: {words}" if words else ""
        remedy = "give the account a login shell that can run sh"
        return Refused(Cause.SHELL, f"unsupported shell: sh {how}{told}", remedy)

    def _feed(self, data: bytes) -> int:
        """How much of it went; less than all only when the target is done."""
        left = memoryview(data)
        while left and not self._is_done():
            self._check()
            try:
                left = left[self._guarded.offer(left) :]
            except Broken:
                if self._channel.lost is not None:
                    raise
                break  # the target has ended the session; how, it has said
        return len(data) - len(left)

    def _end_input(self) -> None:
        try:
            self._channel.end_input()
        except Broken:
            if self._channel.lost is not None:
                raise

    def _is_done(self) -> bool:
        """Takes what has come."""
        while (piece := self._guarded.read()) is not None:
            self._keep(*piece)
        return self._channel.is_over or files.read_done(bytes(self._heard.stdout), self._nonce) is not None

    def _how_it_went(self, source: ByteSource, path: str, offset: int) -> Sent | Broke:
        done = files.read_done(bytes(self._heard.stdout), self._nonce)
        if done is None:
            if self._channel.ended is None:
                raise Broken(self._channel.lost or "the target closed the session without a word")
            return Broke(Cause.EXIT, f"the target stopped writing {path!r}: {self._words()}")
        if done.code != 0:
            place = "" if done.size is None else f" after byte {done.size}"
            return Broke(Cause.EXIT, f"the target could not write {path!r}{place}: {self._words()}")
        if done.size != source.size:
            found = "an unknown number of" if done.size is None else done.size
            message = f"{path!r} has {found} bytes on the target after the transfer, not {source.size}"
            return Broke(Cause.VERIFY, message)
        return Sent(source.size - offset, WAY)

    def _words(self) -> str:
        said = files.own_words(bytes(self._heard.stderr), self._nonce)
        ended = self._channel.ended
        if said or ended is None:
            return said or "it did not say why"
        return f"signal {ended.signal}" if isinstance(ended, Signalled) else f"exit code {ended.code}"

    def _keep(self, stream: Stream, data: bytes) -> None:
        kept = self._heard.stdout if stream is Stream.STDOUT else self._heard.stderr
        kept += data[: max(0, NOISE_BYTES - len(kept))]

    def _check(self) -> None:
        if self._cancel.is_set():
            raise Cancelled
