"""Ansible's YAML inventories, as the `yaml` plugin of ansible-core 2.19 reads them."""

from __future__ import annotations

from typing import TypeAlias

from deployx_tui.model.importing import HostList, ImportFormat, LeftOut
from deployx_tui.portability import yaml_events
from deployx_tui.portability.ansible import Inventory, Unread, Value, Vars
from deployx_tui.portability.host_patterns import hosts_of
from deployx_tui.portability.refusing import refuse
from deployx_tui.portability.yaml_events import Node

_Map: TypeAlias = "dict[str, Node]"
_SECTIONS = ("hosts", "children", "vars")


def read(text: str) -> HostList:
    """InvalidInput names the line, or the group."""
    data = yaml_events.load(text)
    if not isinstance(data, dict):
        refuse("it is not a mapping of groups", "begin with all: and hosts: below it")
    if data.get("plugin"):
        remedy = "`ansible-inventory -i FILE --list | deployx device import --file -` asks the plugin"
        refuse("it is the configuration of an inventory plugin", remedy)
    reading = _Reading()
    for name, group in data.items():
        reading.group(name, group)
    return reading.inventory.listed(ImportFormat.ANSIBLE_YAML, tuple(reading.left_out))


class _Reading:
    def __init__(self) -> None:
        self.inventory = Inventory()
        self.left_out: list[LeftOut] = []

    def group(self, name: str, data: Node) -> None:
        if data is not None and not isinstance(data, dict):
            self.left_out.append(LeftOut(name, "it is no group: there is no mapping below it"))
            return
        self.inventory.add_group(name)
        for key, value in (data or {}).items():
            if key not in _SECTIONS:
                self.left_out.append(LeftOut(f"{name}: {key}", "a group has hosts, children and vars"))
                continue
            section = _section(name, key, value)
            if key == "vars":
                self.inventory.set_variables(name, _values(section))
            elif key == "children":
                for child, inside in section.items():
                    self.group(child, inside)
                    self.inventory.add_child(name, child)
            else:
                for pattern, variables in section.items():
                    self._hosts(name, pattern, variables)

    def _hosts(self, group: str, pattern: str, data: Node) -> None:
        if data is not None and not isinstance(data, dict):
            refuse(f"what stands below the host {pattern[:60]!r} are no variables", "write name: value below it")
        try:
            names, port = hosts_of(pattern)
        except ValueError as error:
            refuse(f"in the group {group}: {error}", "write NAME or NAME[1:20]")
        self.inventory.add_hosts(group, names, _values(data or {}), port=port)


def _section(group: str, key: str, value: Node) -> _Map:
    if isinstance(value, str):
        return {value: None}  # as Ansible takes it
    if value is not None and not isinstance(value, dict):
        refuse(f"{key} of the group {group} is no mapping", f"write each name below {key}: with a colon behind it")
    return value or {}


def _values(data: _Map) -> Vars:
    return {name: _value(value) for name, value in data.items()}


def _value(value: Node) -> Value:
    return Unread.NESTED if isinstance(value, dict | list) else value
