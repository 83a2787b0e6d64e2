"""Parameters by keys alone: declared in the editor, given when a task is run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployx_tui.model.ids import CredentialId, ExecutionId, TaskId
from deployx_tui.model.parameter import Parameter, ParameterType, SecretRef, Value
from deployx_tui.model.secret import CredentialDraft, CredentialKind
from deployx_tui.model.task import Task
from deployx_tui.tui.screens.parameter_form import GiveParameters, ParameterForm
from tests.support.fake_backend import FakeBackend
from tests.support.payloads import commands_of
from tests.support.screen import check_snapshot, press, screen_text, type_text
from tests.tui.conftest import Open

DECLARED = (
    Parameter(name="VERSION", required=True, description="the tag to deploy"),
    Parameter(name="REGION", type=ParameterType.CHOICE, choices=("eu", "us", "ap"), default="eu"),
    Parameter(name="WORKERS", type=ParameterType.NUMBER, default="4"),
    Parameter(name="DRY_RUN", type=ParameterType.BOOLEAN),
    Parameter(name="MOTD", type=ParameterType.FILE, default="/etc/motd", description="what users read at log-in"),
)
SIZES = [(120, 36), (80, 24)]


@pytest.fixture
def task(backend: FakeBackend) -> Task:
    """nginx-reload, the third of the list, takes parameters."""
    found = next(each for each in backend.task_rows.values() if each.name == "nginx-reload")
    draft = replace(found.draft, payload=replace(commands_of(found), parameters=DECLARED))
    backend.task_rows[found.id] = replace(found, draft=draft)
    return backend.task_rows[found.id]


def present(backend: FakeBackend, task: Task) -> tuple[Parameter, ...]:
    return backend.task_rows[TaskId(task.id)].draft.payload.parameters


@pytest.mark.parametrize("size", SIZES)
async def test_the_editor_shows_what_a_task_declares(open_app: Open, task: Task, size: tuple[int, int]) -> None:
    async with open_app(*size) as pilot:
        await press(pilot, "down", "down", "e")
        pilot.app.screen.query_one("#parameters").focus()
        await press(pilot, "down")
        check_snapshot(pilot, "parameters_declared")


@pytest.mark.parametrize("size", SIZES)
async def test_a_declaration_is_typed_in_a_form(open_app: Open, task: Task, size: tuple[int, int]) -> None:
    async with open_app(*size) as pilot:
        await press(pilot, "down", "down", "e")
        pilot.app.screen.query_one("#parameters").focus()
        await press(pilot, "down", "enter")
        check_snapshot(pilot, "parameter_form")


async def test_a_parameter_is_declared_changed_and_dropped(open_app: Open, backend: FakeBackend, task: Task) -> None:
    async with open_app() as pilot:
        await press(pilot, "down", "down", "e")
        pilot.app.screen.query_one("#parameters").focus()
        await press(pilot, *["down"] * 5, "enter")
        await type_text(pilot, "LEVEL\t")
        await press(pilot, "c", "tab")
        await type_text(pilot, "low,high\t\tlow\t")
        await type_text(pilot, "how much it says")
        await press(pilot, "enter")
        assert not isinstance(pilot.app.screen, ParameterForm)
        await press(pilot, "up", "delete")  # MOTD goes
        await press(pilot, "ctrl+s")
        level = Parameter(
            name="LEVEL",
            type=ParameterType.CHOICE,
            choices=("low", "high"),
            default="low",
            description="how much it says",
        )
        assert present(backend, task) == (*DECLARED[:4], level)


async def test_a_declaration_that_can_not_be_meant_stays_open_with_its_problem(open_app: Open, task: Task) -> None:
    async with open_app() as pilot:
        await press(pilot, "down", "down", "e")
        pilot.app.screen.query_one("#parameters").focus()
        await press(pilot, *["down"] * 5, "enter")
        await type_text(pilot, "LD_PRELOAD")
        await press(pilot, "ctrl+s")
        assert "LD_PRELOAD decides which code runs" in screen_text(pilot)
        await press(pilot, "ctrl+u", *"REGION", "ctrl+s")
        assert "REGION is there already" in screen_text(pilot)
        await press(pilot, "escape")
        assert not isinstance(pilot.app.screen, ParameterForm)
        assert "LD_PRELOAD" not in screen_text(pilot)


@pytest.mark.parametrize("size", SIZES)
async def test_a_run_asks_for_values_in_fields_of_their_types(
    open_app: Open, task: Task, size: tuple[int, int]
) -> None:
    async with open_app(*size) as pilot:
        await press(pilot, "down", "down", "x")
        check_snapshot(pilot, "parameters_given")


async def test_values_that_fit_are_shown_again_and_given(open_app: Open, backend: FakeBackend, task: Task) -> None:
    async with open_app() as pilot:
        await press(pilot, "down", "down", "x", "ctrl+s")
        assert "it has no value: give one" in screen_text(pilot)
        await press(pilot, *"v1.2")
        await press(pilot, "tab", "right", "tab", "ctrl+u", *"many", "ctrl+s")
        assert "'many' is not a number" in screen_text(pilot)
        assert isinstance(pilot.app.screen, GiveParameters)
        await press(pilot, "ctrl+u", *"9", "ctrl+s")
        text = screen_text(pilot)
        assert "VERSION = v1.2" in text
        assert "REGION = us" in text
        assert "MOTD" not in text  # it takes its default
        await press(pilot, *"22", "enter")
        assert tuple(backend.given.values()) == (
            (
                Value(name="VERSION", value="v1.2"),
                Value(name="REGION", value="us"),
                Value(name="WORKERS", value="9"),
                Value(name="DRY_RUN", value="false", is_default=True),
                Value(name="MOTD", value="what is in /etc/motd", file="/etc/motd", is_default=True),
            ),
        )


@pytest.mark.parametrize("size", SIZES)
async def test_a_run_shows_its_values_and_which_of_them_somebody_chose(
    open_app: Open, backend: FakeBackend, size: tuple[int, int]
) -> None:
    ref = SecretRef(credential=CredentialId(9), name="db-password", version=3)
    backend.given[ExecutionId(8842)] = (
        Value(name="REGION", value="eu", is_default=True),
        Value(name="VERSION", value="v1.2\nand more"),
        Value(name="MOTD", value="what is in it", file="/etc/motd", is_default=True),
        Value(name="PW", value="", secret=ref),
        Value(name="NOTE", value="\x1b[2Jx", is_default=True),
    )
    async with open_app(*size, first="history") as pilot:
        await press(pilot, "down", "enter")
        if size[0] < 100:
            await press(pilot, "tab", "tab")
        lines = [" ".join(line.split("│")[0].split()) for line in screen_text(pilot).splitlines()]
        first = next(number for number, line in enumerate(lines) if line.startswith("PARAMETERS"))
        assert lines[first].endswith("2 of 5 given")
        assert lines[first + 1] == "VERSION = v1.2… given"
        assert lines[first + 2].startswith("PW = credential db-password, its secret")
        assert lines[first + 3] == "REGION = eu default"
        assert lines[first + 4] == "MOTD = /etc/motd (13 bytes) default"
        assert lines[first + 5] == "NOTE = ␛[2Jx default"


async def test_cancel_starts_nothing(open_app: Open, backend: FakeBackend, task: Task) -> None:
    async with open_app() as pilot:
        await press(pilot, "down", "down", "x", "escape")
        assert "tasks.run" not in backend.calls


async def test_several_tasks_are_not_started_when_one_of_them_wants_a_value(
    open_app: Open, backend: FakeBackend, task: Task
) -> None:
    async with open_app() as pilot:
        await press(pilot, "down", "space", "space", "x")
        assert "nginx-reload wants VERSION; run it alone" in screen_text(pilot)
        assert "tasks.run" not in backend.calls


async def test_a_secret_is_chosen_by_name_and_its_declaration_says_who_can_read_it(
    open_app: Open, backend: FakeBackend, task: Task
) -> None:
    kept = replace(
        backend.credentials.rows[CredentialId(3)],
        id=CredentialId(9),
        draft=CredentialDraft(name="db-password", kind=CredentialKind.PARAMETER),
    )
    backend.credentials.rows[kept.id] = kept
    secret = Parameter(name="PW", type=ParameterType.SECRET, required=True)
    draft = replace(task.draft, payload=replace(commands_of(task), parameters=(secret,)))
    backend.task_rows[task.id] = replace(task, draft=draft)
    async with open_app() as pilot:
        await press(pilot, "down", "down", "e")
        pilot.app.screen.query_one("#parameters").focus()
        await press(pilot, "enter")
        assert "whoever writes the command can read its secret" in screen_text(pilot)
        await press(pilot, "escape", "escape", "x")
        assert "(none) db-password" in screen_text(pilot)
        assert "sudo-db" not in screen_text(pilot).split("Run nginx-reload with")[1].split("esc cancel")[0]
        await press(pilot, "ctrl+s")
        assert "it has no value" in screen_text(pilot)
        await press(pilot, "right", "ctrl+s", *"22", "enter")
    ref = SecretRef(credential=kept.id, name="db-password", version=1)
    assert tuple(backend.given.values()) == ((Value(name="PW", value="", secret=ref),),)
