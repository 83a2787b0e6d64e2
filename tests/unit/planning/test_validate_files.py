"""What can't be meant of files and software is refused at the door, by field, with a remedy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deployx_tui.errors import Problem
from deployx_tui.model.artifact import ArtifactKind, ArtifactRef
from deployx_tui.model.changes import RollbackPayload
from deployx_tui.model.files import FileItem, FilePayload, LineEndings
from deployx_tui.model.ids import ArtifactId, ExecutionId, PackageId
from deployx_tui.model.parameter import Parameter, ParameterType
from deployx_tui.model.payload import RunAs
from deployx_tui.model.payloads import Payload, Stock
from deployx_tui.model.schedule import Cron, Schedule
from deployx_tui.model.software import PackageChoice, RebootPolicy, SoftwareAction, SoftwarePayload
from deployx_tui.model.task import TaskDraft
from deployx_tui.planning.validate import validate_payload, validate_task
from deployx_tui.planning.validate_files import LARGEST_TEXT, MOST_ITEMS
from tests.unit.planning.world import inventory
from tests.unit.scheduling.minute_model import utc


def artifact(number: int, name: str, kind: ArtifactKind = ArtifactKind.FILE, size: int = 40) -> ArtifactRef:
    return ArtifactRef(id=ArtifactId(number), name=name, version=1, kind=kind, sha256="ab" * 32, size=size)


STOCK = Stock(
    {
        each.id: each
        for each in (
            artifact(10, "nginx.conf"),
            artifact(11, "site.conf"),
            artifact(12, "www", ArtifactKind.TREE),
            artifact(13, "site.conf"),
            artifact(14, "big.iso", size=LARGEST_TEXT + 1),
            artifact(15, "a/b"),
        )
    },
    {PackageId(5): "nginx", PackageId(8): "redis"},
)
CONF, SITE, TREE, SAME, BIG, ODD = (FileItem(artifact=ArtifactId(number)) for number in (10, 11, 12, 13, 14, 15))
FILES = FilePayload(items=(CONF, SITE), target_path="/etc/nginx/")
SOFTWARE = SoftwarePayload(packages=(PackageChoice(package=PackageId(5)), PackageChoice(package=PackageId(8))))


def problems(payload: Payload) -> tuple[Problem, ...]:
    found = validate_payload(payload, STOCK)
    assert all(problem.message and problem.remedy for problem in found)
    return found


@pytest.mark.parametrize(
    "payload",
    [
        FILES,
        replace(FILES, target_path="~/conf/", owner="www-data", group="33", mode=0o2755),
        replace(FILES, target_path="C:\\Config", platform_paths=(("linux", "/etc/config/"), ("freebsd", "/usr/etc/"))),
        replace(FILES, items=(CONF,), target_path="/etc/nginx/nginx.conf", backups=50, rollback_on_failure=True),
        FilePayload(items=(TREE,), target_path="/srv/www", delete_extra=True, protected=("logs/*",), most_deletions=0),
        FilePayload(items=(TREE,), target_path="/srv/www", swap=True, quick=True),
        replace(FILES, items=(replace(CONF, name="sites/a.conf", mode=0o600, substitute=True), SITE)),
        replace(FILES, pre_check="nginx -t", post_command="systemctl reload nginx\n", run_as=RunAs()),
        # a secret may stand in a file as it may in a command
        replace(
            FILES,
            items=(replace(CONF, substitute=True),),
            parameters=(Parameter(name="PW", type=ParameterType.SECRET, required=True),),
        ),
        SOFTWARE,
        SoftwarePayload(custom="libc6:i386", action=SoftwareAction.UNINSTALL),
        RollbackPayload(execution=ExecutionId(7)),
    ],
)
def test_what_can_be_meant_has_no_problem(payload: Payload) -> None:
    assert problems(payload) == ()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"items": ()}, "file_ids"),
        ({"items": (CONF,) * (MOST_ITEMS + 1)}, "items"),
        ({"items": (FileItem(artifact=ArtifactId(99)),)}, "file_ids"),
        ({"items": (CONF, CONF)}, "items"),
        ({"items": (SITE, SAME)}, "items"),
        ({"items": (CONF, replace(SITE, name="nginx.conf"))}, "items"),
        ({"items": (TREE, TREE)}, "items"),
        ({"items": (ODD,)}, "items.0.name"),
        ({"items": (replace(CONF, name=""),)}, "items.0.name"),
        ({"items": (replace(CONF, name="/etc/passwd"),)}, "items.0.name"),
        ({"items": (replace(CONF, name="../../etc/passwd"),)}, "items.0.name"),
        ({"items": (replace(CONF, name="a//b"),)}, "items.0.name"),
        ({"items": (replace(CONF, name="a/./b"),)}, "items.0.name"),
        ({"items": (replace(CONF, name="a\0b"),)}, "items.0.name"),
        ({"items": (replace(CONF, name="a" * 5000),)}, "items.0.name"),
        ({"items": (replace(CONF, name=f"d/{'é' * 128}/f"),)}, "items.0.name"),
        ({"target_path": f"/etc/{'a' * 256}/"}, "target_path"),
        ({"owner": ""}, "owner"),
        ({"items": (CONF, replace(SITE, mode=0o10000))}, "items.1.mode"),
        ({"items": (replace(TREE, substitute=True),)}, "items.0.substitute"),
        ({"items": (replace(TREE, line_endings=LineEndings.LF),)}, "items.0.line_endings"),
        ({"items": (replace(BIG, substitute=True),)}, "items.0.substitute"),
        ({"target_path": " "}, "target_path"),
        ({"target_path": "etc/nginx"}, "target_path"),
        ({"target_path": "~root/x"}, "target_path"),
        ({"target_path": "/etc/../root/"}, "target_path"),
        ({"target_path": "C:\\Config\\..\\Windows"}, "target_path"),
        ({"target_path": "/etc\0/"}, "target_path"),
        ({"target_path": "/" * 5000}, "target_path"),
        ({"platform_paths": (("Linux", "/x"),)}, "platform_paths.0.os"),
        ({"platform_paths": (("", "/x"),)}, "platform_paths.0.os"),
        ({"platform_paths": (("os:linux", "/x"),)}, "platform_paths.0.os"),
        ({"platform_paths": (("linux", "x"),)}, "platform_paths.0.path"),
        ({"mode": 0o10000}, "mode"),
        ({"mode": -1}, "mode"),
        ({"owner": "-R"}, "owner"),
        ({"group": "a b"}, "group"),
        ({"backups": -1}, "backups"),
        ({"backups": 51}, "backups"),
        ({"backups": 0, "rollback_on_failure": True}, "rollback_on_failure"),
        ({"most_deletions": -1}, "most_deletions"),
        ({"most_deletions": 101}, "most_deletions"),
        ({"delete_extra": True}, "delete_extra"),
        ({"swap": True}, "swap"),
        ({"items": (TREE, CONF), "delete_extra": True}, "delete_extra"),
        ({"items": (TREE,), "delete_extra": True, "target_path": "/"}, "target_path"),
        ({"items": (TREE,), "swap": True, "target_path": "~/"}, "target_path"),
        ({"protected": ("",)}, "protected"),
        ({"protected": ("/srv/www/logs",)}, "protected"),
        ({"protected": ("a\0",)}, "protected"),
        ({"protected": ("a",) * 201}, "protected"),
        ({"pre_check": " "}, "pre_check"),
        ({"post_command": ""}, "post_command"),
        ({"post_command": "a\nb"}, "post_command"),
        ({"post_command": "a\0b"}, "post_command"),
        ({"post_command": "x" * 600_000}, "post_command"),
        ({"run_as": RunAs(user="-u")}, "run_as"),
        ({"deployment_name": "\x1b[31m"}, "deployment_name"),
    ],
)
def test_files_that_can_not_be_sent_are_refused(changes: dict[str, Any], field: str) -> None:
    assert [problem.field for problem in problems(replace(FILES, **changes))] == [f"file_payload.{field}"]


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        (SoftwarePayload(), "software_ids"),
        (replace(SOFTWARE, packages=(PackageChoice(package=PackageId(99)),)), "software_ids"),
        (replace(SOFTWARE, packages=SOFTWARE.packages[:1] * 2), "software_ids"),
        (replace(SOFTWARE, packages=SOFTWARE.packages[:1] * 201), "software_ids"),
        (replace(SOFTWARE, packages=(PackageChoice(package=PackageId(5), version="--x"),)), "versions.5"),
        (replace(SOFTWARE, packages=(PackageChoice(package=PackageId(5), version=""),)), "versions.5"),
        (replace(SOFTWARE, custom="--allow-unauthenticated"), "custom_software"),
        (replace(SOFTWARE, custom="nginx; reboot"), "custom_software"),
        (replace(SOFTWARE, custom="nginx-"), "custom_software"),  # apt would remove it
        (replace(SOFTWARE, custom=""), "custom_software"),
        (replace(SOFTWARE, reboot=RebootPolicy.IF_NEEDED), "reboot"),
        (replace(SOFTWARE, run_as=RunAs(user="")), "run_as"),
        (replace(SOFTWARE, deployment_name=""), "deployment_name"),
    ],
)
def test_software_that_can_not_be_installed_is_refused(payload: SoftwarePayload, field: str) -> None:
    assert [problem.field for problem in problems(payload)] == [f"software_payload.{field}"]


def test_unknown_ids_are_named_together() -> None:
    payload = replace(FILES, items=(FileItem(artifact=ArtifactId(98)), CONF, FileItem(artifact=ArtifactId(97))))
    (problem,) = problems(payload)
    assert (problem.field, problem.message) == ("file_payload.file_ids", "there is none with id 97, 98")
    # nothing else can be said of what is not known
    assert [each.field for each in problems(replace(payload, delete_extra=True))] == ["file_payload.file_ids"]


def test_a_system_is_named_once() -> None:
    payload = replace(FILES, platform_paths=(("linux", "/a"), ("linux", "/b")))
    assert {each.field for each in problems(payload)} == {
        "file_payload.platform_paths.0.os",
        "file_payload.platform_paths.1.os",
    }


def test_a_task_of_files_is_looked_at_as_a_whole_and_a_rollback_is_none() -> None:
    task = TaskDraft(
        name="conf",
        schedule=Schedule(recurrence=Cron("0 3 * * *"), zone="UTC"),
        payload=FILES,
        selector="@web",
    )
    now = utc(2026, 11, 23, 15)
    assert validate_task(task, inventory(), now, STOCK) == ()
    assert [each.field for each in validate_task(task, inventory(), now)] == ["file_payload.file_ids"]
    again = replace(task, payload=RollbackPayload(execution=ExecutionId(7)))
    (problem,) = validate_task(again, inventory(), now, STOCK)
    assert problem.field == "rollback_payload"
    assert "execution rollback 7" in problem.remedy
