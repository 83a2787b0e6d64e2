"""What a run writes down on its target before each change, so that the same run, begun again by another engine, still
knows what it changed. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from urllib.parse import quote, unquote

from deployx_tui.model.changes import ChangeKind, FileChange
from deployx_tui.runners.files.present import Present


def line(kind: ChangeKind, path: str, before: str, after: str, kept_folder: str = "") -> str:
    """Without its last word, the name of what is kept: the target adds it."""
    return " ".join((kind.value, *(_word(text) for text in (before, after, path, kept_folder))))


def _word(text: str) -> str:
    return "%2D" if text == "-" else quote(text, safe="/", errors="surrogateescape") or "-"


def _text(word: str) -> str:
    return "" if word == "-" else unquote(word, errors="surrogateescape")


def read(done: Iterable[tuple[str, ...]]) -> list[FileChange]:
    """Lines of a journal; what can't be read is left out."""
    found = []
    for words in done:
        if len(words) != 6 or words[0] not in set(ChangeKind):
            continue
        before, after, path, folder, name = (_text(word) for word in words[1:])
        kept = f"{folder}/{name}" if folder and name else ""
        found.append(FileChange(path=path, kind=ChangeKind(words[0]), before=before, after=after, kept=kept))
    return found


def merged(changes: Iterable[FileChange]) -> tuple[FileChange, ...]:
    """One change for each path: what was there first, what is there last."""
    by_path: dict[str, FileChange] = {}
    for change in changes:
        first = by_path.get(change.path)
        by_path[change.path] = change if first is None else replace(first, after=change.after)
    return tuple(by_path.values())


def that_hold(changes: Iterable[FileChange], present: Callable[[str], Present | None]) -> list[FileChange]:
    """Those whose result is there; `present`: None for what was not looked at."""
    found = []
    for change in changes:
        there = present(change.path)
        if there is None:
            continue
        match change.kind:
            case ChangeKind.DELETED:
                holds = there.kind == "absent"
            case ChangeKind.FOLDER:
                holds = there.kind == "folder"
            case ChangeKind.LINKED:
                holds = (there.kind == "link" and there.target == change.after) or (
                    there.kind == "absent" and not change.after
                )
            case ChangeKind.CREATED | ChangeKind.REPLACED:
                holds = there.kind == "file" and there.sha256 == change.after
        if holds:
            found.append(change)
    return found
