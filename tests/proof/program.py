"""The `deployx` command as a person has it, and its engine as a service manager has it."""

from __future__ import annotations

import json
import os
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.proof.transcript import Transcript
from tests.support.processes import listening_for_readiness, next_message

DEPLOYX = Path(sys.executable).with_name("deployx")
#: what takes so long has failed
PATIENCE = 120.0


class Stopped(Exception):
    """Something that was waited for did not come."""


def until(holds: Callable[[], object], what: str) -> None:
    """Wait until it is so: what is looked at is on disks and in process tables, and nobody tells of a change."""
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise Stopped(f"waited {PATIENCE:.0f} s in vain: {what}")
        time.sleep(0.05)


class Program:
    """Runs `deployx`, writing down what was typed and what came back."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        #: what it said on standard error, ever
        self.errors: list[bytes] = []

    def __call__(
        self,
        *words: str,
        typed: str | None = None,
        stdin: str = "",
        status: int = 0,
        quiet: bool = False,
        most: int = 12,
    ) -> bytes:
        """Its standard output. `typed`: how the transcript has it, `quiet`: it has it not. Stopped: another status."""
        run = subprocess.run([DEPLOYX, *words], input=stdin.encode(), capture_output=True, check=False)
        self.errors.append(run.stderr)
        if not quiet:
            text = (run.stdout + run.stderr).decode(errors="replace")
            self._transcript.command(typed or shlex.join(["deployx", *words]), text, most=most)
        if run.returncode != status:
            raise Stopped(f"deployx {words[0]}: exit status {run.returncode}, not {status}: {run.stderr.decode()}")
        return run.stdout

    def document(self, *words: str) -> Any:
        """What it says with --json."""
        return json.loads(self(*words, "--json", quiet=True))


class Engine:
    """`deployx --serve`, one process after the other on the same database, each with a log of its own."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        logs.mkdir(mode=0o700)
        self._process: subprocess.Popen[bytes] | None = None
        self._count = 0

    def start(self) -> int:
        """Returns when it says that it is ready; its pid."""
        self._count += 1
        notify = self.logs.parent / f"notify-{self._count}"
        with listening_for_readiness(notify) as ready, (self.logs / f"engine-{self._count}.log").open("wb") as log:
            self._process = subprocess.Popen(
                [DEPLOYX, "--serve"],
                env={**os.environ, "NOTIFY_SOCKET": str(notify), "DEPLOYX_LOG_LEVEL": "debug"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # ctrl-c is for this program, which ends what it started
                start_new_session=True,
            )
            said = next_message(ready)
        if not said.startswith("READY=1"):
            raise Stopped(f"the engine did not start: {said}")
        return self._process.pid

    def kill(self) -> int:
        """With signal 9, and no chance to put anything in order. Returns when it is gone; the pid that it had."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        pid, self._process = self._process.pid, None
        return pid

    def said(self, most: int = 60) -> str:
        """The last lines of its logs."""
        text = "".join(path.read_text(errors="replace") for path in sorted(self.logs.iterdir()))
        return "\n".join(text.splitlines()[-most:])

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        descriptor = os.pidfd_open(self._process.pid)
        select.select([descriptor], [], [], 20)
        os.close(descriptor)
        self._process.kill()
        self._process.wait()
        self._process = None
