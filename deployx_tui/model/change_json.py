"""What a run changed on a target as JSON, and back. Only this program writes and reads it: it lies in the database."""

from __future__ import annotations

import json
from typing import Any

from deployx_tui.model.changes import ChangeKind, FileChange, PackageChange, TargetChanges


def changes_to_json(changes: TargetChanges) -> str:
    """A row for each change, without names: a tree may have changed in 100,000 places."""
    files = [(each.path, each.kind.value, each.before, each.after, each.kept) for each in changes.files]
    packages = [(each.package, each.installer, each.native, each.before, each.after) for each in changes.packages]
    return json.dumps({"files": files, "packages": packages}, separators=(",", ":"))


def changes_from_json(text: str | bytes) -> TargetChanges:
    found: dict[str, list[Any]] = json.loads(text)
    return TargetChanges(
        files=tuple(
            FileChange(path=path, kind=ChangeKind(kind), before=before, after=after, kept=kept)
            for path, kind, before, after, kept in found["files"]
        ),
        packages=tuple(
            PackageChange(package=package, installer=installer, native=native, before=before, after=after)
            for package, installer, native, before, after in found["packages"]
        ),
    )
