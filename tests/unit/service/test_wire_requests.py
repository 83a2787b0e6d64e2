from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from deployx_tui.errors import InvalidInput
from deployx_tui.model.files import FileItem, FilePayload
from deployx_tui.model.ids import ArtifactId, PackageId
from deployx_tui.model.json_reader import JSON
from deployx_tui.model.payload import CommandPayload, Commands, Line, Shell
from deployx_tui.model.schedule import Daily, Monthly, Once, Schedule, Weekly
from deployx_tui.model.software import PackageChoice, SoftwarePayload
from deployx_tui.model.task import TaskDraft
from deployx_tui.service.wire.requests import create_from_json, update_from_json
from tests.support.payloads import commands_of

CREATE: dict[str, JSON] = {
    "task_name": "backup",
    "task_type": "command",
    "scheduled_time": "2026-12-24T03:00:00.000Z",
    "recurrence_type": "once",
    "recurrence_config": None,
    "device_ids": [1, "2", 2],
    "group_ids": [],
    "command_payload": {"command": "true", "shell": "cmd"},
    "software_payload": None,
    "file_payload": None,
}

DAILY = TaskDraft(
    name="backup",
    schedule=Schedule(recurrence=Daily((time(3),)), zone="Europe/Berlin", start=datetime(2026, 1, 1, tzinfo=UTC)),
    payload=CommandPayload(body=Line("true"), environment=(("LEVEL", "1"),), working_directory="/srv"),
    device_ids=(),
    selector="web",
    timeout=timedelta(minutes=5),
)


def fields_of(error: InvalidInput) -> list[str]:
    return [problem.field for problem in error.problems]


def test_the_body_that_the_original_front_end_sends_is_a_task() -> None:
    draft = create_from_json(CREATE, "Europe/Berlin")
    assert draft.schedule.recurrence == Once(datetime(2026, 12, 24, 3, tzinfo=UTC))
    assert draft.schedule.zone == "Europe/Berlin"
    assert draft.payload == CommandPayload(body=Line("true"), shell=Shell.CMD)
    assert draft.device_ids == (1, 2)


