"""The union of everything that a task or a run can do on a target, and what lists say of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from deployx_tui.model.artifact import ArtifactRef
from deployx_tui.model.changes import RollbackPayload
from deployx_tui.model.files import FileItem, FilePayload
from deployx_tui.model.ids import ArtifactId, PackageId
from deployx_tui.model.parameter import Parameter
from deployx_tui.model.payload import CommandPayload, Commands, Line, Script, TaskType
from deployx_tui.model.software import PackageChoice, SoftwarePayload

Payload = CommandPayload | FilePayload | SoftwarePayload | RollbackPayload

#: of `one_line`, in characters
LONGEST_LINE = 200
#: names that a line lists before it counts the rest
_NAMED = 4


@dataclass(frozen=True, slots=True)
class Stock:
    """What payloads name by ids, as far as it is there: looked up by whoever has the tables."""

    artifacts: Mapping[ArtifactId, ArtifactRef] = field(default_factory=dict)
    #: their names
    packages: Mapping[PackageId, str] = field(default_factory=dict)

    def of(self, payload: Payload) -> Stock:
        """The part of it that this payload names."""
        artifacts, packages = artifacts_of(payload), packages_of(payload)
        return Stock(
            {each: self.artifacts[each] for each in artifacts if each in self.artifacts},
            {each: self.packages[each] for each in packages if each in self.packages},
        )


NO_STOCK = Stock()


def type_of(payload: Payload) -> TaskType:
    """The contract knows three types; what takes files or software back is a deployment of files to it."""
    match payload:
        case CommandPayload():
            return TaskType.COMMAND
        case FilePayload() | RollbackPayload():
            return TaskType.FILE_DEPLOYMENT
        case SoftwarePayload():
            return TaskType.SOFTWARE_DEPLOYMENT
    assert_never(payload)


def with_parameters(payload: Payload, parameters: tuple[Parameter, ...]) -> Payload:
    """The payload that declares these; a rollback has none."""
    if isinstance(payload, RollbackPayload):
        return payload
    return replace(payload, parameters=parameters)


def artifacts_of(payload: Payload) -> tuple[ArtifactId, ...]:
    """The artifacts that it names, each once, in its order."""
    if not isinstance(payload, FilePayload):
        return ()
    return tuple(dict.fromkeys(item.artifact for item in payload.items))


def packages_of(payload: Payload) -> tuple[PackageId, ...]:
    """The packages of the catalogue that it names, each once, in its order."""
    if not isinstance(payload, SoftwarePayload):
        return ()
    return tuple(dict.fromkeys(choice.package for choice in payload.packages))


def one_line(payload: Payload, stock: Stock = NO_STOCK) -> str:
    """What it does, as a list shows it. `stock` has the names of what it names by id."""
    match payload:
        case CommandPayload():
            return _command(payload)
        case FilePayload():
            return _cut(payload.deployment_name or _files(payload, stock))
        case SoftwarePayload():
            return _cut(payload.deployment_name or _software(payload, stock))
        case RollbackPayload():
            return f"roll back run {payload.execution}"
    assert_never(payload)


def item_name(item: FileItem, stock: Stock) -> str:
    """What it is called where it comes to lie, else where it comes from."""
    if item.name is not None:
        return item.name
    return artifact_name(item.artifact, stock)


def artifact_name(artifact: ArtifactId, stock: Stock) -> str:
    found = stock.artifacts.get(artifact)
    return f"artifact {artifact}" if found is None else found.name


def package_name(choice: PackageChoice, stock: Stock) -> str:
    """ "nginx", "nginx=1.24"."""
    name = stock.packages.get(choice.package, f"package {choice.package}")
    return name if choice.version is None else f"{name}={choice.version}"


def software_names(payload: SoftwarePayload, stock: Stock) -> tuple[str, ...]:
    own = () if payload.custom is None else (payload.custom,)
    return (*(package_name(choice, stock) for choice in payload.packages), *own)


def _command(payload: CommandPayload) -> str:
    """The line, or the first one and how many follow."""
    match payload.body:
        case Line(command):
            lines = [command]
        case Script(text):
            lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
        case Commands(commands):
            lines = [*commands]
    first = " ".join(lines[0].split()) if lines else ""
    more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
    return first[: LONGEST_LINE - len(more)] + more


def _files(payload: FilePayload, stock: Stock) -> str:
    check = "check " if payload.check else ""
    return f"{check}{_listed([item_name(item, stock) for item in payload.items])} to {payload.target_path}"


def _software(payload: SoftwarePayload, stock: Stock) -> str:
    return f"{payload.action} {_listed(software_names(payload, stock))}"


def _listed(names: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _cut(text: str) -> str:
    whole = " ".join(text.split())
    return whole if len(whole) <= LONGEST_LINE else whole[: LONGEST_LINE - 1] + "\N{HORIZONTAL ELLIPSIS}"
