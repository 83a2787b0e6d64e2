from __future__ import annotations

from dataclasses import replace

import pytest

from deployx_tui.model.artifact import ArtifactKind, ArtifactRef
from deployx_tui.model.changes import RollbackPayload
from deployx_tui.model.files import FileItem, FilePayload
from deployx_tui.model.ids import ArtifactId, ExecutionId, PackageId
from deployx_tui.model.payload import CommandPayload, Commands, Line, Script, TaskType
from deployx_tui.model.payloads import LONGEST_LINE, NO_STOCK, Payload, Stock, one_line, type_of
from deployx_tui.model.software import PackageChoice, SoftwareAction, SoftwarePayload


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (Line("  systemctl   restart nginx "), "systemctl restart nginx"),
        (Line("a\nb"), "a b"),
        (Commands(("apt update", "apt upgrade")), "apt update (and 1 more)"),
        (Script("#!/bin/sh\n# why\n\nset -e\nmake\nmake install\n"), "set -e (and 2 more)"),
        (Script("# nothing\n"), ""),
        (Line("x" * 500), "x" * LONGEST_LINE),
    ],
)
def test_a_payload_is_one_line_in_a_list(body: Line | Script | Commands, line: str) -> None:
    assert one_line(CommandPayload(body=body)) == line


def artifact(number: int, name: str) -> ArtifactRef:
    return ArtifactRef(id=ArtifactId(number), name=name, version=1, kind=ArtifactKind.FILE, sha256="", size=1)


STOCK = Stock(
    {each.id: each for each in (artifact(1, "nginx.conf"), artifact(2, "site.conf"))},
    {PackageId(5): "nginx", PackageId(8): "redis"},
)
FILES = FilePayload(
    items=(FileItem(artifact=ArtifactId(1)), FileItem(artifact=ArtifactId(2))), target_path="/etc/nginx/"
)
SOFTWARE = SoftwarePayload(
    packages=(PackageChoice(package=PackageId(5), version="1.24"), PackageChoice(package=PackageId(8))), custom="htop"
)


@pytest.mark.parametrize(
    ("payload", "stock", "line"),
    [
        (FILES, STOCK, "nginx.conf, site.conf to /etc/nginx/"),
        (FILES, NO_STOCK, "artifact 1, artifact 2 to /etc/nginx/"),
        (replace(FILES, check=True), STOCK, "check nginx.conf, site.conf to /etc/nginx/"),
        (replace(FILES, deployment_name="Config Sync"), STOCK, "Config Sync"),
        (
            replace(FILES, items=tuple(FileItem(artifact=ArtifactId(1), name=f"f{n}") for n in range(9))),
            STOCK,
            "f0, f1, f2, f3 and 5 more to /etc/nginx/",
        ),
        (SOFTWARE, STOCK, "install nginx=1.24, redis, htop"),
        (replace(SOFTWARE, action=SoftwareAction.UNINSTALL), NO_STOCK, "uninstall package 5=1.24, package 8, htop"),
        (RollbackPayload(execution=ExecutionId(8841)), STOCK, "roll back run 8841"),
    ],
)
def test_files_and_software_are_one_line_too(payload: Payload, stock: Stock, line: str) -> None:
    assert one_line(payload, stock) == line


def test_a_line_has_an_end() -> None:
    assert len(one_line(replace(FILES, target_path="/" + "x" * 4000), STOCK)) == LONGEST_LINE


def test_the_contract_has_three_types() -> None:
    assert type_of(CommandPayload(body=Line("x"))) is TaskType.COMMAND
    assert type_of(FILES) is type_of(RollbackPayload(execution=ExecutionId(1))) is TaskType.FILE_DEPLOYMENT
    assert type_of(SOFTWARE) is TaskType.SOFTWARE_DEPLOYMENT
