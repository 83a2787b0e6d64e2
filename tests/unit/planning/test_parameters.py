"""What may be declared, and what a run gives for it."""

from __future__ import annotations

from typing import Any

import pytest

from deployx_tui.errors import InvalidInput
from deployx_tui.model.ids import CredentialId
from deployx_tui.model.parameter import Parameter, ParameterType, SecretRef, Value
from deployx_tui.model.payload import CommandPayload, Line
from deployx_tui.planning.parameters import files_of, resolve_values, takes_secret, unanswered
from deployx_tui.planning.validate import validate_payload

REGION = Parameter(name="REGION", type=ParameterType.CHOICE, choices=("eu", "us"), default="eu")
COUNT = Parameter(name="COUNT", type=ParameterType.NUMBER)
DRY = Parameter(name="DRY", type=ParameterType.BOOLEAN)
NOTE = Parameter(name="NOTE")
VERSION = Parameter(name="VERSION", required=True)
MOTD = Parameter(name="MOTD", type=ParameterType.FILE, default="/etc/motd")
PASSWORD = Parameter(name="PASSWORD", type=ParameterType.SECRET, default="db-password")
DB = SecretRef(credential=CredentialId(7), name="db-password", version=3)
FILES = {"/etc/motd": "welcome\n", "/nul": "a\0b"}


def payload(*parameters: Parameter, **more: Any) -> CommandPayload:
    return CommandPayload(body=Line("true"), parameters=parameters, **more)


def read(path: str) -> str:
    if path not in FILES:
        raise InvalidInput.of("file", f"{path} is not there", "make it")
    return FILES[path]


def find(name: str) -> SecretRef:
    if name != "db-password":
        raise InvalidInput.of("", f"there is no credential {name}", "make it")
    return DB


def given(declared: CommandPayload, **values: str) -> dict[str, str]:
    return {each.name: each.value for each in resolve_values(declared, values, read, find)}


def test_ordinary_declarations_have_no_problem() -> None:
    assert validate_payload(payload(REGION, COUNT, DRY, NOTE, VERSION, MOTD)) == ()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ([Parameter(name="PATH")], "parameters.0.name"),
        ([NOTE, Parameter(name="NOTE")], "parameters.1.name"),
        ([Parameter(name="LEVEL")], "parameters.0.name"),  # stands in the environment too
        ([Parameter(name="N", type=ParameterType.NUMBER, default="x")], "parameters.0.default"),
        ([Parameter(name="C", type=ParameterType.CHOICE)], "parameters.0.choices"),
        ([Parameter(name="C", type=ParameterType.CHOICE, choices=("a", "a"))], "parameters.0.choices"),
        ([Parameter(name="C", type=ParameterType.CHOICE, choices=("a,b",))], "parameters.0.choices"),
        ([Parameter(name="C", type=ParameterType.CHOICE, choices=("a\x1b",))], "parameters.0.choices"),
        ([Parameter(name="C", type=ParameterType.CHOICE, choices=("",))], "parameters.0.choices"),
        ([Parameter(name="C", type=ParameterType.CHOICE, choices=("a",), default="b")], "parameters.0.default"),
        ([Parameter(name="T", choices=("a",))], "parameters.0.choices"),
        ([Parameter(name="T", default="a", required=True)], "parameters.0.default"),
        ([Parameter(name="T", default="a\nb")], "parameters.0.default"),
        ([Parameter(name="F", type=ParameterType.FILE, default="motd")], "parameters.0.default"),
        ([Parameter(name="T", description="\x1b[2J")], "parameters.0.description"),
        ([Parameter(name=f"P{number}") for number in range(101)], "parameters"),
    ],
)
def test_what_can_not_be_meant_is_told_by_field(wrong: list[Parameter], field: str) -> None:
    problems = validate_payload(payload(*wrong, environment=(("LEVEL", "1"),)))
    assert [problem.field for problem in problems] == [field]
    assert problems[0].remedy


def test_what_is_not_given_takes_its_default_and_every_declared_name_is_there() -> None:
    declared = payload(REGION, COUNT, DRY, NOTE, MOTD)
    assert given(declared) == {"REGION": "eu", "COUNT": "", "DRY": "false", "NOTE": "", "MOTD": "welcome\n"}
    assert given(declared, REGION="us", COUNT="2", DRY="yes", NOTE="@/etc/passwd") == {
        "REGION": "us",
        "COUNT": "2",
        "DRY": "true",
        "NOTE": "@/etc/passwd",
        "MOTD": "welcome\n",
    }


def test_what_was_given_is_told_from_a_default_also_when_they_are_equal() -> None:
    values = resolve_values(payload(REGION, COUNT, DRY), {"REGION": "eu", "DRY": "no"}, read, find)
    assert [(each.value, each.is_default) for each in values] == [("eu", False), ("", True), ("false", False)]


def test_a_file_is_told_by_its_path_and_gives_its_content() -> None:
    welcome = Value(name="MOTD", value="welcome\n", file="/etc/motd", is_default=True)
    assert resolve_values(payload(MOTD), {}, read, find) == (welcome,)
    assert files_of(payload(MOTD, NOTE), {"NOTE": "/x"}) == ("/etc/motd",)
    assert files_of(payload(MOTD), {"MOTD": "/other"}) == ("/other",)


def test_a_secret_is_told_by_its_credential_and_version_and_has_no_value_here() -> None:
    by_default = Value(name="PASSWORD", value="", secret=DB, is_default=True)
    assert resolve_values(payload(PASSWORD), {}, read, find) == (by_default,)
    assert takes_secret(payload(PASSWORD), {})
    assert not takes_secret(payload(PASSWORD), {"PASSWORD": ""})
    with pytest.raises(InvalidInput) as refused:
        resolve_values(payload(PASSWORD), {"PASSWORD": "hunter2"}, read, find)
    assert [problem.field for problem in refused.value.problems] == ["parameters.PASSWORD"]


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({}, {"parameters.VERSION"}),
        ({"VERSION": ""}, {"parameters.VERSION"}),
        ({"VERSION": "1", "REGIN": "eu"}, {"parameters.REGIN"}),
        ({"VERSION": "1", "COUNT": ""}, {"parameters.COUNT"}),
        ({"COUNT": "x", "REGION": "mars"}, {"parameters.VERSION", "parameters.COUNT", "parameters.REGION"}),
        ({"VERSION": "1", "DRY": "perhaps"}, {"parameters.DRY"}),
        ({"VERSION": "1", "MOTD": "/gone"}, {"parameters.MOTD"}),
        ({"VERSION": "1", "MOTD": "/nul"}, {"parameters.MOTD"}),
        ({"VERSION": "x" * 70_000, "NOTE": "y" * 70_000}, {"parameters"}),
    ],
)
def test_what_does_not_fit_is_refused_by_name_every_one_at_once(values: dict[str, str], fields: set[str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        resolve_values(payload(REGION, COUNT, DRY, NOTE, VERSION, MOTD), values, read, find)
    assert {problem.field for problem in refused.value.problems} == fields
    assert all(problem.remedy for problem in refused.value.problems)


def test_a_misspelt_name_is_guessed() -> None:
    with pytest.raises(InvalidInput, match="did you mean REGION"):
        resolve_values(payload(REGION), {"REGIN": "eu"}, read, find)


def test_a_run_that_nobody_starts_lacks_what_is_required() -> None:
    assert unanswered(payload(REGION, VERSION)) == ("VERSION",)
