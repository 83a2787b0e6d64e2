"""Any noun of the door, for property tests: made from its type hints."""

from __future__ import annotations

import dataclasses
import types
import typing
from datetime import date, datetime
from enum import Enum
from typing import Any, TypeVar

from hypothesis import strategies as st

from deployx_tui.model.artifact import ArtifactRef
from deployx_tui.model.calendar import CalendarDay
from deployx_tui.model.codec import draft_from_json, draft_to_json
from deployx_tui.model.device import DeviceDraft, GroupDraft
from deployx_tui.model.execution import ExecutionStatus
from deployx_tui.model.ids import PackageId
from deployx_tui.model.importing import HostSource
from deployx_tui.model.payloads import Stock
from deployx_tui.model.secret import CredentialDraft
from deployx_tui.model.task import TaskDraft
from tests.unit.model import strategies

T = TypeVar("T")

#: what JSON can carry as text and the stored schema takes
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
numbers = st.integers(0, 2**53)
ids = st.lists(st.integers(1, 2**62), max_size=4, unique=True).map(tuple)

drafts = strategies.drafts.map(lambda draft: draft_from_json(draft_to_json(draft)))


def any_of(kind: type[T]) -> st.SearchStrategy[T]:
    """Every value of a noun that the door may give or take."""
    return typing.cast("st.SearchStrategy[T]", _of(kind))


def _of(hint: Any) -> st.SearchStrategy[Any]:
    if hint is TaskDraft:
        return drafts
    if hint is Stock:
        return _stocks()
    if hint is datetime:
        return strategies.instants
    if isinstance(hint, typing.NewType):
        return texts if hint.__supertype__ is str else st.integers(1, 2**62)
    if hint is types.NoneType:
        return st.none()
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*map(_of, arguments))
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(_of(arguments[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(_of, arguments))
    if origin is frozenset:
        return st.frozensets(_of(arguments[0]), max_size=3)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _built(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    simple: dict[Any, st.SearchStrategy[Any]] = {
        str: texts,
        int: numbers,
        bool: st.booleans(),
        bytes: st.binary(max_size=40),
        date: st.dates(),
    }
    return simple[hint]


def _stocks() -> st.SearchStrategy[Stock]:
    artifacts = st.lists(_built(ArtifactRef), max_size=3).map(lambda every: {each.id: each for each in every})
    return st.builds(Stock, artifacts, st.dictionaries(_of(PackageId), texts, max_size=3))


def _built(kind: type[Any]) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(kind)
    chosen = {field.name: _of(hints[field.name]) for field in dataclasses.fields(kind)}
    if kind is DeviceDraft:
        chosen |= {"groups": ids, "credentials": ids, "address": texts.filter(bool)}
    if kind is HostSource:  # a file, or bytes
        chosen |= {"path": st.none()}
    if kind is CredentialDraft:
        chosen |= {"groups": ids}
    if kind is GroupDraft:
        chosen |= {"groups": ids, "devices": ids, "color": st.just("#12aBf0")}
    if kind is CalendarDay:  # a status is counted once
        counts = st.dictionaries(st.sampled_from(ExecutionStatus), numbers, max_size=3)
        chosen |= {"done": counts.map(lambda done: tuple(done.items()))}
    return st.builds(kind, **chosen)
