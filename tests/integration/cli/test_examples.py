"""Every command has an example in its help, and the example runs."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import click
import pytest

from deployx_tui.cli.root import root
from tests.integration.cli.conftest import Cli

#: run by a test of its own: it starts a fleet
ELSEWHERE = {"demo"}


def commands(group: click.Group, context: click.Context, *words: str) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, context, *words, name)
        else:
            yield " ".join([*words, name]), command


ALL = dict(commands(root, click.Context(root)))
#: those that follow a run end as it ended: one target of execution 1 failed
FOLLOWS_A_FAILURE = {"execution follow"}
#: what an example stands on, or would stumble over
BEFORE = {
    "device add": [["device", "rm", "web01", "--yes"]],
    **{
        name: [["credential", "add", "web-login", "--kind", "password", "--stdin"]]
        for name in ("credential rotate", "credential rm", "credential test", "vault rotate", "vault rotate-master")
    },
    **{name: [["artifact", "add", "app.conf"]] for name in ("artifact show", "artifact rm")},
    **{
        name: [["package", "add", "nginx", "--variant", "apt:nginx@debian"]]
        for name in (
            "install",
            "uninstall",
            "package show",
            "package edit",
            "package rm",
            "package where",
            "package export",
        )
    },
    "task check": [
        ["task", "add", "daily-config", "--on", "web01", "--daily", "01:00", "--push", "app.conf", "--to", "~/conf/"],
        ["task", "run", "daily-config", "--wait"],
    ],
    "task add": [["task", "rm", "nightly-backup", "--yes"]],
    "task resume": [["task", "pause", "nightly-backup"]],
}


#: what stands in the file that an example reads
PIPED = "correct horse battery staple\n"


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_command_says_what_it_does_and_has_an_example(name: str) -> None:
    command = ALL[name]
    assert command.help
    example = getattr(command, "example", "")
    assert example.startswith(f"deployx {name}"), name
    shown = command.get_help(click.Context(command, info_name=name))
    assert shlex.split(example)[1] in shown


def test_the_help_of_a_noun_has_an_example_of_one_of_its_verbs() -> None:
    context = click.Context(root)
    nouns = {name: root.get_command(context, name) for name in root.list_commands(context)}
    examples = {getattr(command, "example", "") for command in ALL.values()}
    for name, noun in {**nouns, "": root}.items():
        assert noun is not None
        assert getattr(noun, "example", "") in examples, name
        assert "Example" in noun.get_help(click.Context(noun, info_name=name))


@pytest.mark.parametrize("name", sorted(set(ALL) - ELSEWHERE))
def test_the_example_of_every_command_runs(cli: Cli, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # an example may write where it stands
    monkeypatch.chdir(cli.folder)
    if name == "device import":
        (cli.folder / "home" / ".ssh").mkdir(mode=0o700)
        (cli.folder / "home" / ".ssh" / "config").write_text("Host app01\n")
    if name.startswith(("artifact", "push", "task check")):
        (cli.folder / "app.conf").write_text("listen = 8080\n")
    for before in BEFORE.get(name, []):
        cli(*before, stdin=PIPED if "--stdin" in before else "")
    example = getattr(ALL[name], "example", "")
    may_fail = example.endswith("|| true")
    line, _, redirected = example.removesuffix("|| true").partition(" < ")
    words = shlex.split(line)
    assert words[0] == "deployx"
    answer = cli.any_status(*words[1:], stdin=PIPED if redirected else "")
    expected = 1 if name in FOLLOWS_A_FAILURE else 0
    assert answer.status == expected or (may_fail and answer.status in (1, 6)), answer
