"""Files of the machine where the screens run: what a folder holds, and how a typed path goes on. Blocks: call it in a
thread. The engine may be on another machine; what is read here is streamed to it (`streaming`)."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

#: entries of a folder that are listed; more are counted
MOST = 5000


@dataclass(frozen=True, slots=True)
class LocalEntry:
    """One name in a folder."""

    name: str
    is_folder: bool
    #: of a file; 0 where it can't be told
    size: int = 0
    #: None: it can't be told
    changed_at: datetime | None = None
    #: neither a file nor a folder, such as a socket, or a link to nothing
    is_other: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    folder: Path
    #: folders first, then by name
    entries: tuple[LocalEntry, ...] = ()
    #: names that were not listed for their number
    left_out: int = 0
    #: why it can't be read; "" when it can
    problem: str = ""


def read_folder(folder: Path) -> Listing:
    """Never raises: a folder that can't be read says why."""
    made: list[LocalEntry] = []
    left_out = 0
    try:
        with os.scandir(folder) as found:
            for each in found:
                if len(made) >= MOST:
                    left_out += 1
                else:
                    made.append(_entry(each))
    except OSError as error:
        return Listing(folder, problem=error.strerror or type(error).__name__)
    made.sort(key=lambda entry: (not entry.is_folder, entry.name.lower(), entry.name))
    return Listing(folder, tuple(made), left_out)


def _entry(found: os.DirEntry[str]) -> LocalEntry:
    try:
        facts = found.stat()
    except OSError:
        return LocalEntry(found.name, is_folder=False, is_other=True)
    at = datetime.fromtimestamp(facts.st_mtime, UTC)
    if stat.S_ISDIR(facts.st_mode):
        return LocalEntry(found.name, is_folder=True, changed_at=at)
    return LocalEntry(found.name, False, facts.st_size, at, is_other=not stat.S_ISREG(facts.st_mode))


def split_typed(text: str) -> tuple[Path, str]:
    """The folder that a typed path is in, and what is typed of the name: `/etc/ng` is in `/etc`, and `ng` of it."""
    head, slash, prefix = text.rpartition("/")
    folder = Path((head or slash) if slash else ".")
    try:
        folder = folder.expanduser()
    except RuntimeError:  # of an account that is not here: the folder then says that it is not there
        return folder, prefix
    return Path.cwd() / folder, prefix


def fitting(entries: Sequence[LocalEntry], prefix: str, *, hidden: bool) -> tuple[LocalEntry, ...]:
    """Those whose names go on from `prefix`; names with a dot before them only when asked for."""
    return tuple(
        entry
        for entry in entries
        if entry.name.startswith(prefix) and (hidden or prefix.startswith(".") or not entry.name.startswith("."))
    )


def completed(entries: Sequence[LocalEntry], prefix: str) -> str:
    """The name as far as it is certain; a single folder's with its slash."""
    if not entries:
        return prefix
    first, last = min(entry.name for entry in entries), max(entry.name for entry in entries)
    same = next((at for at, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first))
    return f"{first}/" if len(entries) == 1 and entries[0].is_folder else first[:same]


def typed_path(folder: Path) -> str:
    """How a folder stands in the line: with a slash at its end, the home as `~`."""
    home = Path.home()
    text = f"~/{folder.relative_to(home)}" if folder.is_relative_to(home) and folder != home else str(folder)
    if folder == home:
        text = "~"
    return text if text.endswith("/") else f"{text}/"
