"""The demo's own place: a private folder, an environment in which nothing of the user's is found, and its end.

Everything that deployx reads or writes lies below the folder: data, configuration, sockets, HOME (so ~/.ssh too).
The user's agent is not reachable from inside. The folder is removed at the end, also after SIGTERM and SIGHUP; what a
demo left that was killed is removed by the next one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import tempfile
from pathlib import Path
from types import FrameType, TracebackType

from deployx_tui.filelock import FileLock
from deployx_tui.service.sockets import is_ours

#: what would lead to something of the user's
_TAKEN_AWAY = ("SSH_AUTH_SOCK", "SSH_ASKPASS", "SSH_AGENT_PID")

#: of the 104 bytes that a socket's path may have, what `/deployx-demo-xxxxxxxx/run/<16 digits>.sock` leaves
_LONGEST_PLACE = 55


_PREFIX = "deployx-demo-"
#: a file in the folder, locked by the demo's process
_MARK = "demo.lock"


class Ended(SystemExit):
    """A signal asked the demo to end; the exit status is the shell's for that signal."""


class Lodging:
    """A context: inside it, this process and those that it starts live in the folder."""

    def __init__(self) -> None:
        self.folder = Path()
        self._environment: dict[str, str] = {}
        self._handlers: dict[int, object] = {}
        #: held while this process lives, in whatever way it ends; None: it has not begun
        self._lives: FileLock | None = None

    @property
    def database(self) -> str:
        return f"sqlite:///{self.folder / 'data' / 'demo.db'}"

    @property
    def known_hosts(self) -> Path:
        """Ours; it is read before each connection."""
        return self.folder / "config" / "known_hosts"

    def __enter__(self) -> Lodging:
        for number in (signal.SIGTERM, signal.SIGHUP):
            self._handlers[number] = signal.signal(number, _end)
        remove_abandoned(_place())
        self.folder = _new_folder()
        self._lives = _mark(self.folder)
        self._environment = dict(os.environ)
        for name in [*_TAKEN_AWAY, *(name for name in os.environ if name.startswith("DEPLOYX_"))]:
            os.environ.pop(name, None)
        for variable, name in {
            "HOME": "home",
            "DEPLOYX_DATA": "data",
            "DEPLOYX_CONFIG_DIR": "config",
            "DEPLOYX_RUNTIME": "run",
        }.items():
            place = self.folder / name
            place.mkdir(mode=0o700)
            os.environ[variable] = str(place)
        os.environ["DEPLOYX_DB"] = self.database
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.environ.clear()
        os.environ.update(self._environment)
        # what is being removed may still be written for a moment by a process that was just ended
        for _ in range(3):
            shutil.rmtree(self.folder, ignore_errors=True)
            if not self.folder.exists():
                break
        if self._lives is not None:
            self._lives.release()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type] # as signal() gave it


def _place() -> Path:
    """Where temporary files belong; /tmp where that place's name leaves no room for a socket's."""
    usual = tempfile.gettempdir()
    return Path(usual if len(usual) <= _LONGEST_PLACE else "/tmp")  # noqa: S108 - mkdtemp makes it 0700 under a random name


def _new_folder() -> Path:
    """0700."""
    return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_place()))


def _mark(folder: Path) -> FileLock:
    """Mark the folder as a demo's, and as one that lives: the mark appears with its lock taken."""
    lock = FileLock(folder / f"{_MARK}.new")
    lock.take(wait=True)
    lock.path.rename(folder / _MARK)
    return lock


def remove_abandoned(place: Path) -> None:
    """Remove the folders of this account's demos that were killed. One whose engine has not ended yet is left."""
    for folder in place.glob(f"{_PREFIX}*"):
        # another account's, or one that ends at this moment: not ours to remove
        with contextlib.suppress(OSError):
            if _is_abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    """Raises OSError where there is no mark of ours."""
    found, mark = folder.lstat(), (folder / _MARK).lstat()
    if not (stat.S_ISDIR(found.st_mode) and stat.S_ISREG(mark.st_mode) and found.st_uid == mark.st_uid == os.geteuid()):
        return False
    if FileLock(folder / _MARK).is_held():
        return False
    return not any(is_ours(socket) for socket in (folder / "run").glob("*.sock"))


def _end(number: int, _frame: FrameType | None) -> None:
    # once is enough: a second signal must not end the cleaning up
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise Ended(128 + number)
