"""What has to be done so that a target has what is wanted: wants against what is there. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from deployx_tui.model.artifact import EntryKind
from deployx_tui.model.files import Existing, FilePayload
from deployx_tui.runners.files.present import Present
from deployx_tui.runners.files.wanted import Want

_ABSENT = Present()


class Deed(StrEnum):
    #: its bytes are sent
    PUT = "put"
    #: the content is right, its mode or owner is not: it is copied on the target
    RESTAMP = "restamp"
    LINK = "link"
    FOLDER = "folder"
    DELETE = "delete"
    DELETE_FOLDER = "delete_folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    deed: Deed
    path: str
    #: what is there
    present: Present
    #: None: nothing is (DELETE)
    want: Want | None = None

    @property
    def wanted(self) -> Want:
        """Of a step that puts something there."""
        if self.want is None:
            raise ValueError(f"nothing is wanted at {self.path}")
        return self.want


@dataclass(kw_only=True)
class Decision:
    #: in the order in which they are done
    steps: list[Step] = field(default_factory=list)
    #: paths of files that were left as they are, because the task says so
    kept: list[str] = field(default_factory=list)
    #: why it can't be done, each with its path
    problems: list[str] = field(default_factory=list)
    #: files and links that were compared
    compared: int = 0


def decide(payload: FilePayload, wants: Sequence[Want], present: Mapping[str, Present]) -> Decision:
    """`present` by absolute path; what it does not name is absent."""
    found = Decision()
    for want in wants:
        there = present.get(want.path, _ABSENT)
        match want.kind:
            case EntryKind.FOLDER:
                if there.kind == "absent":
                    found.steps.append(Step(deed=Deed.FOLDER, path=want.path, present=there, want=want))
                elif there.kind != "folder":
                    found.problems.append(f"{want.path} is {_a(there.kind)}, and shall be a folder")
            case EntryKind.LINK:
                found.compared += 1
                if there.kind not in ("absent", "link"):
                    found.problems.append(f"{want.path} is {_a(there.kind)}, and shall be a symbolic link")
                elif there.target != want.target or there.kind == "absent":
                    found.steps.append(Step(deed=Deed.LINK, path=want.path, present=there, want=want))
            case EntryKind.FILE:
                found.compared += 1
                _file(payload, want, there, found)
    return found


def _file(payload: FilePayload, want: Want, there: Present, found: Decision) -> None:
    match there.kind:
        case "absent":
            found.steps.append(Step(deed=Deed.PUT, path=want.path, present=there, want=want))
            return
        case "file":
            pass
        case "link":
            found.problems.append(
                f"{want.path} is a symbolic link, which is not followed (deploy to what it points at, or remove it)"
            )
            return
        case _:
            found.problems.append(f"{want.path} is {_a(there.kind)}, and shall be a file")
            return
    same = there.sha256 == want.sha256
    right = (want.mode is None or want.mode == there.mode) and there.belongs_to(payload.owner, payload.group)
    if same and right:
        return
    if payload.existing is Existing.KEEP:
        found.kept.append(want.path)
    elif payload.existing is Existing.FAIL and not same:
        found.problems.append(f"{want.path} is there with another content, and this task replaces nothing")
    else:
        deed = Deed.RESTAMP if same else Deed.PUT
        found.steps.append(Step(deed=deed, path=want.path, present=there, want=want))


def _a(kind: str) -> str:
    return {"folder": "a folder", "file": "a file", "link": "a symbolic link"}.get(kind, "no regular file")


def extras(root: str, listed: Mapping[str, Present], wants: Sequence[Want], protected: Sequence[str]) -> list[Step]:
    """What lies below `root` and is not wanted there, children before their folders. `listed` by relative path."""
    wanted = {want.path for want in wants}
    for want in wants:
        above = want.path.rpartition("/")[0]
        while above and above not in wanted:
            wanted.add(above)
            above = above.rpartition("/")[0]
    stays = {path for path in listed if _is_protected(path, protected)}
    steps = []
    needed: set[str] = set()
    for path in sorted(listed, reverse=True):
        present = listed[path]
        full = f"{root}/{path}"
        if full in wanted or path in stays or path in needed:
            above = path.rpartition("/")[0]
            if above:
                needed.add(above)
            continue
        deed = Deed.DELETE_FOLDER if present.kind == "folder" else Deed.DELETE
        steps.append(Step(deed=deed, path=full, present=present))
    return steps


def differences(payload: FilePayload, decision: Decision) -> Iterator[str]:
    """A line for each path that is not as it shall be: in what."""
    for step in sorted(decision.steps, key=lambda step: step.path):
        yield f"differs {step.path}: {', '.join(_in_what(payload, step))}"
    for path in sorted(decision.kept):
        yield f"differs {path}: content, mode or owner (this task keeps what is there)"


def _in_what(payload: FilePayload, step: Step) -> Iterator[str]:
    there, want = step.present, step.want
    if want is None:
        yield "extra" if there.kind != "other" else "extra, and no file, link or folder"
    elif there.kind == "absent":
        yield "missing"
    elif want.kind is EntryKind.LINK:
        yield f"it points at {there.target}, not at {want.target}"
    else:
        if there.sha256 != want.sha256:
            yield "content"
        if want.mode is not None and want.mode != there.mode:
            yield f"mode {there.mode:04o}, not {want.mode:04o}" if there.mode >= 0 else "mode"
        if not there.belongs_to(payload.owner, None):
            yield f"owner {there.user or there.uid}, not {payload.owner}"
        if not there.belongs_to(None, payload.group):
            yield f"group {there.group or there.gid}, not {payload.group}"


def _is_protected(path: str, patterns: Sequence[str]) -> bool:
    """It, or a folder that it lies in, fits a pattern."""
    parts = path.split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return any(fnmatchcase(name, pattern.rstrip("/")) for pattern in patterns for name in above)


def too_many(payload: FilePayload, deletions: Sequence[Step], there: int) -> bool:
    """Whether so many of `there` things may not be removed."""
    return len(deletions) * 100 > payload.most_deletions * there
