from __future__ import annotations

import pytest
from sqlalchemy import Connection

from deployx_tui.model.ids import DeviceId, ExecutionId
from deployx_tui.store import search
from deployx_tui.store.search import RunText, Words


def _remember(c: Connection, execution: int, device: int | None, text: str) -> None:
    search.remember(c, [RunText(ExecutionId(execution), DeviceId(device) if device else None, text)])


def _found(c: Connection, typed: str, before: int | None = None) -> list[int]:
    return list(search.newest(c, Words.parse(typed), ExecutionId(before) if before else None))


@pytest.fixture
def runs(c: Connection) -> Connection:
    _remember(c, 1, None, "nightly backup")
    _remember(c, 1, 7, "nightly backup web-win04: No space left on /var/log/syslog")
    _remember(c, 1, 8, "nightly backup db01 ok")
    _remember(c, 2, None, "Übung täglich")
    _remember(c, 3, 7, "nightly backup web-win04 exit 127")
    return c


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("backup", [3, 1]),
        ("BACK", [3, 1]),
        ("web-win04", [3, 1]),
        ("web-win05", []),
        ("win04 web", [3, 1]),
        ("db01 space", []),  # words of different targets are not one finding
        ("/var/log", [1]),
        ("täglich", [2]),
        ("taglich", []),
        ('"*^ OR', []),
        ("127", [3]),
    ],
)
def test_words_find_runs_newest_first(runs: Connection, typed: str, found: list[int]) -> None:
    assert _found(runs, typed) == found


def test_a_later_text_replaces_the_earlier_one(runs: Connection) -> None:
    _remember(runs, 2, None, "monthly report")
    assert _found(runs, "täglich") == []
    assert _found(runs, "monthly") == [2]


def test_the_search_goes_on_below_a_bound(runs: Connection) -> None:
    assert _found(runs, "backup", before=3) == [1]


def test_what_is_forgotten_is_not_found(runs: Connection) -> None:
    search.forget(runs, ExecutionId(1))
    assert _found(runs, "backup") == [3]


def test_a_run_with_many_matching_targets_is_found_once(c: Connection) -> None:
    _remember(c, 1, None, "all hosts")
    search.remember(c, [RunText(ExecutionId(2), DeviceId(d), "all hosts down") for d in range(1, 1000)])
    assert _found(c, "hosts") == [2, 1]


def test_words_that_hold_only_signs_are_no_search() -> None:
    assert not Words.parse("-- !! ")
