"""`deployx device` and `deployx group`: what tasks run on, and what a person can get wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployx_tui.demo.fleet import Fleet
from tests.integration.cli.conftest import Cli


def test_every_option_reaches_the_device(cli: Cli) -> None:
    made = cli(
        "device", "add", "edge07", "--address", "edge07.example.com:2222", "--user", "ops", "--key", "~/.ssh/ops",
        "--group", "web", "--tag", "edge", "--tag", "prod", "--host-key-policy", "strict", "--description", "far away",
        "--json",
    ).document  # fmt: skip
    shown = cli("device", "show", "edge07", "--json").document
    assert shown == made
    assert "edge07" in cli("group", "show", "web").out
    changed = cli("device", "edit", "edge07", "--tag", "only", "--name", "edge08", "--json").document
    assert {key for key in made if made[key] != changed[key]} >= {"tags", "version"}
    assert cli("device", "show", "edge07", status=3).raw == b""


@pytest.mark.parametrize("nothing", ["none", ""])
def test_tags_groups_and_members_are_taken_away_by_none(cli: Cli, nothing: str) -> None:
    assert "web" in cli("device", "show", "web01").out
    changed = cli("device", "edit", "web01", "--tag", nothing, "--json").document
    assert changed["tags"] == []
    assert "web01" in cli("group", "show", "web").out
    cli("device", "edit", "web01", "--group", nothing)
    members = cli("group", "show", "web").out
    assert "web01" not in members
    assert "web02" in members
    cli("group", "edit", "web", "--device", nothing)
    assert "web02" not in cli("group", "show", "web").out
    cli("task", "edit", "nightly-backup", "--tag", "weekly")
    assert cli("task", "edit", "nightly-backup", "--tag", nothing, "--json").document["tags"] == []


def test_the_hint_after_an_add_can_be_copied_whatever_the_name(cli: Cli) -> None:
    assert "deployx device test 'web 03' tries it" in cli("device", "add", "web 03", "--address", "h").out


def test_devices_are_listed_by_word_and_selector(cli: Cli) -> None:
    def names(*options: str) -> list[str]:
        return [line.split()[1] for line in cli("device", "list", *options).out.splitlines()[1:]]

    assert names() == ["db01", "web01", "web02"]
    assert names("web") == ["web01", "web02"]
    assert names("--on", "tag:prod&!web01") == ["web02"]
    assert names("--on", "@staging") == ["db01"]


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["add", "x"], 2, "--address"),
        (["add", "web01", "--address", "h"], 2, "there is a device 'web01' already"),
        (["add", "", "--address", "h"], 2, "it is empty"),
        (["add", "a,b", "--address", "h"], 2, "has a meaning in selectors"),
        (["add", "tag:x", "--address", "h"], 2, "another meaning in selectors"),
        (["add", "a\x1b", "--address", "h"], 2, "invisible character"),
        (["add", "x", "--address", "-oProxyCommand=x"], 2, "not a host name"),
        (["add", "x", "--address", "a b"], 2, "not a host name"),
        (["add", "x", "--address", "h:99999"], 2, "not a port"),
        (["add", "x", "--address", "h", "--user", "-l"], 2, "not a login name"),
        (["add", "x", "--address", "h", "--key", "relative"], 2, "not an absolute path"),
        (["add", "x", "--address", "h", "--tag", "a&b"], 2, "has a meaning in selectors"),
        (["add", "x", "--address", "h", "--group", "nobody"], 3, "not found"),
        (["add", "x", "--address", "h", "--group", "staging"], 2, "chooses its members by a selector"),
        (["add", "x", "--address", "h", "--transport", "telnet"], 2, "telnet"),
        (["add", "x", "--address", "h", "--host-key-policy", "never"], 2, "never"),
        (["show", "nobody"], 3, "not found"),
        (["edit", "nobody", "--user", "x"], 3, "not found"),
        (["rm", "nobody", "--yes"], 3, "not found"),
        (["rm", "web01"], 2, "--yes"),
        (["test", "nobody"], 3, "not found"),
        (["trust", "nobody"], 3, "not found"),
        (["show", "wbe01"], 3, "device 'wbe01' not found; did you mean web01"),
        (["list", "--on", "nobody"], 2, "there is no device or group"),
        (["import", "--file", "/nonexistent", "--yes"], 2, "/nonexistent"),
    ],
)
def test_what_can_not_be_a_device_is_refused(cli: Cli, words: list[str], status: int, says: str) -> None:
    answer = cli("device", *words, status=status)
    assert answer.raw == b""
    assert says in answer.err, answer.err
    assert len(cli("device", "list", "--json").document) == 3


def test_a_deleted_device_is_gone_and_its_history_stays(cli: Cli) -> None:
    assert "deleted web02" in cli("device", "rm", "web02", "--yes").out
    cli("device", "show", "web02", status=3)
    assert "web02" in cli("execution", "show", "1").out
    assert "1" in cli("group", "show", "web").out


def test_devices_come_out_of_an_openssh_configuration(cli: Cli, tmp_path: Path) -> None:
    config = tmp_path / "ssh_config"
    config.write_text("Host app01 app02\n  User deploy\n  Port 2200\nHost web01\n  HostName other\nHost *.internal\n")
    before = cli("device", "list", "--json").document
    trial = cli("device", "import", "--file", str(config), "--dry-run")
    assert "app01" in trial.out
    assert "*.internal" not in trial.out
    assert cli("device", "list", "--json").document == before
    assert "--yes" in cli("device", "import", "--file", str(config), status=2).err
    taken = cli("device", "import", "--file", str(config), "--tag", "app", "--yes")
    assert "left as they are: web01" in taken.err
    assert [line.split()[1] for line in cli("device", "list", "--on", "tag:app").out.splitlines()[1:]] == [
        "app01",
        "app02",
    ]
    unknown = cli("device", "import", "--file", str(config), "--host", "nobody", "--yes", status=2)
    assert "nobody not in the file" in unknown.err


def test_what_tasks_use_is_deleted_with_a_word_and_their_tasks_say_why_they_have_no_target(cli: Cli) -> None:
    when = ["--command", "true", "--daily", "03:00"]
    cli("task", "add", "on-group", "--on", "@web", *when)
    cli("task", "add", "on-device", "--on", "db01", *when)
    cli("task", "add", "elsewhere", "--on", "tag:prod", *when)
    assert "used by 1 task: on-group (" in cli("group", "rm", "web", status=2).err
    said = cli("group", "rm", "web", "--yes").err
    assert "used by 1 task: on-group (" in said
    assert "elsewhere" not in said
    assert "used by 1 task: on-device (" in cli("device", "rm", "db01", "--yes").err
    shown = cli("task", "show", "on-group").out
    assert "! 0 targets: " in shown
    assert "web" in shown.split("! 0 targets: ")[1].splitlines()[0]
    assert "0 targets" not in cli("task", "show", "elsewhere").out
    assert "used by" not in cli("group", "rm", "staging", "--yes").err


def test_patterns_tags_and_groups_around_it_are_uses_too(cli: Cli) -> None:
    when = ["--command", "true", "--daily", "03:00"]
    cli("group", "add", "outer", "--group", "web")
    for name, where in {"nested": "@outer", "pattern": "@we*", "others": "db*", "all-but": "!@web"}.items():
        cli("task", "add", name, "--on", where, *when)
    said = cli("group", "rm", "web", status=2).err
    assert "used by 3 tasks" in said
    assert {name for name in ("nested", "pattern", "others", "all-but") if f"{name} (" in said} == {
        "nested", "pattern", "all-but",
    }  # fmt: skip
    said = cli("device", "rm", "db01", status=2).err
    assert "others (" in said
    assert "nested (" not in said


def test_an_import_says_where_hosts_lead_and_which_can_not_be_reached(cli: Cli) -> None:
    file = cli.folder / "home" / ".ssh" / "config"
    missing = cli("device", "import", "--dry-run", status=2).err
    assert f"there is no {file}" in missing
    file.parent.mkdir(mode=0o700)
    file.write_text(
        "Host near\n  HostName 192.0.2.7\n  User deploy\n  ProxyJump none\n"
        "Host far\n  HostName 192.0.2.8\n  ProxyJump bastion\n"
        "Host wrapped\n  RemoteCommand tmux\n"
    )
    trial = cli("device", "import", "--dry-run")
    near = next(line.split() for line in trial.out.splitlines() if line.startswith("near"))
    assert near[1:4] == ["near", "192.0.2.7", "deploy"]
    assert "far" not in trial.err
    assert "! not taken over: remotecommand tmux of wrapped: " in trial.err
    assert "near" not in trial.err


def test_a_jump_host_is_named_shown_and_taken_away(cli: Cli) -> None:
    assert "circle" in cli("device", "edit", "web01", "--jump", "web01", status=2).err
    assert "'nobody' not found" in cli("device", "edit", "web01", "--jump", "nobody", status=3).err
    cli("device", "edit", "web01", "--jump", "db01")
    assert "db01" in next(
        row for row in cli("device", "show", "web01").out.splitlines() if row.startswith("jump hosts")
    )
    assert "jump host of web01" in cli.any_status("device", "rm", "db01", "--yes").err
    cli("device", "edit", "web01", "--jump", "none")
    assert cli("device", "show", "web01", "--json").document["via"] == []


# ---- groups


def test_groups_nest_and_choose(cli: Cli) -> None:
    cli("group", "add", "all", "--group", "web", "--group", "staging")
    assert "3: db01, web01, web02" in cli("group", "show", "all").out
    cli("group", "edit", "all", "--group", "staging")
    assert "1: db01" in cli("group", "show", "@all").out
    assert "--yes" in cli("group", "rm", "all", status=2).err
    cli("group", "rm", "all", "--yes")
    cli("group", "show", "all", status=3)


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["add", "web"], 2, "there is a group 'web' already"),
        (["add", "a*"], 2, "has a meaning in selectors"),
        (["add", "x", "--color", "red"], 2, "not a colour"),
        (["add", "x", "--selector", "@nobody"], 2, "there is no group 'nobody'"),
        (["add", "x", "--selector", "failed:1"], 2, "can't be what failed"),
        (["add", "x", "--selector", "tag:prod", "--device", "web01"], 2, "members or a selector"),
        (["add", "x", "--device", "nobody"], 3, "not found"),
        (["add", "x", "--group", "nobody"], 3, "not found"),
        (["edit", "web", "--group", "web"], 2, "would be inside itself: web > web"),
        (["edit", "nobody", "--color", "#123456"], 3, "not found"),
        (["show", "wbe"], 3, "did you mean web?"),
        (["show", "nobody"], 3, "not found"),
        (["rm", "nobody", "--yes"], 3, "not found"),
    ],
)
def test_what_can_not_be_a_group_is_refused(cli: Cli, words: list[str], status: int, says: str) -> None:
    answer = cli("group", *words, status=status)
    assert answer.raw == b""
    assert says in answer.err, answer.err


# ---- over SSH


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with Fleet.start(2, tmp_path_factory.mktemp("fleet"), per_server=1) as running:
        yield running


def add_host(cli: Cli, fleet: Fleet, number: int, name: str, **changes: Any) -> None:
    host = fleet.hosts[number]
    options = {"--address": f"{host.address}:{host.port}", "--user": host.user, "--key": host.key_file, **changes}
    cli("device", "add", name, *(word for option in options.items() for word in option))


def test_an_unknown_host_key_is_shown_and_trusted_by_its_fingerprint(cli: Cli, fleet: Fleet) -> None:
    add_host(cli, fleet, 0, "node1")
    refused = cli("device", "test", "node1", status=1)
    assert "✗ host key" in refused.out
    assert "SHA256:" in refused.out
    cli("run", "--on", "node1", "--", "true", status=1)
    wrong = cli("device", "trust", "node1", "--fingerprint", "SHA256:wrong", status=2)
    assert "node1 shows SHA256:" in wrong.err
    assert "--yes" in cli("device", "trust", "node1", status=2).err
    assert "trusted SHA256:" in cli("device", "trust", "node1", "--yes").out
    good = cli("device", "test", "node1")
    assert [line.split()[1] for line in good.out.splitlines() if line.startswith("✓")] == [
        "name", "connect", "host", "sign", "command",
    ]  # fmt: skip
    assert "already shows its known host key" in cli("device", "trust", "node1").out
    assert "node1 │ hi" in cli("run", "--on", "node1", "--", "echo hi").out


def test_a_changed_host_key_is_refused_until_its_fingerprint_is_typed(cli: Cli, fleet: Fleet) -> None:
    one, other = fleet.hosts
    add_host(cli, fleet, 0, "node1")
    known = cli.folder / "config" / "known_hosts"
    known.write_text(f"[{one.address}]:{one.port} {other.host_key}\n")
    known.chmod(0o600)
    refused = cli("run", "--on", "node1", "--", "true", status=1)
    assert "host key" in refused.out.lower()
    assert "--fingerprint" in cli("device", "trust", "node1", "--yes", status=2).err
    steps = cli("device", "test", "node1", "--json", status=1).lines
    offered = next(step["offered_key"] for step in steps if step.get("offered_key"))
    # the advice can be followed as it stands
    advice = f"deployx device trust node1 --fingerprint {offered['fingerprint']}"
    assert advice in cli("device", "test", "node1", status=1).out
    cli(*advice.split()[1:])
    cli("run", "--on", "node1", "--", "true")


def test_a_host_that_is_down_says_what_to_do(cli: Cli, fleet: Fleet) -> None:
    add_host(cli, fleet, 0, "node1", **{"--address": f"{fleet.hosts[0].address}:9"})
    answer = cli("device", "test", "node1", status=1)
    assert "✗ connect" in answer.out
    assert len(answer.out.splitlines()) >= 3
    ran = cli("run", "--on", "node1", "--", "true", status=1)
    assert "unreachable" in ran.out


def test_facts_are_unknown_until_a_device_was_asked(cli: Cli) -> None:
    cli("device", "add", "fresh", "--transport", "local")
    assert "it was not asked yet" in cli("device", "facts", "fresh").out
    assert cli("device", "facts", "fresh", "--json").document[0]["facts"] is None
    left_out = cli("device", "list", "--on", "fresh&os:linux")
    assert left_out.raw == b""
    assert "1 device left out: the system or architecture is unknown" in left_out.err
    refused = cli("run", "--on", "fresh&!os:windows", "--", "true", status=2)
    assert "matches no device" in refused.err
    assert "1 device left out" in refused.err

    asked = cli("device", "facts", "fresh", "--refresh")
    assert "Linux" in asked.out
    assert "connection test" in asked.out
    assert "fresh" in cli("run", "--on", "fresh&os:linux", "--json", "--", "true").out
    shown = cli("device", "show", "fresh").out
    assert "system" in shown
    assert "free" in shown
    (answer,) = cli("device", "facts", "fresh", "--json").document
    assert answer["facts"]["kernel"] == "Linux"
    assert cli("device", "show", "fresh", "--json").document["facts"] == answer["facts"]
    warned = cli(
        "task",
        "add",
        "x",
        "--on",
        "web*,fresh&os:linux&!arch:pdp11",
        "--command",
        "true",
        "--daily",
        "03:00",
        "--dry-run",
    )
    assert "left out" not in warned.out


def test_facts_of_many_are_a_table_and_who_does_not_answer_is_named(cli: Cli) -> None:
    cli("device", "add", "gone", "--address", "127.0.0.1:1", "--host-key-policy", "strict")
    answer = cli("device", "facts", "web*,gone", "--refresh", status=1)
    assert "error: gone: connect:" in answer.err
    rows = {line.split()[0]: line for line in answer.out.splitlines()}
    assert "never" in rows["gone"]
    assert "Linux" in rows["web01"]
    assert "Linux" in rows["web02"]


@pytest.mark.parametrize(
    "words",
    [["group", "add", "web01"], ["group", "edit", "staging", "--name", "web01"], ["device", "add", "web", "--transport",
      "local"], ["device", "edit", "db01", "--name", "web"]],
)  # fmt: skip
def test_a_name_that_a_device_and_a_group_have_is_warned_of_where_it_is_given(cli: Cli, words: list[str]) -> None:
    name = "web01" if "web01" in words else "web"
    said = cli(*words).err
    number = cli("device", "show", name, "--json").document["id"]
    assert f"{name} is a device and a group now: as a bare word in a selector it is ambiguous" in said
    assert f"write @{name} for the group, {number} for the device" in said
    # what it says to write is what selectors take
    assert "is a device and a group" in cli("device", "list", "--on", name, status=2).err
    assert cli("device", "list", "--on", str(number), "--json").document[0]["device_name"] == name
    cli("device", "list", "--on", f"@{name}")


def test_a_name_of_its_own_is_no_matter_for_a_word(cli: Cli) -> None:
    assert "ambiguous" not in cli("group", "add", "edge").err
    assert "ambiguous" not in cli("device", "add", "edge01", "--transport", "local").err
    cli("group", "add", "web01")
    assert "ambiguous" not in cli("group", "edit", "web01", "--description", "as before").err


def test_an_import_warns_of_hosts_named_as_groups(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text("Host staging\n  HostName 192.0.2.1\n")
    assert "staging is a device and a group now" in cli("device", "import", "--file", str(file), "--yes").err


def test_one_member_is_no_members(cli: Cli) -> None:
    assert cli("group", "add", "one", "--device", "web01").out.endswith("with 1 member\n")
    assert cli("group", "edit", "one", "--device", "web01", "--device", "db01").out.endswith(", 2 members\n")
