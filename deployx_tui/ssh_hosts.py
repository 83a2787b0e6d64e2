"""The hosts that an OpenSSH client configuration names, read as text: what a face can count without an SSH library."""

from __future__ import annotations

import shlex
from pathlib import Path

_DEPTH = 16  # of Include, as OpenSSH has it


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
    names. Raises OSError, and ValueError for an Include that can't be followed.
    """
    files: list[Path] = []
    return _expand(path, files, 0, anywhere), files


def _expand(path: Path, files: list[Path], depth: int, anywhere: bool) -> list[str]:
    if depth > _DEPTH:
        raise ValueError(f"{path}: Include is nested deeper than {_DEPTH}")
    files.append(path)
    lines: list[str] = []
    block = "Host *"
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    for line in text.splitlines():
        keyword, value = _split(line)
        if keyword in ("host", "match"):
            block = line
        if keyword != "include":
            lines.append(line)
            continue
        is_inside = block.split()[1:] != ["*"] or bool(set(value) & set("%$"))
        if is_inside and anywhere:
            lines.append(line)
        elif is_inside:
            raise ValueError(f"{path}: Include inside {block.strip()!r} is not supported; put it before the first Host")
        for name in shlex.split(value):
            pattern = Path(name).expanduser()
            folder = Path("/") if pattern.is_absolute() else Path.home() / ".ssh"
            for file in sorted(folder.glob(str(pattern.relative_to("/") if pattern.is_absolute() else pattern))):
                lines += _expand(file, files, depth + 1, anywhere)
        lines.append(block)  # an included file's last Host ends with the file
    return lines


def _split(line: str) -> tuple[str, str]:
    """(keyword in lower case, the rest); both "Keyword value" and "Keyword=value" are allowed."""
    words = line.strip().replace("=", " ", 1).split(None, 1) if not line.strip().startswith("#") else []
    return (words[0].lower(), words[1] if len(words) > 1 else "") if words else ("", "")
