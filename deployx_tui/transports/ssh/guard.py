"""Who looks after a thread that moves much: a write to a peer that takes nothing waits in the kernel, and knows nothing
of a cancel."""

from __future__ import annotations

import threading
import time
from threading import Event

from deployx_tui.model.execution import Stream
from deployx_tui.transports.posix.heard import LOOK
from deployx_tui.transports.ssh.channel import SshChannel

#: a write that a cancel finds may take so long: the line may be slow
_GRACE = 2.0


class Guarded:
    """A channel, and a thread that ends its connection when a write there does not end though it was cancelled, or the
    peer is silent. Everything on that connection waits for that write anyway. A context manager; closes the channel.
    """

    def __init__(self, channel: SshChannel, cancel: Event, silence: float) -> None:
        self.channel = channel
        self._cancel, self._silence = cancel, silence
        self._done = Event()
        #: of calls that may write; one that stays while `_writes` is set is a write that does not end
        self._count = 0
        self._writes = False

    def __enter__(self) -> Guarded:
        threading.Thread(target=self._look, daemon=True, name="deployx-guard").start()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._begin()
            self.channel.close()
        finally:
            self._done.set()

    def offer(self, data: memoryview) -> int:
        """See SshChannel.offer; waits a moment at most."""
        self._begin()
        try:
            return self.channel.offer(data, LOOK)
        finally:
            self._writes = False

    def read(self) -> tuple[Stream, bytes] | None:
        """See Carrier. A reading lets the target send more, which is a write."""
        self._begin()
        try:
            return self.channel.read()
        finally:
            self._writes = False

    def _begin(self) -> None:
        self._count += 1
        self._writes = True

    def _look(self) -> None:
        link = self.channel.link
        seen, since = 0, time.monotonic()
        told: float | None = None
        while not self._done.wait(LOOK):
            now = time.monotonic()
            if told is None and self._cancel.is_set():
                told = now
            if not self._writes or self._count != seen:
                seen, since = self._count, now
            elif told is not None:
                if now - max(since, told) > _GRACE:
                    link.end()
                    return
            elif now - max(since, link.heard) > self._silence:
                link.end()
                return
