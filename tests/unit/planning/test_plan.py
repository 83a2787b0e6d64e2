"""The canonical plan: the same work has the same hash, any difference another."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from datetime import timedelta

import pytest

from deployx_tui.errors import InvalidInput
from deployx_tui.model.artifact import ArtifactKind, ArtifactRef
from deployx_tui.model.changes import RollbackPayload
from deployx_tui.model.codec import JSON, canonical
from deployx_tui.model.files import FileItem, FilePayload
from deployx_tui.model.ids import ArtifactId, DeviceId, ExecutionId, GroupId, PackageId, TaskId
from deployx_tui.model.parameter import Parameter, Value
from deployx_tui.model.parameter_json import parameters_to_json
from deployx_tui.model.payload import CommandPayload, Line
from deployx_tui.model.payload_json import payload_to_json
from deployx_tui.model.software import PackageChoice, SoftwarePayload
from deployx_tui.planning.plan import (
    Plan,
    PlannedTarget,
    Work,
    make_plan,
    of_task,
    pin,
    pinned_artifacts,
    pinned_packages,
    read_draft,
    values_of,
    with_values,
)

WORK = Work(payload=CommandPayload(body=Line("uptime")), selector="web*", device_ids=(), group_ids=(), timeout=None)
TARGETS = (PlannedTarget(DeviceId(1), "web1", "web*"), PlannedTarget(DeviceId(2), "web2", "web*"))


def plan(
    work: Work = WORK, targets: tuple[PlannedTarget, ...] = TARGETS, version: int = 3, run_as: str | None = None
) -> Plan:
    return make_plan(task=TaskId(7), task_version=version, work=work, targets=targets, run_as=run_as)


def test_the_plan_says_what_runs_where_and_why() -> None:
    made = plan()
    data = json.loads(made.text)
    assert data["task_id"] == 7
    assert data["task_version"] == 3
    assert data["command_payload"]["command"] == "uptime"
    assert [(t["device_id"], t["device_name"], t["why"]) for t in data["targets"]] == [
        (1, "web1", "web*"),
        (2, "web2", "web*"),
    ]
    assert made.sha256 == hashlib.sha256(made.text.encode()).hexdigest()


def test_the_same_work_has_the_same_hash_and_any_difference_another() -> None:
    hashes = [
        plan().sha256,
        plan(version=4).sha256,
        plan(targets=TARGETS[:1]).sha256,
        plan(targets=(TARGETS[0], dataclasses.replace(TARGETS[1], why="#2"))).sha256,
        plan(dataclasses.replace(WORK, timeout=timedelta(seconds=5))).sha256,
        plan(dataclasses.replace(WORK, payload=CommandPayload(body=Line("date")))).sha256,
        plan(run_as="root").sha256,
    ]
    assert plan().sha256 == hashes[0]
    assert len(set(hashes)) == len(hashes)


def test_a_draft_without_a_schedule_is_read_as_an_ad_hoc_run_stores_it() -> None:
    text = canonical(
        {
            "command_payload": payload_to_json(WORK.payload),
            "selector": "web*",
            "device_ids": [1, 2],
            "group_ids": [9],
            "timeout_seconds": 90,
        }
    )
    work = read_draft(text)
    assert work.payload == WORK.payload
    assert (work.selector, work.device_ids, work.group_ids) == ("web*", (1, 2), (GroupId(9),))
    assert work.timeout == timedelta(seconds=90)
    assert work.chosen == "selector 'web*' and 2 devices by id and 1 group by id"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"command_payload": {"command": 7}}'])
def test_a_draft_that_can_not_be_read_says_so(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_draft(text)


def test_values_stand_in_the_plan_and_in_the_draft_of_a_run_that_settled_them() -> None:
    values = (Value(name="A", value="it's", is_default=True), Value(name="F", value="content", file="/etc/f"))
    made = plan(dataclasses.replace(WORK, values=values))
    assert values_of(made.text) == values
    assert made.sha256 != plan().sha256
    draft: dict[str, JSON] = {
        "command_payload": payload_to_json(WORK.payload),
        "parameters": parameters_to_json([Parameter(name="A"), Parameter(name="F")]),
        "selector": "web*",
    }
    unsettled, settled = canonical(draft), canonical(with_values(draft, values))
    assert read_draft(unsettled).values is None
    assert read_draft(settled).values == values
    assert [each.name for each in read_draft(settled).payload.parameters] == ["A", "F"]
    assert of_task(settled) == unsettled == of_task(unsettled)


NGINX = ArtifactRef(id=ArtifactId(12), name="nginx.conf", version=3, kind=ArtifactKind.FILE, sha256="ab" * 32, size=4)
FILES = FilePayload(items=(FileItem(artifact=ArtifactId(12)),), target_path="/etc/nginx/")


def test_a_plan_of_files_pins_what_it_sends() -> None:
    pinned = pin(FILES, lambda item: NGINX if item.artifact == NGINX.id else None)
    made = plan(dataclasses.replace(WORK, payload=FILES, artifacts=pinned))
    data = json.loads(made.text)
    assert data["file_payload"]["items"][0]["artifact_id"] == 12
    assert data["artifacts"] == [
        {"id": 12, "name": "nginx.conf", "version": 3, "kind": "file", "sha256": "ab" * 32, "size": 4}
    ]
    assert "command_payload" not in data
    assert pinned_artifacts(made.text) == (NGINX,)
    assert read_draft(canonical({"file_payload": payload_to_json(FILES), "selector": "web*"})).payload == FILES


def test_the_newest_version_of_the_moment_is_pinned() -> None:
    newer = dataclasses.replace(NGINX, id=ArtifactId(40), version=4)
    newest = dataclasses.replace(FILES, items=(dataclasses.replace(FILES.items[0], newest=True),))
    assert pin(newest, lambda item: newer if item.newest else NGINX) == (newer,)


def test_an_artifact_that_is_gone_is_named() -> None:
    with pytest.raises(InvalidInput, match="12"):
        pin(FILES, lambda _: None)
    assert pin(WORK.payload, lambda _: None) == ()


def test_a_plan_of_software_pins_the_catalogues_entries() -> None:
    software = SoftwarePayload(packages=(PackageChoice(package=PackageId(5)),))
    made = plan(dataclasses.replace(WORK, payload=software, packages=({"name": "nginx"},)))
    assert json.loads(made.text)["packages"] == [{"name": "nginx"}]
    assert pinned_packages(made.text) == ({"name": "nginx"},)


def test_a_plan_of_commands_has_the_hash_that_it_always_had() -> None:
    assert plan().sha256 == "24f99f124dc6b8482c754a5f1ef4782eb8eac7fc78ae8ada83c599c065e9fc65"
    assert pinned_artifacts(plan().text) == ()
    assert pinned_packages(plan().text) == ()


def test_a_rollbacks_draft_is_read() -> None:
    payload = RollbackPayload(execution=ExecutionId(8841))
    assert read_draft(canonical({"rollback_payload": payload_to_json(payload), "parameters": []})).payload == payload
