"""A program in a real terminal whose screen nobody draws: what it writes is read and searched, as fast as it comes."""

from __future__ import annotations

import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from fcntl import ioctl
from types import TracebackType

#: the framework alone: what no app on it can be below
EMPTY_APP = "from textual.app import App\nfrom textual.widgets import Label\n" + (
    "class A(App):\n def compose(self):\n  yield Label('ready-mark')\nA().run()"
)


class Pty:
    """120x36. A context manager; the program is killed at its end."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
        self._process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
        )
        os.close(theirs)
        #: all that it wrote
        self._seen = b""

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self) -> Pty:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def wait_for(self, mark: bytes, patience: float = 60.0) -> None:
        """Until it has written this."""
        while mark not in self._seen:
            assert self._read(patience), f"nothing for {patience:g} s; wanted {mark!r}, got {self._seen[-2000:]!r}"

    def watch(self, seconds: float) -> int:
        """Read for so long; returns how many bytes it wrote."""
        before, until = len(self._seen), time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._read(left)
        return len(self._seen) - before

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._ours], [], [], seconds)
        if ready:
            self._seen += os.read(self._ours, 65536)
        return bool(ready)
