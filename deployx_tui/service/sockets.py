"""Unix sockets that this account alone can reach: where they lie, whether somebody listens, who that is."""

from __future__ import annotations

import os
import socket
import stat
import struct
from dataclasses import dataclass
from pathlib import Path

from deployx_tui.errors import Unavailable
from deployx_tui.filelock import FileLock

#: sockaddr_un on Linux holds 108 bytes, on macOS 104, each with a NUL
LONGEST_PATH = 103

_UCRED = struct.Struct("3i")
_CONNECT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end, as it was when it connected or began to listen.

    The pid is for the log and for counting, never for deciding.
    """

    pid: int
    uid: int
    gid: int


def peer_of(connection: socket.socket) -> Peer:
    """The kernel's word. OSError when the platform or the socket has none."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        raise OSError("this system tells no peer credentials of Unix sockets")
    return Peer(*_UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, option, _UCRED.size)))


def listener_at(path: Path) -> Peer | None:
    """Who listens there; None when nobody does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_CONNECT_SECONDS)
        try:
            probe.connect(os.fspath(path))
            return peer_of(probe)
        except OSError:
            return None


def is_ours(path: Path) -> bool:
    """Whether a process of this account listens there. A stranger's is never attached to: it could say anything."""
    listener = listener_at(path)
    return listener is not None and listener.uid == os.geteuid()


def bind(path: Path) -> socket.socket:
    """A listening socket that this account alone can reach. A dead one at the same path is replaced.

    Raises Unavailable when the folder is not ours alone, the path is too long, or somebody answers there already.
    """
    if not hasattr(socket, "SO_PEERCRED"):
        raise Unavailable("this system does not tell who connects to a Unix socket; run `deployx --in-process`")
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise Unavailable(f"the socket's path is too long for the system ({path}); give a shorter one with --socket")
    own_folder(path.parent)
    _remove_dead(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # never wider than 0600, not even for a moment; the folder shuts everybody else out already
        before = os.umask(0o177)
        try:
            listening.bind(os.fspath(path))
        finally:
            os.umask(before)
        listening.listen(256)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise Unavailable(f"can't listen at {path}: {error.strerror}; give another path with --socket") from error
    return listening


def own_folder(folder: Path) -> None:
    """Make it 0700, or see that it is so and ours. Unavailable when it is not."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise Unavailable(
            f"{folder} can't be made: {error.strerror}; set DEPLOYX_RUNTIME to a folder of yours"
        ) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise Unavailable(f"{folder} is not a folder of this account; set DEPLOYX_RUNTIME to one that is")
    if found.st_mode & 0o077:
        raise Unavailable(f"{folder} is open to other accounts; close it with: chmod 700 {folder}")


def _remove_dead(path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise Unavailable(f"{path} is not a socket; move it away or give another path with --socket")
    if listener_at(path) is not None:
        raise Unavailable(f"another process listens at {path}; end it or give another path with --socket")
    path.unlink(missing_ok=True)


class StartLock:
    """Held while an engine comes up or goes down at a socket: the next one waits, and then looks who is there.

    A lock of the kernel: it ends with the process, whatever way that ends.
    """

    def __init__(self, path: Path) -> None:
        """`path` of the socket, in a folder of ours."""
        self._lock = FileLock(path.with_name(path.name + ".lock"))

    def take(self, *, wait: bool = True) -> bool:
        """False: another process has it, and we did not wait."""
        own_folder(self._lock.path.parent)
        return self._lock.take(wait=wait)

    def release(self) -> None:
        self._lock.release()
