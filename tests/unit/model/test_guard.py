"""When an act on devices asks, and for which word."""

from __future__ import annotations

import pytest

from deployx_tui.model.device import Group, GroupDraft
from deployx_tui.model.guard import Guard, guard
from deployx_tui.model.ids import DeviceId, GroupId


def of(count: int) -> dict[DeviceId, str]:
    return {DeviceId(number): f"web{number:02}" for number in range(1, count + 1)}


def group(name: str, *members: int, protected: bool = True) -> Group:
    draft = GroupDraft(name=name, protected=protected)
    return Group(id=GroupId(1), draft=draft, version=1, members=tuple(DeviceId(number) for number in members))


@pytest.mark.parametrize(
    ("count", "groups", "word"),
    [
        (1, [], ""),
        (10, [group("all", *range(1, 11), protected=False)], ""),
        (11, [], "11"),
        (1, [group("db", 1)], "web01"),
        (3, [group("db", 3, 4)], "3"),
        (3, [group("db", 4)], ""),
    ],
)
def test_many_devices_and_protected_ones_want_a_word(count: int, groups: list[Group], word: str) -> None:
    found = guard(of(count), groups)
    assert (found.word, found.asks) == (word, bool(word))


def test_it_names_what_is_touched() -> None:
    groups = [group("web", 1), group("db", 2), group("free", 1, protected=False), group("far", 9)]
    assert guard(of(2), groups) == Guard(("web01", "web02"), ("db", "web"))
