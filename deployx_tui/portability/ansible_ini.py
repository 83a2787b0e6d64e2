"""Ansible's INI inventories, as the `ini` plugin of ansible-core 2.19 reads them."""

from __future__ import annotations

import re
import shlex

from deployx_tui.model.importing import HostList, ImportFormat
from deployx_tui.portability.ansible import UNGROUPED, Inventory, Value
from deployx_tui.portability.host_patterns import hosts_of
from deployx_tui.portability.refusing import refuse

SECTION = re.compile(r"\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?")
_GROUP = re.compile(r"([^:\]\s]+)\s*(?:#.*)?")


def read(text: str) -> HostList:
    """InvalidInput names the line."""
    reading = _Reading()
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if line and line[0] not in "#;":
            reading.line(line, number)
    return reading.listed()


class _Reading:
    """Line by line; before the first section, hosts in no group."""

    def __init__(self) -> None:
        self._inventory = Inventory()
        self._group, self._kind = UNGROUPED, "hosts"
        #: groups that were spoken of and not declared yet: where, and as what
        self._pending: dict[str, tuple[int, str]] = {}

    def listed(self) -> HostList:
        for name, (number, message) in self._pending.items():
            refuse(message, f"add a section [{name}]", number)
        return self._inventory.listed(ImportFormat.ANSIBLE_INI)

    def line(self, line: str, number: int) -> None:
        if (section := SECTION.fullmatch(line)) is not None:
            self._begin(section[1], section[2] or "hosts", number)
        elif line.startswith("[") and line.endswith("]"):
            refuse(f"{line[:60]!r} is no section", "write [group] without blanks inside", number)
        elif self._kind == "hosts":
            self._hosts(line, number)
        elif self._kind == "vars":
            name, value = _assignment(line, number)
            self._inventory.set_variables(self._group, {name: _unquoted(value)})
        else:
            self._child(line, number)

    def _begin(self, group: str, kind: str, number: int) -> None:
        if kind not in ("hosts", "children", "vars"):
            refuse(f"[{group}:{kind}] is no section", "write [group], [group:children] or [group:vars]", number)
        self._group, self._kind = group, kind
        if kind != "vars":
            self._inventory.add_group(group)
            self._pending.pop(group, None)
        elif not self._inventory.has_group(group):
            self._pending.setdefault(group, (number, f"[{group}:vars] is of a group that is nowhere declared"))

    def _child(self, line: str, number: int) -> None:
        found = _GROUP.fullmatch(line)
        if found is None:
            refuse(f"{line[:60]!r} is no group", "write one name of a group a line", number)
        if not self._inventory.has_group(found[1]):
            self._pending.setdefault(found[1], (number, f"the group {found[1]} is nowhere declared"))
        self._inventory.add_child(self._group, found[1])

    def _hosts(self, line: str, number: int) -> None:
        try:
            pattern, *words = shlex.split(line, comments=True)
            names, port = hosts_of(pattern)
        except ValueError as error:
            refuse(str(error), "write NAME or NAME[1:20], then key=value; quote values with blanks", number)
        variables: dict[str, Value] = {}
        for word in words:
            name, value = _assignment(word, number)
            variables[name] = _unquoted(value)
        self._inventory.add_hosts(self._group, names, variables, port=port, line=number)


def _assignment(text: str, number: int) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        # its words are not repeated: a password with a blank in it may be among them
        refuse("there is a word without an equals sign", "write key=value; quote values with blanks", number)
    return name.strip(), value.strip()


def _unquoted(value: str) -> str:
    """A literal of a text as the text; others stay as they are written."""
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'" and value[0] not in value[1:-1]:
        return value[1:-1]
    return value
