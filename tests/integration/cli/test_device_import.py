"""`deployx device import`: shown first, listed with reasons, made at once."""

from __future__ import annotations

import json
from pathlib import Path

from tests.integration.cli.conftest import Cli

INVENTORY = """\
[web]
app[1:2] ansible_user=deploy ansible_port=2200 http_port=80
web01
[db]
db9 ansible_ssh_common_args="-J ops@gate" ansible_become_password=hunter2
win9 ansible_connection=winrm
[all:children]
web
"""


def names(cli: Cli) -> set[str]:
    return {device["device_name"] for device in cli("device", "list", "--json").document}


def test_an_inventory_is_shown_and_then_made(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "hosts.ini"
    file.write_text(INVENTORY)
    before = names(cli)
    trial = cli("device", "import", "--file", str(file), "--dry-run")
    assert [line.split()[0] for line in trial.out.splitlines()] == ["DEVICE", "app1", "app2", "db9", "gate"]
    for words in (
        "new group db",
        "group web",
        "! win9 is not taken over: it is reached by winrm",
        "! not taken over: ansible_become_password of db9: passwords",
        "variables without a meaning here: http_port (2)",
        "left as they are: web01",
        "would make 4 devices",
    ):
        assert words in trial.err, words
    assert "hunter2" not in trial.err + trial.out
    assert names(cli) == before
    assert "--yes" in cli("device", "import", "--file", str(file), status=2).err
    assert names(cli) == before
    assert "made 4 devices" in cli("device", "import", "--file", str(file), "--yes").err
    assert names(cli) == {*before, "app1", "app2", "db9", "gate"}
    shown = cli("device", "show", "db9").out
    assert "gate" in shown
    assert "hunter2" not in shown
    assert "nothing to make" in cli("device", "import", "--file", str(file), "--yes").err


def test_standard_input_is_a_file_too_and_json_is_the_whole_plan(cli: Cli) -> None:
    listed = {"web": {"hosts": ["new1", "new2"]}, "_meta": {"hostvars": {"new1": {"ansible_host": "10.0.0.1"}}}}
    plan = cli("device", "import", "--file", "-", "--dry-run", "--json", stdin=json.dumps(listed)).document
    assert plan["format"] == "ansible-json"
    assert [host["device"]["address"] for host in plan["hosts"]] == ["10.0.0.1", "new2"]
    assert [group["group_name"] for group in plan["groups"]] == ["web"]
    assert "new1" not in names(cli)
    arguments = ("device", "import", "--file", "-", "--host", "new2", "--tag", "fresh", "--yes", "--json")
    done = cli(*arguments, stdin=json.dumps(listed)).document
    assert [host["device"]["device_name"] for host in done["hosts"]] == ["new2"]
    assert names(cli) >= {"new2"}
    assert "new1" not in names(cli)


def test_a_format_can_be_said_and_what_is_none_is_refused_with_its_line(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text("name;address\nnew1;10.0.0.1\n")
    assert "new1" in cli("device", "import", "--file", str(file), "--format", "csv", "--dry-run").out
    wrong = cli("device", "import", "--file", str(file), "--format", "ansible-yaml", "--dry-run", status=2)
    assert "not a mapping" in wrong.err
    file.write_text("name;colour\n")
    assert "the columns are name, address" in cli("device", "import", "--file", str(file), "--dry-run", status=2).err
    assert "'x' is not one of" in cli("device", "import", "--format", "x", status=2).err


def test_hostile_names_reach_the_terminal_as_text(cli: Cli) -> None:
    answer = cli("device", "import", "--file", "-", "--dry-run", stdin="name,address\n\x1b]0;x\x07,\x1b[31mhost\n")
    assert "\x1b" not in answer.out + answer.err
    assert "nothing to make" in answer.err
