"""What a parameter may be called, how it is declared in one text, and which values fit its type."""

from __future__ import annotations

import pytest

from deployx_tui.errors import InvalidInput
from deployx_tui.model.parameter import (
    LARGEST_VALUE,
    Parameter,
    ParameterType,
    format_declaration,
    parameter_name_problem,
    parse_declaration,
    read_value,
)

REFUSED = [
    "PATH", "IFS", "ENV", "BASH_ENV", "PS4", "SHELLOPTS", "LD_PRELOAD", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES",
    "PYTHONPATH", "PYTHONSTARTUP", "PERL5LIB", "PERL5OPT", "RUBYOPT", "NODE_OPTIONS", "GIT_SSH_COMMAND", "GIT_DIR",
    "ZDOTDIR", "FPATH", "CDPATH", "PROMPT_COMMAND", "RUBYLIB", "NODE_PATH", "PERLLIB", "GLOBIGNORE",
    "UID", "EUID", "PPID", "PWD", "OLDPWD", "SHLVL", "OPTIND", "RANDOM", "SECONDS", "LINENO", "USERNAME", "GROUPS",
    "BASHOPTS", "BASHPID", "BASH_COMMAND", "BASH", "ZSH_VERSION", "COLUMNS", "TTY", "HISTSIZE", "POSIXLY_CORRECT",
    "DEPLOYX_S", "DEPLOYX_RUN", "DEPLOYX_ANYTHING",
    "", "a", "region", "Region", "1A", "_A", "A-B", "A.B", "A B", "A=B", "A\n", "A\0", "Ä", "A" * 65, "A;B", "A$(id)",
]  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_name_that_decides_or_does_not_arrive_is_refused(name: str) -> None:
    found = parameter_name_problem(name)
    assert found is not None
    assert all(found)


@pytest.mark.parametrize("name", ["A", "REGION", "A1", "A_B", "A" * 64, "HOME", "LANG", "PATHS", "GITHUB"])
def test_an_ordinary_name_is_taken(name: str) -> None:
    assert parameter_name_problem(name) is None


GOOD = [
    (ParameterType.TEXT, "", ""),
    (ParameterType.TEXT, " it's `$(id)` \t\x1b", " it's `$(id)` \t\x1b"),
    (ParameterType.TEXT, "@/etc/passwd", "@/etc/passwd"),
    (ParameterType.NUMBER, "-3", "-3"),
    (ParameterType.NUMBER, "007.50", "007.50"),
    (ParameterType.BOOLEAN, "Yes", "true"),
    (ParameterType.BOOLEAN, "1", "true"),
    (ParameterType.BOOLEAN, "off", "false"),
    (ParameterType.CHOICE, "eu", "eu"),
    (ParameterType.FILE, "~/x", "~/x"),
]
BAD = [
    (ParameterType.TEXT, "a\nb"),
    (ParameterType.TEXT, "a\rb"),
    (ParameterType.TEXT, "a\0b"),
    (ParameterType.TEXT, "\ud800"),
    (ParameterType.TEXT, "é" * (LARGEST_VALUE // 2 + 1)),
    (ParameterType.NUMBER, ""),
    (ParameterType.NUMBER, "1e5"),
    (ParameterType.NUMBER, "0x10"),
    (ParameterType.NUMBER, "1,5"),
    (ParameterType.NUMBER, " 1"),
    (ParameterType.NUMBER, "1\n"),
    (ParameterType.NUMBER, "٣"),
    (ParameterType.NUMBER, "$(id)"),
    (ParameterType.BOOLEAN, ""),
    (ParameterType.BOOLEAN, "perhaps"),
    (ParameterType.CHOICE, "EU"),
    (ParameterType.CHOICE, ""),
    (ParameterType.FILE, "etc/passwd"),
    (ParameterType.FILE, "@/etc/passwd"),
]


@pytest.mark.parametrize(("kind", "typed", "seen"), GOOD)
def test_a_value_of_its_type_is_taken(kind: ParameterType, typed: str, seen: str) -> None:
    choices = ("eu", "us") if kind is ParameterType.CHOICE else ()
    assert read_value(Parameter(name="P", type=kind, choices=choices), typed, "f") == seen


@pytest.mark.parametrize(("kind", "typed"), BAD)
def test_a_value_of_another_type_is_refused_by_field(kind: ParameterType, typed: str) -> None:
    choices = ("eu", "us") if kind is ParameterType.CHOICE else ()
    with pytest.raises(InvalidInput) as refused:
        read_value(Parameter(name="P", type=kind, choices=choices), typed, "parameters.P")
    (problem,) = refused.value.problems
    assert problem.field == "parameters.P"
    assert problem.remedy


DECLARED = [
    ("A=b", Parameter(name="A", default="b")),
    ("A=", Parameter(name="A")),
    ("A", Parameter(name="A", required=True)),
    ("A=b=c:d,e", Parameter(name="A", default="b=c:d,e")),
    ("N:number=3", Parameter(name="N", type=ParameterType.NUMBER, default="3")),
    ("N:number", Parameter(name="N", type=ParameterType.NUMBER, required=True)),
    ("B:boolean=", Parameter(name="B", type=ParameterType.BOOLEAN)),
    ("S:secret=db-password", Parameter(name="S", type=ParameterType.SECRET, default="db-password")),
    ("F:file=/etc/motd", Parameter(name="F", type=ParameterType.FILE, default="/etc/motd")),
    ("C:choice:a,b=a", Parameter(name="C", type=ParameterType.CHOICE, choices=("a", "b"), default="a")),
    ("C:choice:a:1,b", Parameter(name="C", type=ParameterType.CHOICE, choices=("a:1", "b"), required=True)),
]


@pytest.mark.parametrize(("text", "parameter"), DECLARED)
def test_a_declaration_is_one_text_and_written_as_it_is_read(text: str, parameter: Parameter) -> None:
    assert parse_declaration(text) == parameter
    assert format_declaration(parameter) == text


@pytest.mark.parametrize("text", ["", "=x", ":number=3", "A:nombre=3", "A:=3"])
def test_a_text_that_declares_nothing_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_declaration(text)


def test_another_default_leaves_type_choices_and_description() -> None:
    present = Parameter(name="C", type=ParameterType.CHOICE, choices=("a", "b"), default="a", description="which")
    assert parse_declaration("C=b", present) == Parameter(
        name="C", type=ParameterType.CHOICE, choices=("a", "b"), default="b", description="which"
    )
    assert parse_declaration("C:text=b", present) == Parameter(name="C", default="b", description="which")
