"""YAML as plain data, built from the parser's events: no constructor of any kind is there to be called.

An alias is refused (ten lines of them can mean a billion values), so is a tag, but for `!vault` and `!unsafe`, which
Ansible's files have. Every scalar stays text; an empty one, `~` and `null` are None. The only place of ruamel.yaml.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from deployx_tui.portability.ansible import Unread
from deployx_tui.portability.refusing import DEEPEST, refuse

Node: TypeAlias = "str | Unread | list[Node] | dict[str, Node] | None"

_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_PLAIN_TAGS = frozenset((None, "!", "!unsafe", "tag:yaml.org,2002:str"))
_VAULT = frozenset(("!vault", "!vault-encrypted"))


def load(text: str) -> Node:
    """The one document of a text; None: it is empty. InvalidInput names the line."""
    loader = YAML(typ="safe", pure=True)
    documents = 0
    data: Node = None
    try:
        events: Iterator[Any] = iter(loader.parse(text))
        for event in events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    refuse("a second document begins", "give one document", _line(event))
                data = _node(next(events), events, 1)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        refuse(f"it is not YAML: {error.problem or error.context or 'it ends too early'}", "mend it there", line)
    except (YAMLError, ValueError) as error:
        # the library's words end with a note about another version of the language
        refuse(f"it is not YAML: {str(error).splitlines()[0]}", "mend the file")
    return data


def _node(event: Any, events: Iterator[Any], depth: int) -> Node:
    if isinstance(event, AliasEvent):
        remedy = "write it out; `ansible-inventory -i FILE --list` does, and its JSON can be imported"
        refuse(f"*{event.anchor} is an alias, and aliases are not read", remedy, _line(event))
    if depth > DEEPEST:
        refuse("it is nested too deep", f"nest at most {DEEPEST} levels", _line(event))
    if isinstance(event, ScalarEvent):
        return _scalar(event)
    if event.tag not in (None, "!"):
        _refuse_tag(event)
    if isinstance(event, SequenceStartEvent):
        items: list[Node] = []
        while not isinstance(inner := next(events), SequenceEndEvent):
            items.append(_node(inner, events, depth + 1))
        return items
    assert isinstance(event, MappingStartEvent)  # noqa: S101 - the parser's own grammar
    found: dict[str, Node] = {}
    while not isinstance(inner := next(events), MappingEndEvent):
        if not isinstance(inner, ScalarEvent):
            if isinstance(inner, AliasEvent):
                _node(inner, events, depth)
            refuse("a key is not a text", "give each value a name", _line(inner))
        if inner.value == "<<" and inner.style is None:
            refuse("<< is not read", "write out what it takes over", _line(inner))
        if inner.value in found:
            refuse(f"{inner.value[:60]!r} stands there twice", "leave one of them out", _line(inner))
        found[inner.value] = _node(next(events), events, depth + 1)
    return found


def _scalar(event: Any) -> str | Unread | None:
    if event.tag in _VAULT:
        return Unread.VAULTED
    if event.tag not in _PLAIN_TAGS:
        _refuse_tag(event)
    text: str = event.value
    return None if event.style is None and event.tag is None and text in _NULLS else text


def _refuse_tag(event: Any) -> None:
    refuse(f"the tag {str(event.tag)[:60]} is not read", "take it out", _line(event))


def _line(event: Any) -> int:
    line: int = event.start_mark.line
    return line + 1
