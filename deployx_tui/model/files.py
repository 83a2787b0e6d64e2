"""What a file task does on a target."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from deployx_tui.model.ids import ArtifactId
from deployx_tui.model.parameter import Parameter
from deployx_tui.model.payload import RunAs


class LineEndings(StrEnum):
    AS_IS = "as_is"
    LF = "lf"
    CRLF = "crlf"


class Existing(StrEnum):
    """What becomes of a file that is there with another content."""

    REPLACE = "replace"
    KEEP = "keep"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileItem:
    """One artifact of a file task."""

    artifact: ArtifactId
    #: the newest version of its name when it runs, instead of this one
    newest: bool = False
    #: relative to the target path, when that is a folder; None: the artifact's own name (of a tree: its content lies
    #: directly in the target path)
    name: str | None = None
    #: permission bits; None: the payload's
    mode: int | None = None
    line_endings: LineEndings = LineEndings.AS_IS
    #: `${name}` stands for a parameter or a fact of the device, `$${` for `${`; such a file is UTF-8 text up to 1 MiB
    substitute: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePayload:
    items: tuple[FileItem, ...]
    #: absolute, or below the home of the account (`~/...`). It is a folder when it ends in "/", when there are several
    #: items, or when the item is a tree; else it is the file's own path
    target_path: str
    #: (word of `os:` selectors, path): the first that fits the device stands instead of `target_path`
    platform_paths: tuple[tuple[str, str], ...] = ()
    create_folders: bool = True
    #: permission bits of files; None: a replaced file's own, of a new one the artifact's (a tree's) or 0644
    mode: int | None = None
    #: None: a replaced file's own, of a new one the account's
    owner: str | None = None
    group: str | None = None
    existing: Existing = Existing.REPLACE
    #: versions of a replaced file that are kept on the target, the newest for `rollback`; 0: none, and no rollback
    backups: int = 1
    #: a command that must succeed before anything is changed; None: none
    pre_check: str | None = None
    #: a command after the files are in place, only when something changed; None: none
    post_command: str | None = None
    #: a failing post-command takes the files back
    rollback_on_failure: bool = False
    #: of a tree: what lies in the target path and not in the tree is removed
    delete_extra: bool = False
    #: patterns (fnmatch, relative to the target path) of what is never removed
    protected: tuple[str, ...] = ()
    #: per cent of what lies in the target path that may be removed; more fails before anything is changed
    most_deletions: int = 10
    #: of a tree: into a folder of its own beside the target path, which becomes a symbolic link to it in one step
    swap: bool = False
    #: files of equal size and time of change are taken for equal to what was put there before, and not hashed
    quick: bool = False
    #: nothing is changed: a target that does not match fails with the cause `verify`
    check: bool = False
    #: None: the account that logs in
    run_as: RunAs | None = None
    parameters: tuple[Parameter, ...] = ()
    #: the name of the deployment in lists; None: made of what it does
    deployment_name: str | None = None

    @property
    def durable(self) -> bool:
        """What was begun is simply begun again: equal files are left alone, a partial one is gone on with."""
        return False
