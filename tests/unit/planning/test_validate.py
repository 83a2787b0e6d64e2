"""What can't be meant is refused at the door, by field, with a remedy."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from deployx_tui.model.device import DeviceDraft, GroupDraft
from deployx_tui.model.ids import DeviceId, GroupId
from deployx_tui.model.payload import CommandPayload, Commands, Line, RunAs, Script
from deployx_tui.model.schedule import Cron, Daily, Once, Overlap, OverlapKind, Schedule
from deployx_tui.model.task import TaskDraft
from deployx_tui.planning.validate import validate_device, validate_group, validate_payload, validate_task
from tests.unit.planning.world import group, inventory
from tests.unit.scheduling.minute_model import utc

NOW = utc(2026, 11, 23, 15)
TASK = TaskDraft(
    name="nightly",
    schedule=Schedule(recurrence=Cron("0 3 * * *"), zone="Europe/Berlin"),
    payload=CommandPayload(body=Line("uptime")),
    selector="@web",
)
DEVICE = DeviceDraft(name="web99", address="web99.example.com")
GROUP = GroupDraft(name="fresh", devices=(DeviceId(1),))


def test_ordinary_things_have_no_problem() -> None:
    assert validate_task(TASK, inventory(), NOW) == ()
    assert validate_device(DEVICE, inventory()) == ()
    assert validate_group(GROUP, inventory()) == ()


BAD_NAMES = [
    "",
    "  ",
    " a",
    "a ",
    "a\tb",
    "a\nb",
    "a\x1b[31m",
    "a\x9bb",
    "a\u202eb",
    "a\u200bb",
    "a\u2028b",
    "e\u0301",
    "a\ud800",
]


@pytest.mark.parametrize("name", [*BAD_NAMES, "x" * 201])
def test_a_task_name_is_printable_and_not_too_long(name: str) -> None:
    assert [p.field for p in validate_task(replace(TASK, name=name), inventory(), NOW)] == ["task_name"]


def test_a_task_name_may_have_200_characters_and_others_120() -> None:
    assert validate_task(replace(TASK, name="é" * 200), inventory(), NOW) == ()
    assert validate_device(replace(DEVICE, name="x" * 120), inventory()) == ()
    assert validate_device(replace(DEVICE, name="x" * 121), inventory()) != ()


@pytest.mark.parametrize(
    "name",
    [*BAD_NAMES, "a,b", "a&b", "!a", "@a", "a*", "a?", "a(b)", "[a]", "tag:x", "os:y", "arch:z", "failed:1", "-"],
)
def test_names_of_devices_groups_and_tags_can_be_said_in_selectors(name: str) -> None:
    assert {p.field for p in validate_device(replace(DEVICE, name=name), inventory())} == {"device_name"}
    assert {p.field for p in validate_group(replace(GROUP, name=name), inventory())} == {"group_name"}
    assert {p.field for p in validate_task(replace(TASK, tags=frozenset({name})), inventory(), NOW)} == {"tags"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"selector": ""}, "selector"),
        ({"selector": "nobody"}, "selector"),
        ({"device_ids": (DeviceId(99),)}, "device_ids"),
        ({"group_ids": (GroupId(99),)}, "group_ids"),
        ({"description": "a\x1b[31m"}, "description"),
        ({"description": "x" * 4001}, "description"),
        ({"schedule": Schedule(recurrence=Cron("x"), zone="UTC")}, "recurrence_config.cron_expression"),
        ({"schedule": Schedule(recurrence=Daily(()), zone="UTC")}, "recurrence_config.time"),
        ({"schedule": Schedule(recurrence=Once(NOW), zone="UTC")}, "scheduled_time"),
        ({"schedule": Schedule(recurrence=Cron("0 3 * * *"), zone="UTC", end=NOW)}, "end"),
        ({"timeout": timedelta()}, "timeout_seconds"),
        ({"grace": timedelta(seconds=-1)}, "grace_seconds"),
        ({"overlap": Overlap(OverlapKind.PARALLEL, 1)}, "overlap"),
        ({"overlap": Overlap(OverlapKind.SKIP, 2)}, "overlap"),
        ({"payload": CommandPayload(body=Line(" "))}, "command_payload.command"),
    ],
)
def test_a_task_that_can_not_be_meant_is_refused(changes: dict[str, Any], field: str) -> None:
    problems = validate_task(replace(TASK, **changes), inventory(), NOW)
    assert [p.field for p in problems] == [field]
    assert all(p.message and p.remedy for p in problems)


def test_every_problem_of_a_task_is_told() -> None:
    bad = replace(TASK, name="", selector="nobody", timeout=timedelta(), payload=CommandPayload(body=Line("")))
    fields = {p.field for p in validate_task(bad, inventory(), NOW)}
    assert fields == {"task_name", "selector", "timeout_seconds", "command_payload.command"}


def test_a_selector_of_a_run_is_fine_in_a_task() -> None:
    assert validate_task(replace(TASK, selector="failed:7"), inventory(), NOW) == ()


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        (CommandPayload(body=Line("a\nb")), "command"),
        (CommandPayload(body=Line("a\0b")), "command"),
        (CommandPayload(body=Line("a\udcff")), "command"),
        (CommandPayload(body=Script("\n\n")), "script"),
        (CommandPayload(body=Script("x" * 600_000)), "script"),
        (CommandPayload(body=Commands(())), "commands"),
        (CommandPayload(body=Commands(("true", " "))), "commands"),
        (CommandPayload(body=Line("a"), working_directory=" "), "working_directory"),
        (CommandPayload(body=Line("a"), working_directory="/a\0"), "working_directory"),
        (CommandPayload(body=Line("a"), working_directory="/" * 5000), "working_directory"),
        (CommandPayload(body=Line("a"), run_as=RunAs(user="-u")), "run_as"),
        (CommandPayload(body=Line("a"), run_as=RunAs(user="")), "run_as"),
        (CommandPayload(body=Line("a"), run_as=RunAs(user="ro ot")), "run_as"),
        (CommandPayload(body=Line("a"), umask=0o1000), "umask"),
        (CommandPayload(body=Line("a"), success_codes=frozenset()), "success_codes"),
        (CommandPayload(body=Line("a"), success_codes=frozenset({-1})), "success_codes"),
        (CommandPayload(body=Line("a"), success_codes=frozenset({2**32})), "success_codes"),
        (CommandPayload(body=Line("a"), environment=(("A", "\0"),)), "environment"),
        (CommandPayload(body=Line("a"), environment=(("A", "1"), ("A", "2"))), "environment"),
    ],
)
def test_a_payload_that_can_not_run_is_refused(payload: CommandPayload, field: str) -> None:
    assert [p.field for p in validate_payload(payload)] == [f"command_payload.{field}"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a",
        "1A",
        "_A",
        "A-B",
        "A B",
        "A=B",
        "É",
        "A" * 65,
        "PATH",
        "IFS",
        "ENV",
        "BASH_ENV",
        "PS4",
        "SHELLOPTS",
        "LD_PRELOAD",
        "DYLD_X",
        "PYTHONPATH",
        "PERL5LIB",
        "RUBYOPT",
        "NODE_OPTIONS",
        "GIT_SSH_COMMAND",
    ],
)
def test_names_that_decide_which_code_runs_are_refused(name: str) -> None:
    payload = CommandPayload(body=Line("a"), environment=((name, "x"),))
    assert [p.field for p in validate_payload(payload)] == ["command_payload.environment"]


def test_hostile_values_of_the_environment_are_just_values() -> None:
    payload = CommandPayload(body=Line("a"), environment=(("A", "'; rm -rf / #$(x)`y`\n"), ("LEVEL_2", "")))
    assert validate_payload(payload) == ()


@pytest.mark.parametrize(
    "address",
    ["web01", "web01.example.com", "web01.example.com.", "10.0.0.7", "::1", "fe80::1%eth0", "a_b", "127.1.2.3"],
)
def test_addresses(address: str) -> None:
    assert validate_device(replace(DEVICE, address=address), inventory()) == ()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        *(
            ({"address": address}, "address")
            for address in [
                "",
                " ",
                "-oProxyCommand=x",
                "a b",
                "a;b",
                "$(x)",
                "`x`",
                "a..b",
                "ü",
                "x" * 254,
                "a/b",
                "fe80::1%e;x",
            ]
        ),
        *(({"user": user}, "user") for user in ["", "-l", "a b", "a;b", "$(x)", "ü", "a" * 65, "a\n", "a'b"]),
        *(({"port": port}, "port") for port in [0, -1, 65536]),
        *(({"key_file": path}, "key_file") for path in ["", "id_rsa", "-x", "/a\nb", "/a\0"]),
        ({"name": "web01"}, "device_name"),
        ({"tags": frozenset({"a,b"})}, "tags"),
        ({"groups": (GroupId(99),)}, "group_ids"),
        ({"groups": (GroupId(4),)}, "group_ids"),
        ({"description": "\x07"}, "description"),
    ],
)
def test_a_device_that_can_not_be_meant_is_refused(changes: dict[str, Any], field: str) -> None:
    problems = validate_device(replace(DEVICE, **changes), inventory())
    assert {p.field for p in problems} == {field}
    assert all(p.message and p.remedy for p in problems)


def test_a_device_keeps_its_own_name() -> None:
    assert validate_device(replace(DEVICE, name="web01"), inventory(), DeviceId(1)) == ()


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (replace(GROUP, name="web"), "group_name"),
        (replace(GROUP, color="red"), "color"),
        (replace(GROUP, color="#12345"), "color"),
        (replace(GROUP, devices=(DeviceId(99),)), "device_ids"),
        (replace(GROUP, groups=(GroupId(99),)), "group_ids"),
        (GroupDraft(name="x", selector=""), "selector"),
        (GroupDraft(name="x", selector="@nobody"), "selector"),
        (GroupDraft(name="x", selector="failed:1"), "selector"),
        (GroupDraft(name="x", selector="web01", devices=(DeviceId(1),)), "selector"),
    ],
)
def test_a_group_that_can_not_be_meant_is_refused(draft: GroupDraft, field: str) -> None:
    problems = validate_group(draft, inventory())
    assert [p.field for p in problems] == [field]
    assert all(p.message and p.remedy for p in problems)


def test_a_group_inside_itself_is_refused_with_the_way() -> None:
    nested = validate_group(GroupDraft(name="web", groups=(GroupId(3),)), inventory(), GroupId(1))
    assert [p.message for p in nested] == ["web would be inside itself: web > all-of-it > web"]
    by_selector = validate_group(GroupDraft(name="web", selector="@all-of-it"), inventory(), GroupId(1))
    assert [p.field for p in by_selector] == ["selector"]


def test_groups_do_not_nest_without_end() -> None:
    chain = [group(100 + n, f"g{n}", groups=(101 + n,) if n < 31 else ()) for n in range(32)]
    assert [p.field for p in validate_group(GroupDraft(name="x", groups=(GroupId(100),)), inventory(*chain))] == [
        "group_ids"
    ]
    assert validate_group(GroupDraft(name="x", groups=(GroupId(101),)), inventory(*chain)) == ()
