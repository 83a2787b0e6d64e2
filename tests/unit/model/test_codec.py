"""Drafts survive JSON unchanged; what JSON can't mean is refused with the field and the remedy."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployx_tui.errors import InvalidInput
from deployx_tui.model.codec import (
    canonical,
    draft_from_json,
    draft_to_json,
    payload_from_json,
    payload_to_json,
    schedule_from_json,
    schedule_to_json,
    sha256_of,
)
from deployx_tui.model.payload import CommandPayload
from deployx_tui.model.schedule import Daily, Monthly, Schedule, Weekly
from deployx_tui.model.task import TaskDraft
from tests.unit.model import strategies


@given(strategies.drafts)
def test_a_draft_survives_json_and_its_canonical_text(draft: TaskDraft) -> None:
    assert draft_from_json(draft_to_json(draft)) == draft
    assert draft_from_json(json.loads(canonical(draft_to_json(draft)))) == draft


@given(strategies.schedules)
def test_a_schedule_survives_json(schedule: Schedule) -> None:
    assert schedule_from_json(schedule_to_json(schedule)) == schedule


@given(strategies.payloads)
def test_a_payload_survives_json(payload: CommandPayload) -> None:
    assert payload_from_json(payload_to_json(payload)) == payload


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda c: st.dictionaries(st.text(), c)))
def test_the_canonical_text_does_not_depend_on_the_order_of_keys(value: Any) -> None:
    shuffled = dict(reversed(value.items())) if isinstance(value, dict) else value
    assert canonical(value) == canonical(shuffled)
    assert sha256_of(value) == sha256_of(shuffled)
    assert canonical(value).isascii()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=6,
)
FIELDS = [
    "task_name", "task_type", "recurrence_type", "recurrence_config", "command_payload", "timezone", "gap", "fold",
    "short_month", "overlap", "grace_seconds", "timeout_seconds", "tags", "selector", "device_ids", "group_ids",
    "start", "end", "scheduled_time",
]  # fmt: skip


@given(st.dictionaries(st.sampled_from(FIELDS), json_values))
def test_no_json_makes_the_reader_fail_in_another_way_than_invalid_input(data: Any) -> None:
    try:
        draft_from_json(data)
    except InvalidInput as error:
        assert error.problems
        assert all(problem.message and problem.remedy for problem in error.problems)


def draft(**changes: Any) -> Any:
    data: dict[str, Any] = {
        "task_name": "nightly",
        "recurrence_type": "daily",
        "recurrence_config": {"type": "daily", "time": "03:00"},
        "command_payload": {"command": "true"},
    }
    data.update(changes)
    return data


def test_the_shortest_draft_is_read_with_the_defaults() -> None:
    read = draft_from_json(draft(), default_zone="Europe/Berlin")
    assert read.schedule.zone == "Europe/Berlin"
    assert read.payload.success_codes == {0}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"task_nmae": "x"}, "task_nmae"),
        ({"task_name": None}, "task_name"),
        ({"task_name": 3}, "task_name"),
        ({"task_type": "magic"}, "task_type"),
        ({"task_type": "software_deployment"}, "task_type"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"timezone": "/etc/localtime"}, "timezone"),
        ({"gap": "jump"}, "gap"),
        ({"fold": "last"}, "fold"),
        ({"short_month": "no"}, "short_month"),
        ({"overlap": "parallel:1"}, "overlap"),
        ({"grace_seconds": -1}, "grace_seconds"),
        ({"grace_seconds": True}, "grace_seconds"),
        ({"timeout_seconds": "60"}, "timeout_seconds"),
        ({"timeout_seconds": 1e300}, "timeout_seconds"),
        ({"tags": "prod"}, "tags"),
        ({"tags": [1]}, "tags"),
        ({"device_ids": [0]}, "device_ids"),
        ({"device_ids": ["x"]}, "device_ids"),
        ({"device_ids": ["007"]}, "device_ids"),
        ({"group_ids": [True]}, "group_ids"),
        ({"start": "tomorrow"}, "start"),
        ({"end": [1]}, "end"),
        ({"start": 1e300}, "start"),
        ({"recurrence_type": "hourly"}, "recurrence_type"),
        ({"recurrence_config": None}, "recurrence_config"),
        ({"recurrence_config": []}, "recurrence_config"),
        ({"recurrence_config": {"type": "weekly", "time": "03:00"}}, "recurrence_config.type"),
        ({"recurrence_config": {"type": "daily"}}, "recurrence_config.time"),
        ({"recurrence_config": {"time": "25:00"}}, "recurrence_config.time"),
        ({"recurrence_config": {"time": "2am"}}, "recurrence_config.time"),
        ({"recurrence_config": {"time": "02:00:30"}}, "recurrence_config.time"),
        ({"recurrence_config": {"time": "03:00", "days_of_week": [1]}}, "recurrence_config.days_of_week"),
        ({"recurrence_config": {"time": "03:00", "end_date": "2030-01-01"}, "end": "2031-01-01"}, "end"),
        ({"recurrence_type": "weekly", "recurrence_config": {"time": "03:00"}}, "recurrence_config.days_of_week"),
        ({"recurrence_type": "monthly", "recurrence_config": {"time": "03:00"}}, "recurrence_config.day_of_month"),
        (
            {"recurrence_type": "monthly", "recurrence_config": {"time": "03:00", "days": ["first"]}},
            "recurrence_config.days",
        ),
        ({"recurrence_type": "custom", "recurrence_config": {}}, "recurrence_config.cron_expression"),
        ({"recurrence_type": "once"}, "recurrence_config"),
        ({"recurrence_type": "once", "recurrence_config": None}, "scheduled_time"),
        ({"command_payload": None}, "command_payload"),
        ({"command_payload": {}}, "command_payload"),
        ({"command_payload": {"command": "a", "commands": ["b"]}}, "command_payload.commands"),
        ({"command_payload": {"command": "a\0b"}}, "command_payload.command"),
        ({"command_payload": {"command": "a\udcffb"}}, "command_payload.command"),
        ({"command_payload": {"command": "a", "shell": "tcsh"}}, "command_payload.shell"),
        ({"command_payload": {"command": "a", "environment": ["X"]}}, "command_payload.environment"),
        ({"command_payload": {"command": "a", "environment": {"X": 1}}}, "command_payload.environment.X"),
        ({"command_payload": {"command": "a", "success_codes": ["0"]}}, "command_payload.success_codes"),
        ({"command_payload": {"command": "a", "sudo": True}}, "command_payload.sudo"),
    ],
)
def test_a_wrong_field_is_named_with_a_remedy(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        draft_from_json(draft(**changes))
    assert field in [problem.field for problem in caught.value.problems]
    assert all(problem.remedy for problem in caught.value.problems)


def test_every_problem_is_told_and_a_misspelt_field_gets_a_suggestion() -> None:
    with pytest.raises(InvalidInput) as caught:
        draft_from_json(draft(timezone="Nowhere", gap="x", task_nmae="y"))
    problems = {problem.field: problem for problem in caught.value.problems}
    assert set(problems) == {"timezone", "gap", "task_nmae"}
    assert problems["task_nmae"].remedy == "did you mean task_name?"


def test_the_originals_spellings_are_read() -> None:
    weekly = draft_from_json(
        draft(
            recurrence_type="weekly",
            recurrence_config={"type": "weekly", "time": "02:00", "days_of_week": [6, 0], "end_date": None},
            scheduled_time="2026-12-01T10:00:00.000Z",
            device_ids=["7", 7, 8],
        )
    )
    assert isinstance(weekly.schedule.recurrence, Weekly)
    assert weekly.schedule.recurrence.days == (0, 6)
    assert weekly.schedule.start is not None
    assert weekly.schedule.start.isoformat() == "2026-12-01T10:00:00+00:00"
    assert weekly.device_ids == (7, 8)
    monthly = draft_from_json(
        draft(recurrence_type="monthly", recurrence_config={"time": "02:00", "day_of_month": 31}, short_month="last")
    )
    assert isinstance(monthly.schedule.recurrence, Monthly)
    assert monthly.schedule.recurrence.days == (31,)


def test_a_naive_time_is_the_tasks_own_and_an_offset_is_honoured() -> None:
    once = {"recurrence_type": "once", "recurrence_config": None, "timezone": "Asia/Kolkata"}
    for text, expected in {
        "2026-12-24T15:00": "2026-12-24T09:30:00+00:00",
        "2026-12-24T15:00+05:30": "2026-12-24T09:30:00+00:00",
        "2026-12-24T15:00Z": "2026-12-24T15:00:00+00:00",
        "2026-12-24": "2026-12-23T18:30:00+00:00",
    }.items():
        assert (
            schedule_to_json(draft_from_json(draft(**once, scheduled_time=text)).schedule)["scheduled_time"] == expected
        )
    epoch = draft_from_json(draft(**once, scheduled_time=1798108200))
    assert schedule_to_json(epoch.schedule)["scheduled_time"] == "2026-12-24T10:30:00+00:00"


def test_several_times_a_day_are_one_rule() -> None:
    read = draft_from_json(draft(recurrence_config={"type": "daily", "times": ["15:00", "03:00", "03:00"]}))
    assert isinstance(read.schedule.recurrence, Daily)
    assert [f"{t:%H:%M}" for t in read.schedule.recurrence.times] == ["03:00", "15:00"]
