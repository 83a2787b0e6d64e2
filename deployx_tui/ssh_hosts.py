"""The hosts that an OpenSSH client configuration names, read as text: what a face can count without an SSH library."""

from __future__ import annotations

import glob
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from deployx_tui.plain_file import read_plain

_DEPTH = 16  # of Include, as OpenSSH has it
#: files of one configuration: a file that includes itself twice would be read 2^16 times within that depth
_MOST_FILES = 1000
#: bytes of all of them
_MOST_BYTES = 4 << 20


def named_hosts(lines: list[str]) -> list[str]:
    """Every name without a wildcard that a Host line has, in their order, each once. ValueError: an open quote."""
    found: dict[str, None] = {}
    for line in lines:
        keyword, value = _split(line)
        if keyword == "host":
            found.update(dict.fromkeys(name for name in shlex.split(value) if not set(name) & set("*?!")))
    return list(found)


def lines_of(path: Path, *, anywhere: bool = False) -> tuple[list[str], list[Path]]:
    """All lines, Include replaced by what it names, and the files they came from. A file that is not there has none.

    `anywhere`: an Include inside a block is followed too, but stays in the lines, for the block holds for what it
    names. Raises OSError (NotPlain for what is no plain file), and ValueError for an Include that can't be followed.
    """
    reading = _Reading(anywhere)
    return _expand(path, reading, 0), reading.files


@dataclass(slots=True)
class _Reading:
    """One configuration while its files are read."""

    anywhere: bool
    files: list[Path] = field(default_factory=list)
    size: int = 0

    def text(self, path: Path) -> str:
        """Of its next file. Raises as `lines_of`."""
        self.files.append(path)
        if len(self.files) > _MOST_FILES:
            raise ValueError(f"{path}: Include leads to more than {_MOST_FILES} files; put them together")
        try:
            content = read_plain(path)
        except FileNotFoundError:
            return ""
        self.size += len(content)
        if self.size > _MOST_BYTES:
            raise ValueError(f"{path}: with it the included files have more than {_MOST_BYTES >> 20} MiB; include less")
        return content.decode("utf-8", "replace")


def _expand(path: Path, reading: _Reading, depth: int) -> list[str]:
    if depth > _DEPTH:
        raise ValueError(f"{path}: Include is nested deeper than {_DEPTH}; include it from further out")
    lines: list[str] = []
    block = "Host *"
    for line in reading.text(path).splitlines():
        keyword, value = _split(line)
        if keyword in ("host", "match"):
            block = line
        if keyword != "include":
            lines.append(line)
            continue
        is_inside = block.split()[1:] != ["*"] or bool(set(value) & set("%$"))
        if is_inside and reading.anywhere:
            lines.append(line)
        elif is_inside:
            raise ValueError(f"{path}: Include inside {block.strip()!r} is not supported; put it before the first Host")
        for name in shlex.split(value):
            pattern = Path(name).expanduser()
            folder = Path("/") if pattern.is_absolute() else Path.home() / ".ssh"
            # as glob(3) does, and OpenSSH with it: "**" is no search through all folders
            for file in sorted(glob.glob(str(folder / pattern), recursive=False)):  # noqa: PTH207 - pathlib's is one
                lines += _expand(Path(file), reading, depth + 1)
        lines.append(block)  # an included file's last Host ends with the file
    return lines


def _split(line: str) -> tuple[str, str]:
    """(keyword in lower case, the rest); both "Keyword value" and "Keyword=value" are allowed."""
    words = line.strip().replace("=", " ", 1).split(None, 1) if not line.strip().startswith("#") else []
    return (words[0].lower(), words[1] if len(words) > 1 else "") if words else ("", "")
