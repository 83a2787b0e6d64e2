"""What a run changed on a target, and the payload that takes it back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from deployx_tui.model.ids import DeviceId, ExecutionId, TargetId
from deployx_tui.model.parameter import Parameter
from deployx_tui.model.payload import RunAs


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackPayload:
    """What an execution changed is restored, on the targets where it changed something."""

    execution: ExecutionId
    #: also where somebody changed it since
    force: bool = False
    run_as: RunAs | None = None

    @property
    def durable(self) -> bool:
        return False

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return ()


class ChangeKind(StrEnum):
    CREATED = "created"
    REPLACED = "replaced"
    DELETED = "deleted"
    #: a symbolic link was made or turned to another folder
    LINKED = "linked"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """One thing that a run changed on a target."""

    #: absolute, on the target
    path: str
    kind: ChangeKind
    #: SHA-256 of the content before and after, hex; of LINKED: what the link pointed at; "" where there was nothing
    before: str = ""
    after: str = ""
    #: where the target keeps what was there before; "": nothing is kept
    kept: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageChange:
    """One package that a run installed, changed or removed on a target."""

    #: of the catalogue, or the name that was asked for
    package: str
    #: the installer's kind, such as "apt"
    installer: str
    #: its name in the installer's words; "": the same
    native: str = ""
    #: the version found before; "": it was not there
    before: str = ""
    #: the version found after; "": it is not there any more
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetChanges:
    """All that a run changed on one target, in the order in which it was done."""

    files: tuple[FileChange, ...] = ()
    packages: tuple[PackageChange, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.files or self.packages)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedTarget:
    """A target on which an execution changed something."""

    target: TargetId
    device: DeviceId
    #: the device's name when the execution was planned
    name: str
    #: how many things
    count: int
    #: the execution that took all of it back; None: none did
    rolled_back_by: ExecutionId | None = None
