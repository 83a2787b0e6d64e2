"""Drafts survive JSON unchanged; what JSON can't mean is refused with the field and the remedy."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployx_tui.errors import InvalidInput
from deployx_tui.model.changes import RollbackPayload
from deployx_tui.model.codec import (
    canonical,
    draft_from_json,
    draft_to_json,
    schedule_from_json,
    schedule_to_json,
    sha256_of,
)
from deployx_tui.model.files import FileItem, FilePayload
from deployx_tui.model.ids import ArtifactId, ExecutionId, PackageId
from deployx_tui.model.payload_json import field_of, payload_from_json, payload_to_json
from deployx_tui.model.payloads import Payload
from deployx_tui.model.schedule import Daily, Monthly, Schedule, Weekly
from deployx_tui.model.software import PackageChoice, SoftwarePayload
from deployx_tui.model.task import TaskDraft
from tests.support.payloads import commands_of
from tests.unit.model import strategies


@given(strategies.drafts)
def test_a_draft_survives_json_and_its_canonical_text(draft: TaskDraft) -> None:
    assert draft_from_json(draft_to_json(draft)) == draft
    assert draft_from_json(json.loads(canonical(draft_to_json(draft)))) == draft


@given(strategies.schedules)
def test_a_schedule_survives_json(schedule: Schedule) -> None:
    assert schedule_from_json(schedule_to_json(schedule)) == schedule


@given(strategies.payloads)
def test_a_payload_survives_json(payload: Payload) -> None:
    assert payload_from_json(payload_to_json(payload), field_of(payload)) == payload


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
    "start", "end", "scheduled_time", "file_payload", "software_payload", "rollback_payload",
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
    assert commands_of(read).success_codes == {0}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"task_nmae": "x"}, "task_nmae"),
        ({"task_name": None}, "task_name"),
        ({"task_name": 3}, "task_name"),
        ({"task_type": "magic"}, "task_type"),
        ({"task_type": "software_deployment"}, "command_payload"),
        ({"task_type": "software_deployment"}, "software_payload"),
        ({"file_payload": {"file_ids": [1], "target_path": "/x"}}, "file_payload"),
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


FILES = {"file_ids": [10, "11", 10], "target_path": "C:\\Config", "create_path_if_not_exists": True}


def files(**changes: Any) -> Any:
    return draft(task_type="file_deployment", command_payload=None, file_payload={**FILES, **changes})


def test_the_originals_file_task_is_read_and_written_with_items() -> None:
    read = draft_from_json(files())
    assert read.payload == FilePayload(
        items=(FileItem(artifact=ArtifactId(10)), FileItem(artifact=ArtifactId(11))), target_path="C:\\Config"
    )
    written: Any = draft_to_json(read)
    assert written["task_type"] == "file_deployment"
    assert [item["artifact_id"] for item in written["file_payload"]["items"]] == [10, 11]
    assert "command_payload" not in written


def test_the_originals_software_task_is_read() -> None:
    software = {"software_ids": [5, 8], "deployment_name": "Weekly Updates", "versions": {"5": "1.2"}}
    read = draft_from_json(
        draft(
            task_type="software_deployment",
            command_payload=None,
            software_payload=software,
        )
    )
    assert read.payload == SoftwarePayload(
        packages=(PackageChoice(package=PackageId(5), version="1.2"), PackageChoice(package=PackageId(8))),
        deployment_name="Weekly Updates",
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"file_ids": None}, "file_ids"),
        ({"file_ids": ["x"]}, "file_ids"),
        ({"target_path": None}, "target_path"),
        ({"target_path": "/a\0"}, "target_path"),
        ({"mode": 644}, "mode"),
        ({"mode": "0999"}, "mode"),
        ({"mode": "rw-r--r--"}, "mode"),
        ({"existing": "merge"}, "existing"),
        ({"backups": "1"}, "backups"),
        ({"rollback": True, "rollback_on_failure": False}, "rollback"),
        ({"protected": "logs/*"}, "protected"),
        ({"platform_paths": {"debian": "/x"}}, "platform_paths"),
        ({"platform_paths": [{"os": "debian"}]}, "platform_paths.0.path"),
        ({"file_ids": None, "items": [{}]}, "items.0.artifact_id"),
        ({"file_ids": None, "items": [{"artifact_id": -1}]}, "items.0.artifact_id"),
        ({"file_ids": None, "items": [{"artifact_id": 1, "line_endings": "cr"}]}, "items.0.line_endings"),
        ({"file_ids": None, "items": [{"artifact_id": 1, "colour": "red"}]}, "items.0.colour"),
        ({"items": [{"artifact_id": 11}]}, "file_ids"),
        ({"sudo": True}, "sudo"),
    ],
)
def test_a_wrong_field_of_files_is_named_with_a_remedy(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        draft_from_json(files(**changes))
    assert f"file_payload.{field}" in [problem.field for problem in caught.value.problems]
    assert all(problem.remedy for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"software_ids": ["nginx"]}, "software_ids"),
        ({"software_ids": [5], "versions": {"8": "1"}}, "versions.8"),
        ({"software_ids": [5], "versions": {"nginx": "1"}}, "versions.nginx"),
        ({"software_ids": [5], "action": "purge"}, "action"),
        ({"software_ids": [5], "reboot": "expected"}, "reboot"),
        ({"software_ids": [5], "repair": "yes"}, "repair"),
    ],
)
def test_a_wrong_field_of_software_is_named_with_a_remedy(payload: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        draft_from_json(draft(task_type="software_deployment", command_payload=None, software_payload=payload))
    assert f"software_payload.{field}" in [problem.field for problem in caught.value.problems]


def test_rollback_is_a_short_word_and_items_may_echo_their_ids() -> None:
    read = draft_from_json(files(rollback=True, file_ids=[7], items=[{"artifact_id": 7, "newest": True}])).payload
    assert isinstance(read, FilePayload)
    assert read.rollback_on_failure
    assert read.items == (FileItem(artifact=ArtifactId(7), newest=True),)


def test_a_task_is_no_rollback() -> None:
    with pytest.raises(InvalidInput, match="another type"):
        draft_from_json(draft(rollback_payload={"execution_id": 7}))
    payload = RollbackPayload(execution=ExecutionId(7), force=True)
    assert payload_from_json(payload_to_json(payload), "rollback_payload") == payload


def test_commands_keep_the_bytes_that_they_were_stored_with() -> None:
    text = canonical(draft_to_json(draft_from_json(draft(), default_zone="UTC")))
    assert sha256_of(json.loads(text)) == "cb74ab3e07c821087489299ce5125500f873cb6dadf779797a27cdf1e9ec4d62"