def test_a_naive_time_is_wall_time_of_the_tasks_zone() -> None:
    draft = create_from_json({**CREATE, "scheduled_time": "2026-12-24T03:00:00"}, "Europe/Berlin")
    assert draft.schedule.recurrence == Once(datetime(2026, 12, 24, 2, tzinfo=UTC))
    draft = create_from_json({**CREATE, "scheduled_time": "2026-12-24T15:00+05:30"}, "UTC")
    assert draft.schedule.recurrence == Once(datetime(2026, 12, 24, 9, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"device_ids": None}, "device_ids"),
        ({"taskname": "x"}, "taskname"),
        ({"software_payload": {"software_ids": [1]}}, "software_payload"),
        ({"task_type": "file_deployment"}, "command_payload"),
        ({"command_payload": {"command": "x", "strategy": "canary"}}, "command_payload.strategy"),
        ({"command_payload": {"command": "x", "config": {"a": 1}}}, "command_payload.config"),
        ({"command_payload": {"command": "x", "commands": ["y"]}}, "command_payload.command"),
        ({"recurrence_config": {"type": "daily", "time": "03:00"}}, "recurrence_config"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_field(change: dict[str, JSON], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        create_from_json({**CREATE, **change}, "UTC")
    assert any(found.startswith(field.rpartition(".")[0] or field) for found in fields_of(caught.value))


def test_a_misspelt_field_is_answered_with_the_right_one() -> None:
    with pytest.raises(InvalidInput, match="did you mean task_name"):
        create_from_json({**CREATE, "taskname": "x"}, "UTC")


def test_absent_and_null_leave_everything_as_it_is() -> None:
    bodies: list[JSON] = [{}, {"task_name": None, "command_payload": None, "status": None}]
    for body in bodies:
        assert update_from_json(body, DAILY) == (None, None)


def test_an_update_merges_the_payload_field_by_field() -> None:
    draft, _ = update_from_json({"command_payload": {"shell": "bash", "working_directory": None}}, DAILY)
    assert draft is not None
    assert draft.payload == CommandPayload(body=Line("true"), shell=Shell.BASH, environment=(("LEVEL", "1"),))


def test_command_and_commands_displace_each_other() -> None:
    draft, _ = update_from_json({"command_payload": {"commands": ["a", "b"], "stop_on_failure": False}}, DAILY)
    assert draft is not None
    assert commands_of(draft).body == Commands(("a", "b"), stop_on_failure=False)
    again, _ = update_from_json({"command_payload": {"command": "c"}}, draft)
    assert again is not None
    assert commands_of(again).body == Line("c")


def test_the_front_ends_pause_and_its_edit_are_understood() -> None:
    assert update_from_json({"status": "paused"}, DAILY) == (None, "paused")
    edit: dict[str, JSON] = {
        "task_name": "nightly",
        "scheduled_time": "2027-01-01T02:00:00.000Z",
        "device_ids": [3],
        "group_ids": [],
        "command_payload": {"command": "true", "shell": "sh"},
    }
    draft, status = update_from_json(edit, DAILY)
    assert draft is not None
    assert status is None
    assert (draft.name, draft.device_ids, draft.schedule.start) == (
        "nightly",
        (3,),
        datetime(2027, 1, 1, 2, tzinfo=UTC),
    )
    assert draft.schedule.recurrence == DAILY.schedule.recurrence
    assert draft.timeout == DAILY.timeout


@pytest.mark.parametrize("status", ["running", "completed", "failed", "nonsense"])
def test_a_status_that_only_a_run_can_give_is_refused(status: str) -> None:
    with pytest.raises(InvalidInput, match="status"):
        update_from_json({"status": status}, DAILY)


def test_a_tasks_type_is_fixed() -> None:
    with pytest.raises(InvalidInput, match="fixed"):
        update_from_json({"task_type": "command"}, DAILY)


def test_another_recurrence_brings_its_config() -> None:
    with pytest.raises(InvalidInput, match="recurrence_config"):
        update_from_json({"recurrence_type": "weekly"}, DAILY)
    draft, _ = update_from_json(
        {
            "recurrence_type": "weekly",
            "recurrence_config": {"type": "weekly", "time": "04:00", "days_of_week": [0]},
        },
        DAILY,
    )
    assert draft is not None
    assert draft.schedule.recurrence == Weekly((0,), (time(4),))


def test_changing_to_once_clears_the_config() -> None:
    draft, _ = update_from_json({"recurrence_type": "once", "scheduled_time": "2027-01-01T02:00:00Z"}, DAILY)
    assert draft is not None
    assert draft.schedule == Schedule(recurrence=Once(datetime(2027, 1, 1, 2, tzinfo=UTC)), zone="Europe/Berlin")


def test_a_config_of_the_same_kind_needs_no_type_beside_it() -> None:
    draft, _ = update_from_json({"recurrence_config": {"type": "daily", "time": "05:00"}}, DAILY)
    assert draft is not None
    assert draft.schedule.recurrence == Daily((time(5),))
    with pytest.raises(InvalidInput):
        update_from_json({"recurrence_config": {"type": "monthly", "time": "05:00", "day_of_month": 1}}, DAILY)
    monthly = update_from_json(
        {
            "recurrence_type": "monthly",
            "recurrence_config": {"type": "monthly", "time": "05:00", "day_of_month": 31},
            "short_month": "last",
        },
        DAILY,
    )[0]
    assert monthly is not None
    assert isinstance(monthly.schedule.recurrence, Monthly)


FILES = replace(
    DAILY,
    payload=FilePayload(
        items=(FileItem(artifact=ArtifactId(10), name="a", substitute=True), FileItem(artifact=ArtifactId(11))),
        target_path="/etc/app/",
        owner="app",
        backups=3,
    ),
)
SOFTWARE = replace(
    DAILY,
    payload=SoftwarePayload(
        packages=(PackageChoice(package=PackageId(5), version="1.2"), PackageChoice(package=PackageId(8))),
        custom="htop",
        deployment_name="Weekly Updates",
    ),
)


def test_the_originals_file_and_software_bodies_are_tasks() -> None:
    body: dict[str, JSON] = {
        **CREATE,
        "task_type": "file_deployment",
        "command_payload": None,
        "file_payload": {"file_ids": [10, 11], "target_path": "/etc/app/", "create_path_if_not_exists": False},
    }
    assert create_from_json(body, "UTC").payload == FilePayload(
        items=(FileItem(artifact=ArtifactId(10)), FileItem(artifact=ArtifactId(11))),
        target_path="/etc/app/",
        create_folders=False,
    )
    body |= {
        "task_type": "software_deployment",
        "file_payload": None,
        "software_payload": {"software_ids": [5], "custom_software": None, "deployment_name": None},
    }
    assert create_from_json(body, "UTC").payload == SoftwarePayload(packages=(PackageChoice(package=PackageId(5)),))


def test_an_update_of_files_merges_and_keeps_what_was_said_of_an_item_that_stays() -> None:
    """As the original's edit dialog sends it: all keys but the name of the deployment."""
    edit: dict[str, JSON] = {"file_ids": [12, 10], "target_path": "/srv/app/", "create_path_if_not_exists": True}
    draft, _ = update_from_json({"file_payload": edit}, FILES)
    assert draft is not None
    assert draft.payload == FilePayload(
        items=(FileItem(artifact=ArtifactId(12)), FileItem(artifact=ArtifactId(10), name="a", substitute=True)),
        target_path="/srv/app/",
        owner="app",
        backups=3,
    )
    draft, _ = update_from_json({"file_payload": {"owner": None, "rollback": True}}, FILES)
    assert draft is not None
    assert isinstance(FILES.payload, FilePayload)
    assert draft.payload == replace(FILES.payload, owner=None, rollback_on_failure=True)


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"file_ids": ["x"]}, "file_payload.items.0.artifact_id"),
        ({"items": None}, "file_payload.file_ids"),
        ({"target_path": None}, "file_payload.target_path"),
        ({"folder": "/x"}, "file_payload.folder"),
    ],
)
def test_an_update_of_files_that_can_not_be_read_is_refused(payload: JSON, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        update_from_json({"file_payload": payload}, FILES)
    assert fields_of(caught.value) == [field]


def test_an_update_of_software_merges_and_drops_the_version_of_what_goes() -> None:
    draft, _ = update_from_json({"software_payload": {"software_ids": [8]}}, SOFTWARE)
    assert draft is not None
    assert draft.payload == SoftwarePayload(
        packages=(PackageChoice(package=PackageId(8)),), custom="htop", deployment_name="Weekly Updates"
    )


def test_a_payload_of_another_type_is_refused_in_an_update() -> None:
    for present in (DAILY, SOFTWARE):
        with pytest.raises(InvalidInput, match="another type"):
            update_from_json({"file_payload": {"file_ids": [1], "target_path": "/x"}}, present)
