"""The JSON of `ansible-inventory --list`, which is also what an inventory script prints."""

from __future__ import annotations

import json

from deployx_tui.model.importing import HostList, ImportFormat
from deployx_tui.model.json_reader import JSON
from deployx_tui.portability.ansible import Inventory, Unread, Value, Vars
from deployx_tui.portability.refusing import DEEPEST, refuse

_META = "_meta"
_REMEDY = "give what `ansible-inventory --list` prints"


def read(text: str) -> HostList:
    """InvalidInput says what of it is not as it should be."""
    data = _load(text)
    if not isinstance(data, dict):
        refuse("it is not an object of groups", _REMEDY)
    meta = _object(data.get(_META), _META)
    own = {name: _variables(found, name) for name, found in _object(meta.get("hostvars"), "hostvars").items()}
    inventory = Inventory()
    for group, value in data.items():
        if group == _META:
            continue
        # a script may give a bare list of hosts
        found: dict[str, JSON] = {"hosts": value} if isinstance(value, list) else _object(value, group)
        inventory.add_group(group)
        for name in _names(found.get("hosts"), group):
            inventory.add_hosts(group, [name], own.pop(name, {}))
        for child in _names(found.get("children"), group):
            inventory.add_child(group, child)
        inventory.set_variables(group, _variables(found.get("vars"), group))
    return inventory.listed(ImportFormat.ANSIBLE_JSON)


def _load(text: str) -> JSON:
    try:
        data: JSON = json.loads(text)
    except RecursionError:
        refuse("it is nested too deep", f"nest at most {DEEPEST} levels")
    except ValueError as error:
        refuse(f"it is not JSON: {error}", _REMEDY)
    waiting: list[tuple[JSON, int]] = [(data, 1)]
    while waiting:
        value, level = waiting.pop()
        if level > DEEPEST:
            refuse("it is nested too deep", f"nest at most {DEEPEST} levels")
        inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        waiting += [(each, level + 1) for each in inside]
    return data


def _object(value: JSON, name: str) -> dict[str, JSON]:
    if value is not None and not isinstance(value, dict):
        refuse(f"{name[:60]!r} is not an object", _REMEDY)
    return value or {}


def _names(value: JSON, group: str) -> list[str]:
    names = [] if value is None else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        refuse(f"the hosts or children of {group[:60]!r} are no list of names", _REMEDY)
    return [str(name) for name in names]


def _variables(value: JSON, name: str) -> Vars:
    return {key: _value(each) for key, each in _object(value, name).items()}


def _value(value: JSON) -> Value:
    if isinstance(value, dict):
        if "__ansible_vault" in value:
            return Unread.VAULTED
        unsafe = value.get("__ansible_unsafe")
        return unsafe if isinstance(unsafe, str) else Unread.NESTED
    if isinstance(value, list):
        return Unread.NESTED
    return value if value is None or isinstance(value, str) else json.dumps(value)
