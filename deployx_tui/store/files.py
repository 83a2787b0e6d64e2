"""Whether a database's folder and file are ours alone, and their safe creation. Opens no database.

Who controls the file controls the fleet: an unsafe place is refused with the remedy, never mended silently.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deployx_tui.errors import DatabaseRefused

#: how every SQLite file begins that is not empty
_MAGIC = b"SQLite format 3\0"

#: file systems on which SQLite's locks and shared memory do not hold between machines
NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "afs", "ceph", "glusterfs"}
)


def claim_file(path: Path, *, create: bool) -> bool:
    """Check the folder and the file at `path`, making both where they are missing. True: the file is new (and empty).

    A new file is created exclusively with mode 0600 and links not followed, before SQLite sees it, because
    SQLite gives its companions (`-wal`, `-shm`) the mode that the file has when they are made.
    An existing file that is taken is looked at, never opened: closing a second descriptor would drop SQLite's POSIX
    locks.

    Raises:
        DatabaseRefused: with what is wrong and the command that mends it.
    """
    if not create:
        check_place(path)
        return False
    _make_folders(path.parent)
    with _database_first(path):
        check_folder(path.parent)
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            check_file(path)
            return False
        except OSError as error:
            raise DatabaseRefused(f"{path} can't be created ({error.strerror}); name another place for it") from error
    try:
        os.fchmod(descriptor, 0o600)  # whatever the umask took away
    finally:
        os.close(descriptor)
    return True


def check_place(path: Path) -> None:
    """Refuse a database whose folder or file is not ours alone, and first of all what is no database."""
    with _database_first(path):
        check_folder(path.parent)
        check_file(path)


@contextmanager
def _database_first(path: Path) -> Iterator[None]:
    """How a foreign file could be made safe is no advice to give: that it is one, is."""
    try:
        yield
    except DatabaseRefused:
        if _begins(path) not in (None, b"", _MAGIC):
            raise DatabaseRefused(f"{path} is not a database; name another one with --db or DEPLOYX_DB") from None
        raise


def is_database(path: Path) -> bool:
    """Whether a plain file of this account begins as SQLite's do. Not for one that this process has open."""
    return _begins(path) == _MAGIC and path.lstat().st_uid == os.geteuid()


def _begins(path: Path) -> bytes | None:
    """The first bytes of a plain file; None: there is none that can be read. Links are not followed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError:
        return None
    try:
        return os.read(descriptor, len(_MAGIC)) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    finally:
        os.close(descriptor)


def claim_folder(path: Path) -> None:
    """Make a folder of ours beside the database, 0700, or see that it is one and close it. Links are not followed.

    Raises DatabaseRefused when something else stands there, and OSError when it can't be made.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise DatabaseRefused(f"{path} is not a folder of ours; look what it is, and move it away") from None
    path.chmod(0o700)


def check_folder(folder: Path) -> None:
    """Refuse a folder that someone else owns, may write to, or could have led us to; and a network file system.

    One that others may read is taken: a home is 0755, and our files in it are 0600. The doctor says so.
    """
    _check_links(folder)
    try:
        found = folder.stat()
    except FileNotFoundError:
        raise DatabaseRefused(f"the folder {folder} does not exist; create it with: mkdir -m 700 {folder}") from None
    except PermissionError:
        raise DatabaseRefused(
            f"the folder {folder} may not be entered; use one of your own: set DEPLOYX_DATA"
        ) from None
    if not stat.S_ISDIR(found.st_mode):
        raise DatabaseRefused(f"{folder} is not a folder; name another place for the database")
    if found.st_uid != os.geteuid():
        raise DatabaseRefused(
            f"the folder {folder} belongs to {_name(found.st_uid)}, not to you; "
            f"run as {_name(found.st_uid)}, or set DEPLOYX_DATA to a folder of your own"
        )
    if found.st_mode & stat.S_ISVTX and found.st_mode & 0o022:
        raise DatabaseRefused(
            f"the folder {folder} is one that accounts share; name a folder of your own: set DEPLOYX_DATA, or use --db"
        )
    if found.st_mode & 0o022:
        raise DatabaseRefused(
            f"the folder {folder} may be written by others; close it with: chmod 700 {folder}, or deployx doctor --fix"
        )
    kind = _file_system(folder)
    if kind in NETWORK_FILE_SYSTEMS:
        raise DatabaseRefused(
            f"the folder {folder} lies on a network file system ({kind}), where SQLite's locks do not hold; "
            "set DEPLOYX_DATA to a folder on a local disk"
        )


def sync_folder(folder: Path) -> None:
    """What was made or renamed in it survives a power loss. OSError when the disk refuses."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_file(path: Path) -> None:
    """Refuse a link, something that is no file, another's file, and one that others may read or write."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        raise DatabaseRefused(f"there is no database at {path}; start deployx once to create it") from None
    if stat.S_ISLNK(found.st_mode):
        raise DatabaseRefused(f"{path} is a symbolic link; name the file that it leads to instead")
    if not stat.S_ISREG(found.st_mode):
        raise DatabaseRefused(f"{path} is not a regular file; name another place for the database")
    if found.st_uid != os.geteuid():
        raise DatabaseRefused(f"{path} belongs to {_name(found.st_uid)}, not to you; run as {_name(found.st_uid)}")
    if found.st_mode & 0o077 and not found.st_size:
        raise DatabaseRefused(f"{path} is empty, and others may use it; remove it, or name another place with --db")
    if found.st_mode & 0o077:
        raise DatabaseRefused(
            f"{path} may be read or written by others; close it with: chmod 600 {path}, or deployx doctor --fix"
        )


def _make_folders(folder: Path) -> None:
    missing = []
    while not folder.exists() and not folder.is_symlink():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        try:
            each.mkdir(mode=0o700)
        except FileExistsError:
            continue  # another process was quicker; check_folder judges what it made
        except OSError as error:
            raise DatabaseRefused(f"the folder {each} can't be created ({error.strerror}); set DEPLOYX_DATA") from error


def _check_links(folder: Path) -> None:
    """A link on the way is trusted when root or we ourselves made it."""
    absolute = Path(os.path.abspath(folder))  # noqa: PTH100 - Path.resolve would follow the links we look for
    for part in (*reversed(absolute.parents), absolute):
        try:
            found = part.lstat()
        except (FileNotFoundError, PermissionError):
            return  # check_folder says it better
        if stat.S_ISLNK(found.st_mode) and found.st_uid not in (0, os.geteuid()):
            raise DatabaseRefused(
                f"{part}, on the way to {folder}, is a symbolic link of {_name(found.st_uid)}; name the real folder"
            )


def _file_system(folder: Path) -> str | None:
    """The type of the file system that holds a folder; None where the system does not tell (no /proc)."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(errors="replace").splitlines()
    except OSError:
        return None
    real = folder.resolve()
    best, kind = -1, None
    for line in lines:
        left, _, right = line.partition(" - ")
        point = Path(left.split(" ")[4].encode().decode("unicode_escape"))  # blanks stand as \040
        if real.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), right.split(" ")[0]
    return kind


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
