"""What a person gives to a run: read here before its transaction begins, which must not wait for a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

from sqlalchemy import Connection

from deployx_tui.errors import Conflict, InvalidInput, Problem
from deployx_tui.model.parameter import ParameterType
from deployx_tui.model.payloads import Payload
from deployx_tui.planning.parameters import files_of
from deployx_tui.runners.parameter_file import read_parameter_file
from deployx_tui.store import credentials


@dataclass(frozen=True, slots=True)
class Files:
    """The files that the parameters of a payload name, as they were at one moment."""

    contents: Mapping[str, str | InvalidInput]

    @classmethod
    def of(cls, payload: Payload, given: Mapping[str, str]) -> Self:
        """Blocks. A file that can't be read is told when it is asked for."""
        return cls(MappingProxyType({path: _content(path) for path in files_of(payload, given)}))

    def read(self, path: str) -> str:
        """InvalidInput when it could not be read; Conflict when the task names another file by now."""
        found = self.contents.get(path)
        if found is None:
            raise Conflict("the task was changed at this moment: look at it again, then start it")
        if isinstance(found, InvalidInput):
            raise found
        return found


@dataclass(frozen=True, slots=True)
class Given:
    """What a start gives beside the task."""

    #: a selector that narrows the task's targets; None: all
    targets: str | None
    #: by name
    parameters: Mapping[str, str]
    files: Files


def _content(path: str) -> str | InvalidInput:
    try:
        return read_parameter_file(path)
    except InvalidInput as error:
        return error


def secret_problems(c: Connection, payload: Payload) -> list[Problem]:
    """Defaults that name no credential which a command may get."""
    problems: list[Problem] = []
    for number, each in enumerate(payload.parameters):
        if each.type is ParameterType.SECRET and each.default:
            try:
                credentials.parameter(c, each.default)
            except InvalidInput as error:
                field = f"parameters.{number}.default"
                problems += (
                    Problem(field=field, message=f"{each.name}: {found.message}", remedy=found.remedy)
                    for found in error.problems
                )
    return problems
