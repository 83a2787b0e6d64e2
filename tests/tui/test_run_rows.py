"""Rows of history and of a run: what is folded, what comes first, and sums that add up."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployx_tui.cli.execution import mark_of
from deployx_tui.model.execution import (
    ExecutionStatus,
    OutputGroup,
    TargetCounts,
    TargetResult,
    TargetState,
    TransferProgress,
    Trigger,
)
from deployx_tui.model.ids import DeviceId, ExecutionId, TargetId
from deployx_tui.tui.render.execution import (
    GoodFold,
    GroupRow,
    TargetRow,
    last_runs_lines,
    right_words,
    state_cell,
    target_rows,
    time_left,
    why_cell,
)
from deployx_tui.tui.render.execution import across as run_across
from deployx_tui.tui.render.history import DayHead, FoldRow, RunRow, across, count_spans, rows_of, why_words
from deployx_tui.tui.render.line import plain, width_of
from deployx_tui.tui.render.names import folded, in_room
from deployx_tui.tui.render.progress import glyph, target_glyph
from deployx_tui.tui.render.run_detail import group_lines, title_words
from deployx_tui.tui.render.targets import bar_spans, progress_line, sums
from deployx_tui.tui.render.task_detail import target_lines
from deployx_tui.tui.render.words import beside_counts
from deployx_tui.tui.run_filter import parse_run_filter
from tests.support.history_world import execution
from tests.support.world import NOW, ZONE, counts, local

S = ExecutionStatus
AT = local(2026, 3, 3, 12, 0)


def rows(*runs: object, **facts: object) -> list[object]:
    return list(rows_of(runs, now=NOW, zone=ZONE, day_counts={}, **facts))  # type: ignore[arg-type]


def test_good_scheduled_runs_fold_and_all_else_stands_alone() -> None:
    good = [execution(n, "a", AT - timedelta(minutes=n), S.SUCCEEDED, counts(1, 1)) for n in range(1, 6)]
    by_hand = replace(good[2], trigger=Trigger.MANUAL)
    bad = replace(good[3], status=S.FAILED)
    assert [type(row) for row in rows(*good)] == [DayHead, FoldRow]
    assert [type(row) for row in rows(good[0], good[1], by_hand, bad, good[4])] == [
        DayHead, FoldRow, RunRow, RunRow, RunRow,
    ]  # fmt: skip
    assert [type(row) for row in rows(*good, fold=False)] == [DayHead, *[RunRow] * 5]
    assert [type(row) for row in rows(*good, opened=frozenset({ExecutionId(5)}))] == [DayHead, *[RunRow] * 5]


def test_a_fold_ends_with_its_day() -> None:
    runs = [
        execution(2, "a", local(2026, 3, 3, 0, 30), S.SUCCEEDED, counts(1, 1)),
        execution(1, "a", local(2026, 3, 2, 23, 30), S.SUCCEEDED, counts(1, 1)),
    ]
    made = rows(*runs)
    assert [type(row) for row in made] == [DayHead, RunRow, DayHead, RunRow]
    assert isinstance(made[0], DayHead) and made[0].day == date(2026, 3, 3)


def test_a_fold_keeps_its_identity_when_newer_runs_join() -> None:
    good = [execution(n, "a", AT, S.SUCCEEDED, counts(1, 1)) for n in (3, 2, 1)]
    fold, longer = rows(*good[1:])[1], rows(*good)[1]
    assert isinstance(fold, FoldRow) and isinstance(longer, FoldRow)
    assert fold.key == longer.key


def test_a_day_says_its_counts_only_when_they_are_known_and_as_a_sum() -> None:
    known = across(DayHead(date(2026, 3, 3), ((S.SUCCEEDED, 198), (S.FAILED, 1), (S.RUNNING, 2)), 2026), 80, 40)
    assert known is not None
    assert plain(known).startswith("─ Tue 3 Mar ─ 201 runs ─ ✓ 198  ✗ 1  ▸ 2")
    unknown = across(DayHead(date(2025, 3, 3), None, 2026), 80, 40)
    assert unknown is not None
    assert plain(unknown).strip() == "─ Mon 3 Mar 2025 ─"


def test_why_leaves_out_what_the_column_beside_says() -> None:
    run = execution(
        1, "a", AT, S.FAILED, counts(22, 20, failed=2), error_message="2 of 22 targets failed: web19 unreachable"
    )
    assert why_words(run) == "web19 unreachable"
    assert why_words(replace(run, error_message="the engine was down: late")) == "the engine was down: late"
    assert why_words(replace(run, status=S.WAITING, wait_reason="window")) == "waits for window"


def target(number: int, name: str, state: TargetState, seconds: float = 1.0) -> TargetResult:
    over = state.is_over
    return TargetResult(
        id=TargetId(number),
        execution_id=ExecutionId(1),
        device_id=DeviceId(number),
        device=name,
        state=state,
        started_at=AT,
        finished_at=AT + timedelta(seconds=seconds) if over else None,
    )


def test_what_wants_a_person_comes_first_and_names_sort_as_people_count() -> None:
    state = TargetState
    made = target_rows(
        [
            target(1, "web10", state.RUNNING),
            target(2, "web2", state.RUNNING),
            target(3, "a", state.SUCCEEDED),
            target(4, "b", state.SUCCEEDED, 9.8),
            target(5, "z", state.LOST),
            target(6, "w", state.WAITING),
            target(7, "f", state.FAILED),
        ],
        2,
        NOW,
        show_good=False,
    )
    assert [row.target.device for row in made if isinstance(row, TargetRow)] == ["z", "f", "web2", "web10", "w"]
    assert made[-1] == GoodFold(2, "slowest b 9.8s")


def test_a_target_that_files_go_to_says_how_far_and_one_that_is_well_whether_it_was_changed() -> None:
    moved = TransferProgress(done=540 << 20, total=1200 << 20, rate=30 << 20)
    moving = TargetRow(replace(target(1, "web1", TargetState.RUNNING), progress=moved), NOW)
    assert "".join(part.text for part in why_cell(moving)) == "45 % of 1.2 GiB, 30 MiB/s, 22s left"
    words = [
        "".join(part.text for part in state_cell(TargetRow(replace(target(1, "a", state), changed=changed), NOW)))
        for state in (TargetState.SUCCEEDED, TargetState.FAILED)
        for changed in (True, False, None)
    ]
    assert words == ["changed", "unchanged", "succeeded", "failed", "failed", "failed"]


def test_a_run_of_files_counts_what_it_changed() -> None:
    run = execution(1, "a", AT, S.SUCCEEDED, replace(counts(200, 200), changed=3, unchanged=197))
    words, _ = right_words(run, (), NOW)
    assert "changed 3, unchanged 197" in words
    assert len(right_words(replace(run, targets=counts(200, 200)), (), NOW)[0]) == 1


def test_the_slowest_is_not_named_when_not_all_were_read() -> None:
    made = target_rows([target(1, "a", TargetState.SUCCEEDED)], 500, NOW, show_good=False)
    assert made == [GoodFold(500, "")]


#: those that say what was changed count the same targets once more
BY_STATE = [state.value for state in TargetState]
ALL_COUNTS = st.builds(TargetCounts, **dict.fromkeys(BY_STATE, st.integers(0, 300))).map(
    lambda c: replace(c, total=sum(getattr(c, name) for name in BY_STATE))
)


@given(ALL_COUNTS, st.integers(30, 200))
def test_counts_add_up_to_the_total_and_the_bar_has_its_width(some: TargetCounts, width: int) -> None:
    assert sum(count for _, _, count in sums(some)) == some.total
    assert sum(len(part.text) for part in bar_spans(some, width)) == width
    assert width_of(progress_line(some, 120)) == 120


def test_time_left_is_said_only_when_earlier_runs_know_it() -> None:
    run = execution(9, "a", NOW - timedelta(seconds=10), S.RUNNING, counts(4, 1, running=3))
    took = [execution(n, "a", AT, S.SUCCEEDED, counts(4, 4), finished_at=AT + timedelta(seconds=30)) for n in range(3)]
    assert time_left(run, took, NOW) == timedelta(seconds=20)
    assert time_left(run, took[:2], NOW) is None
    assert time_left(run, [replace(each, targets=counts(5, 5)) for each in took], NOW) is None
    assert time_left(run, took, NOW + timedelta(minutes=1)) is None
    assert time_left(replace(run, status=S.SUCCEEDED), took, NOW) is None


def test_last_runs_are_drawn_oldest_first() -> None:
    earlier = [
        execution(n, "a", AT, S.SUCCEEDED if n != 2 else S.FAILED, counts(1, 1), finished_at=AT + timedelta(seconds=n))
        for n in (3, 2, 1)
    ]
    run = execution(4, "a", AT, S.RUNNING, counts(1, running=1))
    head, bars, signs = (plain(each) for each in last_runs_lines(run, earlier, 60, NOW))
    assert head.startswith(" LAST 4 RUNS")
    assert bars.startswith("   ▁▅█")
    assert signs.strip() == "✓✗✓▸"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["web01", "web02", "web03"], ("web01-web03",)),
        (["web01", "web02"], ("web01", "web02")),
        (["web9", "web10", "web11", "web08"], ("web08", "web9", "web10", "web11")),
        (["b", "a", "a"], ("a", "b")),
        (["db7", "db5", "db6", "db1"], ("db1", "db5-db7")),
        (["x²", "x٣", "y" + "9" * 30], ("x²", "x٣", "y" + "9" * 30)),
    ],
)
def test_names_fold_to_ranges(names: list[str], expected: tuple[str, ...]) -> None:
    assert set(folded(names)) == set(expected)


@given(st.lists(st.from_regex(r"(a|b-)[0-9]{1,3}", fullmatch=True), max_size=40))
def test_no_name_is_lost_in_ranges(names: list[str]) -> None:
    spelled: list[str] = []
    for part in folded(names):
        if (both := re.fullmatch(r"(a|b-)([0-9]+)-\1([0-9]+)", part)) is not None:
            stem, first, last = both.groups()
            spelled += [f"{stem}{n:0{len(last)}d}" for n in range(int(first), int(last) + 1)]
        else:
            spelled.append(part)
    assert sorted(spelled) == sorted(set(names))


def test_names_that_do_not_fit_are_counted() -> None:
    assert in_room(["alpha", "beta", "gamma"], 17) == "alpha and 2 more"
    assert in_room(["alpha", "beta", "gamma"], 40) == "alpha beta gamma"


def test_names_left_out_are_counted_one_by_one_also_when_they_would_fold_into_a_range() -> None:
    names = ["cache01", "cache02", *(f"web{n:02d}" for n in range(1, 15)), "zoo"]
    assert in_room(names, 30) == "cache01 cache02 and 15 more"
    assert in_room(names, 60) == "cache01 cache02 web01-web14 zoo"
    assert in_room(names[:2], 60, total=16) == "cache01 cache02 and 14 more"


def test_what_a_group_said_stands_behind_a_rule_and_does_not_read_as_one_more_name() -> None:
    devices = tuple((DeviceId(n), f"web{n:02d}") for n in range(1, 4))
    group = OutputGroup(digest="d", devices=devices, sample=b"total 12\n")
    drawn = run_across(GroupRow(group), 80)
    assert drawn is not None
    assert plain(drawn).split() == ["3×", "web01-web03", "│", "total", "12"]
    assert [plain(each).split() for each in group_lines([group], 40)] == [["3×", "web01-web03"], ["│", "total", "12"]]


def test_the_filter_reads_words_statuses_and_devices() -> None:
    asked = parse_run_filter("disk status:failed status:lost on:web01 check")
    assert (asked.text, asked.statuses, asked.on) == ("disk check", frozenset({S.FAILED, S.LOST}), "web01")
    assert parse_run_filter("status:").statuses == frozenset()
    assert "nonsense" in parse_run_filter("status:nonsense").problem


def test_a_cancelled_run_has_one_sign_everywhere_and_it_is_not_that_of_a_failure() -> None:
    assert glyph(S.CANCELLED)[0] == target_glyph(TargetState.CANCELLED)[0] == mark_of(S.CANCELLED) == "·"
    assert {status: glyph(status)[0] for status in S} == {status: mark_of(status) for status in S}


def test_each_sign_stands_once_in_the_counts_of_a_day_and_of_a_run() -> None:
    signs = [part.text.strip() for part in count_spans([(status, 2) for status in S])[::2]]
    assert len(signs) == len(set(signs))
    of_a_run = [sign for sign, _, _ in sums(TargetCounts())]
    assert len(of_a_run) == len(set(of_a_run))


def test_what_failed_stands_beside_counts_without_a_count_of_its_own() -> None:
    assert beside_counts("1 of 13 targets failed: web19 unreachable") == "web19 unreachable"
    assert beside_counts("exit 127 on all 22 targets") == "exit 127 on all 22 targets"
    assert beside_counts("db: no such host") == "db: no such host"


def test_the_folded_targets_of_a_detail_are_counted_by_kind() -> None:
    running = [target(n, f"web{n:02}", TargetState.RUNNING) for n in range(1, 13)]
    assert plain(target_lines(running, NOW, 7, 44)[-1]).startswith("… 6 ▸ more")
    kinds = (TargetState.FAILED, TargetState.RUNNING, TargetState.SUCCEEDED, TargetState.WAITING)
    mixed = [target(index * 3 + n, f"h{index}{n}", kind) for index, kind in enumerate(kinds) for n in range(3)]
    assert plain(target_lines(mixed, NOW, 2, 44)[-1]).startswith("… 2 ✗  3 ▸  3 ✓  3 · more")


def test_the_title_of_a_run_leaves_out_what_does_not_fit_whole() -> None:
    at = local(2026, 3, 3, 2, 0)
    run = execution(
        8671, "web-log-rotate", at, ExecutionStatus.FAILED, counts(22, failed=22),
        error_message="exit 127 on all 22 targets",
    )  # fmt: skip
    assert title_words(run, ZONE, 120)[1] == ("exit 127 on all 22 targets", "plan 5be2…77c0")
    assert title_words(run, ZONE, 95)[1] == ("exit 127 on all 22 targets",)
    left, right = title_words(run, ZONE, 80)
    assert (left[-1], right) == ("Tue  3 Mar 02:00:00", ())
