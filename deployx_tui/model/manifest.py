"""The content of a tree: one entry a line, sorted by path, each the one text that it has.

Equal trees have equal manifests, and so one SHA-256. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from deployx_tui.model.artifact import EntryKind, TreeEntry


def manifest_text(entries: Iterable[TreeEntry]) -> str:
    """`entries_of` reads it."""
    lines = [_line(entry) for entry in sorted(entries, key=lambda entry: entry.path)]
    return "".join(f"{line}\n" for line in lines)


def entries_of(text: str) -> tuple[TreeEntry, ...]:
    """What a manifest lists, sorted by path. ValueError when it is none."""
    try:
        return tuple(_entry(line) for line in text.splitlines())
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a manifest: {error}") from error


def _line(entry: TreeEntry) -> str:
    fields: dict[str, str | int] = {"kind": entry.kind.value, "mode": entry.mode, "path": entry.path}
    match entry.kind:
        case EntryKind.FILE:
            fields |= {"sha256": entry.sha256, "size": entry.size}
        case EntryKind.LINK:
            fields["target"] = entry.target
        case EntryKind.FOLDER:
            pass
    # ASCII: no line end of Unicode stands in it
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _entry(line: str) -> TreeEntry:
    fields = json.loads(line)
    return TreeEntry(
        path=fields["path"],
        kind=EntryKind(fields["kind"]),
        mode=fields["mode"],
        size=fields.get("size", 0),
        sha256=fields.get("sha256", ""),
        target=fields.get("target", ""),
    )
