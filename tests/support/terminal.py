"""A real terminal for tests: a private tmux server, keys in, screen out."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from tests.support.require import require_program


class Terminal:
    """One pane of a tmux server of its own; `with` ends the server.

    What is waited for is on the screen: `wait_for` looks until it is, and fails with the screen when it is not.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 120,
        rows: int = 36,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self._tmux = require_program("tmux")
        self._scratch = tempfile.TemporaryDirectory(prefix="dx-tmux-")
        self._socket = str(Path(self._scratch.name) / "s")
        self._environment = {
            **{k: v for k, v in os.environ.items() if k not in ("TMUX", "TMUX_PANE", "TERM", "COLORTERM")},
            **(environment or {}),
            "LC_ALL": "C.UTF-8",
        }
        configuration = Path(self._scratch.name) / "tmux.conf"
        configuration.write_text("set -g remain-on-exit on\nset -g status off\nset -g default-terminal tmux-256color\n")
        self._run(
            "-f", str(configuration), "new-session", "-d", "-x", str(columns), "-y", str(rows),
            *(["-c", str(folder)] if folder is not None else []),
            "--", *command,
        )  # fmt: skip

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run([self._tmux, "-S", self._socket, "kill-server"], check=False, capture_output=True)
        self._scratch.cleanup()

    def send(self, *keys: str) -> None:
        """Keys by tmux's names: "x", "Enter", "C-p", "Down"."""
        self._run("send-keys", *keys)

    def type(self, text: str) -> None:
        """Letters as they stand."""
        self._run("send-keys", "-l", "--", text)

    def screen(self) -> str:
        """What a person sees, as text."""
        return self._run("capture-pane", "-p")

    def raw(self) -> str:
        """The same with the escape sequences that would draw it."""
        return self._run("capture-pane", "-p", "-e")

    def modes(self) -> str:
        """ALTERNATE:MOUSE, each 1 where the program in the pane has it on."""
        return self._run("display-message", "-p", "#{alternate_on}:#{mouse_any_flag}").strip()

    def resize(self, columns: int, rows: int) -> None:
        self._run("resize-window", "-x", str(columns), "-y", str(rows))

    @property
    def pid(self) -> int:
        """Of the program in the pane."""
        return int(self._run("display-message", "-p", "#{pane_pid}"))

    @property
    def is_dead(self) -> bool:
        """The program ended, and its exit status is known."""
        dead, status, server = self._run(
            "display-message", "-p", "#{pane_dead}:#{pane_dead_status}#{pane_dead_signal}:#{pid}"
        ).strip().split(":")  # fmt: skip
        if dead and not status:
            # tmux 3.3a loses the signal now and then, and the program stays a zombie without a status
            os.kill(int(server), signal.SIGCHLD)
        return bool(status)

    @property
    def exit_status(self) -> int:
        """Once `is_dead`; minus the signal's number when one ended it."""
        code, number = self._end().split(":")
        return int(code) if code else -int(number)

    def _end(self) -> str:
        """CODE:SIGNAL, one of them empty; both while it runs. tmux calls a pane dead before it knows how it died."""
        return self._run("display-message", "-p", "#{pane_dead_status}:#{pane_dead_signal}").strip()

    def wait_for(self, *texts: str, absent: Sequence[str] = (), seconds: float = 30) -> str:
        """The screen once all of `texts` are on it and none of `absent`."""
        end = time.monotonic() + seconds
        while True:
            screen = self.screen()
            if all(text in screen for text in texts) and not any(text in screen for text in absent):
                return screen
            if time.monotonic() > end:
                raise AssertionError(f"waited {seconds} s for {texts}, without {list(absent)}; the screen:\n{screen}")
            # tmux tells nobody when its screen changes: its state can only be polled
            time.sleep(0.05)

    def wait_dead(self, seconds: float = 30) -> int:
        """The program's exit status, once it ended."""
        end = time.monotonic() + seconds
        while not self.is_dead:
            if time.monotonic() > end:
                raise AssertionError(f"still runs after {seconds} s; the screen:\n{self.screen()}")
            time.sleep(0.05)
        return self.exit_status

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [self._tmux, "-S", self._socket, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        if done.returncode:
            raise AssertionError(f"tmux {arguments[0]}: {done.stderr.strip()}")
        return done.stdout
