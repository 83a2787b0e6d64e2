"""What is wrong is named as it was typed: by flag or argument, never by the wire's field."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from deployx_tui.cli.flags import words_of, words_of_all_fields
from deployx_tui.cli.root import root
from tests.integration.cli.conftest import Cli


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["device", "add", "x", "--address", "no host!"], "--address: "),
        (["device", "add", "a,b", "--address", "h"], "NAME: "),
        (["device", "edit", "web01", "--name", "a,b"], "--name: "),
        (["device", "edit", "web01", "--name", "web02"], "--name: "),
        (["device", "add", "x", "--address", "h", "--user", "a b"], "--user: "),
        (["device", "add", "x", "--address", "h", "--tag", "a,b"], "--tag: "),
        (["device", "import", "--file", "/no/such/file"], "--file: "),
        (["group", "add", "web"], "NAME: "),
        (["group", "add", "x", "--color", "red"], "--color: "),
        (["group", "add", "x", "--selector", "web01&&"], "--selector: "),
        (["group", "edit", "web", "--group", "web"], "--group: "),
        (["run", "--on", "web01&&", "--", "true"], "--on: "),
        (["run", "--on", "web01", "--env", "PATH=/tmp", "--", "true"], "--env: "),
        (["run", "--on", "web01", "--timeout", "0s", "--", "true"], "--timeout: "),
        (["run", "--on", "web01", "--", " "], "COMMAND: "),
        (["task", "run", "nightly-backup", "--on", "db01"], "--on: "),
        (["task", "edit", "nightly-backup", "--weekly", "mon@25:00"], "--weekly: "),
        (["task", "edit", "nightly-backup", "--env", "PATH=/tmp", "--dry-run"], "--env: "),
        (["task", "duplicate", "nightly-backup", "x" * 300], "NEW: "),
        (["execution", "list", "--cursor", "???"], "--cursor: "),
    ],
)
def test_a_problem_is_named_as_it_was_typed(cli: Cli, words: list[str], says: str) -> None:
    answer = cli(*words, status=2)
    assert f"error: {says}" in answer.err


def test_a_setting_keeps_its_own_name(cli: Cli) -> None:
    (cli.folder / "config" / "deployx.toml").write_text('drain = 3\ntimezone = "Mars"\n')
    answer = cli(
        "task", "next", "--cron", "0 0 * * *", "--config", str(Path(cli.folder, "config", "deployx.toml")), status=2
    )
    assert "error: drain: " in answer.err
    assert "--zone" not in answer.err


def commands(of: click.Command) -> Iterator[click.Command]:
    if isinstance(of, click.Group):
        with click.Context(of) as context:
            for name in of.list_commands(context):
                found = of.get_command(context, name)
                assert found is not None
                yield from commands(found)
    else:
        yield of


def test_every_word_is_a_flag_or_an_argument_of_some_command() -> None:
    there: set[str] = set()
    for command in commands(root):
        there |= words_of(command)
    assert words_of_all_fields() <= there
