"""Where a setting may stand: a flag, the environment, the TOML file. Collects what is wrong in all of them."""

from __future__ import annotations

import difflib
import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from deployx_tui import paths
from deployx_tui.config.keys import KEYS, Key
from deployx_tui.errors import InvalidInput, Problem
from deployx_tui.plain_file import NotPlain, read_plain

T = TypeVar("T")


def default_file() -> Path:
    """Read when it exists and no other file is named."""
    return paths.config_folder() / "deployx.toml"


def file_of(named: Path | None, environment: Mapping[str, str] | None = None) -> Path:
    """The file that settings are read from: the one that was named, else DEPLOYX_CONFIG, else the default one."""
    variable = (os.environ if environment is None else environment).get("DEPLOYX_CONFIG")
    return named or (Path(variable) if variable else default_file())


class Sources:
    """The four places where a value may stand, and what was wrong in them."""

    def __init__(self, flags: Mapping[str, object], environment: Mapping[str, str], file: Path | None) -> None:
        self.origins: dict[str, str] = {}
        self._flags = flags
        self._environment = environment
        self._problems: list[Problem] = []
        self._file = file_of(file, environment)
        self._table = self._read_file(must_exist=file is not None or bool(environment.get("DEPLOYX_CONFIG")))

    def take(self, key: Key[T]) -> T:
        value: object
        if key.name in self._flags:
            value, origin, named = self._flags[key.name], f"flag --{key.name.replace('_', '-')}", key.name
        elif self._environment.get(key.variable):
            value, origin, named = self._environment[key.variable], f"environment {key.variable}", key.variable
        elif key.name in self._table:
            value, origin, named = self._table[key.name], str(self._file), key.name
        else:
            self.origins[key.name] = "default"
            return key.default()
        self.origins[key.name] = origin
        try:
            return key.read(named, value)
        except InvalidInput as error:
            self._problems += [
                Problem(field=named, message=f"{problem.message} (from {origin})", remedy=problem.remedy)
                for problem in error.problems
            ]
            return key.default()

    def finish(self) -> None:
        known = [key.name for key in KEYS]
        for name in self._table:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                self._problems.append(
                    Problem(
                        field=name,
                        message=f"no such setting (in {self._file})",
                        remedy=f"did you mean {near[0]}?" if near else f"settings are {', '.join(known)}",
                    )
                )
        if self._problems:
            raise InvalidInput(self._problems)

    def _read_file(self, *, must_exist: bool) -> dict[str, object]:
        try:
            found = self._file.stat()
            # one that was named may be a shell's <(...); into the default one nobody writes, and it would be waited for
            content = read_plain(self._file, pipe=must_exist)
            text = content.decode("utf-8-sig")  # an editor of Windows begins a file with a mark
        except FileNotFoundError:
            if must_exist:
                self._problems.append(
                    Problem(field="config", message=f"{self._file} does not exist", remedy="name a TOML file that does")
                )
            return {}
        except NotPlain as error:
            self._problems.append(Problem(field="config", message=str(error), remedy=f"{error.remedy} of settings"))
            return {}
        except (OSError, UnicodeDecodeError) as error:
            self._problems.append(
                Problem(field="config", message=f"{self._file}: {error}", remedy="make it a readable UTF-8 file")
            )
            return {}
        if stat.S_ISREG(found.st_mode) and (found.st_uid not in (0, os.geteuid()) or found.st_mode & 0o002):
            # who writes it says which database and which sockets are used
            self._problems.append(
                Problem(
                    field="config",
                    message=f"{self._file} may be written by others",
                    remedy=f"make it your own: chown {os.geteuid()} {self._file}; chmod 600 {self._file}",
                )
            )
            return {}
        try:
            return tomllib.loads(text)
        # beside its own error it raises what a number of thousands of digits, or brackets without end, make of it
        except (ValueError, RecursionError) as error:
            self._problems.append(
                Problem(field="config", message=f"{self._file}: {error}", remedy='write NAME = "value" lines (TOML)')
            )
            return {}
