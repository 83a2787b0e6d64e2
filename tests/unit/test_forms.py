"""The editor's form gives back the draft that it was filled from, and says which field is wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from deployx_tui.model.device import TransportKind
from deployx_tui.model.payload import BecomeMethod, CommandPayload, Commands, Line, Reboot, RunAs, Script, Shell
from deployx_tui.model.schedule import (
    Cron,
    Daily,
    Fold,
    Gap,
    Monthly,
    Once,
    Overlap,
    OverlapKind,
    Recurrence,
    Schedule,
    ShortMonth,
    Weekly,
)
from deployx_tui.model.task import TaskDraft
from deployx_tui.tui.device_forms import DeviceForm, device_draft
from deployx_tui.tui.forms import Form, draft_of, field_of, form_of
from tests.support import world
from tests.support.payloads import commands_of

RULES: list[Recurrence] = [
    Once(datetime(2026, 12, 24, 2, 0, tzinfo=UTC)),
    # the second pass of 02:30, and seconds
    Once(datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
    Once(datetime(2026, 12, 24, 2, 0, 17, tzinfo=UTC)),
    Daily((time(3, 0), time(15, 30))),
    Weekly((0, 6), (time(2, 30),)),
    Monthly((1, 31, "last"), (time(4, 0),), ShortMonth.LAST),
    Cron("*/15 8-18 * * 1-5"),
]


@pytest.mark.parametrize("rule", RULES)
def test_every_recurrence_survives_the_form(rule: Recurrence) -> None:
    draft = TaskDraft(
        name="nightly",
        schedule=Schedule(
            recurrence=rule,
            zone="Europe/Berlin",
            gap=Gap.SKIP,
            fold=Fold.BOTH,
            start=datetime(2026, 3, 1, 23, 0, tzinfo=UTC),
            end=datetime(2027, 3, 1, 23, 0, tzinfo=UTC),
        ),
        payload=CommandPayload(
            body=Commands(("true", "echo 'two words'"), stop_on_failure=False),
            shell=Shell.BASH,
            environment=(("LEVEL", "debug"), ("GREETING", "it's two words"), ("EMPTY", "")),
            working_directory="/srv/web",
            success_codes=frozenset({0, 3010}),
            durable=True,
            reboot=Reboot.EXPECTED,
            run_as=RunAs(method=BecomeMethod.DOAS, user="app"),
            umask=0o27,
            tty=True,
        ),
        selector="@web,!web07",
        description="what for",
        tags=frozenset({"prod", "nightly"}),
        overlap=Overlap(OverlapKind.PARALLEL, 5),
        grace=timedelta(minutes=90),
        timeout=timedelta(seconds=90),
    )
    assert draft_of(form_of(draft), draft) == (draft, ())


def test_every_task_of_the_sample_world_survives_the_form() -> None:
    for task in world.tasks().values():
        assert draft_of(form_of(task.draft), task.draft) == (task.draft, ())


@pytest.mark.parametrize("body", [Line("df -h /"), Script("set -eu\n\ncd /backup\n")])
def test_the_text_of_a_payload_is_not_touched(body: Line | Script) -> None:
    task = world.tasks()[next(iter(world.tasks()))]
    draft = replace(task.draft, payload=replace(commands_of(task), body=body))
    assert commands_of(draft_of(form_of(draft), draft)[0]).body == body


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"timeout": "90"}, "timeout"),
        ({"grace": "soon"}, "grace"),
        ({"times": "25:00"}, "times"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"repeat": "once", "at": "tomorrow"}, "at"),
        ({"repeat": "monthly", "monthdays": ""}, "monthdays"),
        ({"repeat": "weekly", "weekdays": frozenset()}, "weekdays"),
        ({"environment": "LEVEL"}, "environment"),
        ({"environment": "A='open"}, "environment"),
        ({"codes": "zero"}, "codes"),
        ({"overlap": OverlapKind.PARALLEL, "parallel": "1"}, "parallel"),
        ({"start": "now"}, "start"),
        ({"end": "2026-03-29T02:30", "zone": "Europe/Berlin"}, "end"),
    ],
)
def test_what_is_wrong_names_its_own_field_and_a_remedy(wrong: dict[str, object], field: str) -> None:
    _, problems = draft_of(replace(Form(name="x"), **wrong))  # type: ignore[arg-type]  # a table of fields
    assert [problem.field for problem in problems] == [field]
    assert problems[0].remedy


def test_a_wrong_field_leaves_the_rest_to_be_previewed() -> None:
    draft, problems = draft_of(Form(name="x", targets="@web", timeout="90", times="02:30"))
    assert problems
    assert draft.selector == "@web"
    assert draft.schedule.recurrence == Daily((time(2, 30),))


@pytest.mark.parametrize(
    ("wire", "field"),
    [
        ("task_name", "name"),
        ("command_payload.commands[0]", "text"),
        ("command_payload.command", "text"),
        ("command_payload.environment.PATH", "environment"),
        ("recurrence_config.cron_expression", "cron"),
        ("recurrence_config.time", "times"),
        ("recurrence_config.times[1]", "times"),
        ("selector", "targets"),
        ("nobody_knows", ""),
    ],
)
def test_names_of_the_wire_find_their_field(wire: str, field: str) -> None:
    assert field_of(wire) == field


def test_targets_by_id_stay_when_the_form_has_no_field_for_them() -> None:
    task = next(iter(world.tasks().values()))
    from deployx_tui.model.ids import DeviceId

    base = replace(task.draft, device_ids=(DeviceId(3),))
    assert draft_of(form_of(base), base)[0].device_ids == (DeviceId(3),)


def test_this_machine_needs_no_address_and_a_host_does() -> None:
    def address(transport: TransportKind) -> str:
        return device_draft(DeviceForm(name="here", transport=transport.value), (), (), {}).address

    assert address(TransportKind.LOCAL) == "localhost"
    assert not address(TransportKind.SSH), "the engine says that it is missing"
