"""Accounts, sudoers and doas rules of this machine for a test, made as root and removed afterwards."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from tests.contract.transport.site import alive
from tests.support.require import require, require_program

SUDOERS = Path("/etc/sudoers.d")
DOAS = Path("/etc/doas.conf")


class Accounts:
    """A context manager. Names begin with dxsudo, so that a leftover is known for one."""

    def __init__(self) -> None:
        require(os.geteuid() == 0, "root")
        for program in ("useradd", "chpasswd", "userdel"):
            require_program(program, f"/usr/sbin/{program}")
        #: of the accounts, the last made last
        self.names: list[str] = []
        #: files in sudoers.d, the last made last
        self.rules: list[Path] = []
        self._doas: list[str] = []

    def add(self, password: str, *, shell: str = "/bin/sh") -> str:
        """A new account that can be logged in to; its name."""
        name = f"dxsudo{secrets.token_hex(4)}"
        # before it is made: an interrupt may come at any moment
        self.names.append(name)
        subprocess.run(["useradd", "--create-home", "--shell", shell, name], check=True, capture_output=True)
        subprocess.run(["chpasswd"], input=f"{name}:{password}\n".encode(), check=True, capture_output=True)
        return name

    def allow(self, *lines: str) -> None:
        """Rules for sudo, which has to be there."""
        require_program("sudo")
        path = SUDOERS / f"dxsudo{secrets.token_hex(4)}"
        self.rules.append(path)
        path.touch(mode=0o440)
        path.write_text("".join(f"{line}\n" for line in lines))
        subprocess.run(["visudo", "-c", "-f", str(path)], check=True, capture_output=True)

    def allow_doas(self, *lines: str) -> None:
        """Rules for doas, which has to be there; it knows one file only, which other workers write too."""
        require_program("doas")
        new = [line for line in lines if line not in self._doas]
        self._doas += new
        _change_doas(lambda present: [*present, *new])

    def kill(self, argument: str) -> None:
        """What a test left alive on purpose."""
        for pid in alive(argument):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def __enter__(self) -> Accounts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for path in self.rules:
            path.unlink(missing_ok=True)
        if self._doas:
            _change_doas(lambda present: [line for line in present if line not in self._doas])
        for name in self.names:
            subprocess.run(["userdel", "--force", "--remove", name], check=False, capture_output=True)
            # a process of it may live for a moment longer
            with suppress(FileNotFoundError):
                shutil.rmtree(f"/home/{name}")


def _change_doas(change: Callable[[list[str]], list[str]]) -> None:
    with Path("/tmp/deployx-tests-doas.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        present = DOAS.read_text().splitlines() if DOAS.exists() else []
        lines = change(present)
        written = DOAS.with_name(f"{DOAS.name}.deployx")
        written.write_text("".join(f"{line}\n" for line in lines))
        written.chmod(0o600)
        written.replace(DOAS)
        if not lines:
            DOAS.unlink()
