"""A team's catalogue as YAML, so that it can be kept in git: `packages:`, a list of what `model/package_json.py` reads.

Written with the keys in one order and texts of several lines as blocks, so that a change is a small difference. JSON is
read too.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from deployx_tui.model.json_reader import JSON, Reader
from deployx_tui.model.package import Package
from deployx_tui.model.package_json import package_to_json, read_package
from deployx_tui.portability import yaml_events
from deployx_tui.portability.ansible import Unread
from deployx_tui.portability.refusing import refuse, text_of
from deployx_tui.portability.yaml_events import Node

#: every scalar of YAML is a text to us; these mean something else
_NUMBERS = frozenset(("free_disk", "free_memory", "strip", "time_limit_seconds", "success_codes", "reboot_codes"))
_FLAGS = frozenset(("is_active", "is_checked"))
_NUMBER = re.compile(r"[0-9]{1,18}(\.[0-9]{1,6})?", re.ASCII)


def read(content: bytes) -> tuple[Package, ...]:
    """InvalidInput names the line of what is no YAML, and the field of what is no package."""
    text = text_of(content)
    data = _json(text) if text.lstrip()[:1] in ("{", "[") else _typed("", yaml_events.load(text))
    if isinstance(data, list):
        data = {"packages": data}
    if not isinstance(data, dict):
        refuse("it is no list of packages", "begin with packages: and a list below it")
    reader = Reader(data)
    found = tuple(
        read_package(reader.nested(f"packages.{number}", item)) for number, item in enumerate(reader.items("packages"))
    )
    reader.finish()
    return found


def write(packages: Iterable[Package]) -> str:
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    yaml.dump({"packages": [_blocks(package_to_json(package)) for package in packages]}, out)
    return out.getvalue()


def _blocks(value: JSON) -> JSON:
    if isinstance(value, dict):
        return {key: _blocks(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_blocks(item) for item in value]
    return LiteralScalarString(value) if isinstance(value, str) and "\n" in value else value


def _json(text: str) -> JSON:
    try:
        data: JSON = json.loads(text)
    except (ValueError, RecursionError) as error:
        refuse(f"it is not JSON: {error}", "mend it there")
    return data


def _typed(key: str, node: Node) -> JSON:
    """The node with numbers and flags where the fields have them."""
    if isinstance(node, dict):
        return {name: _typed(name, item) for name, item in node.items()}
    if isinstance(node, list):
        return [_typed(key, item) for item in node]
    if isinstance(node, Unread):
        refuse(f"{key[:60]} is vaulted", "a catalogue has no secrets: take it out")
    if node is None or not isinstance(node, str):
        return None
    if key in _NUMBERS and _NUMBER.fullmatch(node):
        return float(node) if "." in node else int(node)
    if key in _FLAGS and node.lower() in ("true", "false"):
        return node.lower() == "true"
    return node
