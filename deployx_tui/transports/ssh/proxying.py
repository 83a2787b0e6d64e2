"""The way through a ProxyCommand of the local configuration: its standard input and output are the line."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading

from deployx_tui.model.execution import Cause
from deployx_tui.transports.base import Unreached
from deployx_tui.transports.ssh.config import HostSettings
from deployx_tui.transports.ssh.limits import Failed
from deployx_tui.transports.ssh.reaching import Proofs
from deployx_tui.transports.ssh.wire import Line

#: seconds between TERM and KILL
_GRACE = 1.0
#: of what the command says on standard error
_MOST_WORDS = 2048


class ByCommand:
    """See Way. Only the configuration of the engine's own account names such a command, never a device."""

    proofs: Proofs = ()

    def __init__(self, settings: HostSettings, command: str) -> None:
        self._settings, self._command = settings, command
        self._line: CommandLine | None = None

    def resolve(self) -> str:
        return f"{self._settings.hostname} is looked up by the ProxyCommand"

    def connect(self) -> tuple[Line, str]:
        try:
            line = self._line = CommandLine.run(self._command)
        except OSError as error:
            raise Failed(
                Unreached(
                    Cause.UNREACHABLE, f"the ProxyCommand can't be run: {error}", "mend ProxyCommand in ~/.ssh/config"
                )
            ) from error
        return line, f"the ProxyCommand {self._command!r} runs"

    def why(self) -> str:
        return "" if self._line is None else self._line.words


class CommandLine(socket.socket):
    """See Line: a socket whose other end is a command, which is ended with it."""

    def __init__(self, descriptor: int, process: subprocess.Popen[bytes]) -> None:
        super().__init__(fileno=descriptor)
        self._process = process
        self._said = bytearray()
        self._reader = threading.Thread(target=self._read_words, daemon=True, name="deployx-proxy")
        self._reader.start()

    @classmethod
    def run(cls, command: str) -> CommandLine:
        """As OpenSSH does: `exec`, by the account's shell. Raises OSError."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = subprocess.Popen(
                    [os.environ.get("SHELL") or "/bin/sh", "-c", f"exec {command}"],
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                )
        except BaseException:
            ours.close()
            raise
        return cls(ours.detach(), process)

    @property
    def words(self) -> str:
        """How it ended and what it said; "" while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = self._process.wait(_GRACE)
            self._reader.join(_GRACE)
            said = self._said.decode("utf-8", "replace").strip()
            return f"the ProxyCommand ended with {status}{': ' if said else ''}{said}"
        return ""

    def close(self) -> None:
        super().close()
        process = self._process
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)
                break

    def _read_words(self) -> None:
        """All of it, so that a command that says much is not held up; the beginning is kept."""
        pipe = self._process.stderr
        if pipe is None:
            raise RuntimeError("it was started with a pipe")
        with pipe:
            while said := os.read(pipe.fileno(), 4096):
                self._said += said[: _MOST_WORDS - len(self._said)]
