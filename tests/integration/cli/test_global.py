"""The global options, exit statuses, and what goes to which stream."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from deployx_tui.cli.doctor import ending_words
from deployx_tui.cli.root import root
from deployx_tui.paths import folders
from tests.integration.cli.conftest import ENGINE, Cli

READING = [
    ["task", "list"], ["task", "show", "nightly-backup"], ["task", "next", "nightly-backup"], ["device", "list"],
    ["device", "show", "web01"], ["group", "list"], ["group", "show", "web"], ["execution", "list"],
    ["execution", "show", "1"], ["execution", "targets", "1"], ["config", "show"], ["doctor"],
]  # fmt: skip


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_json_is_one_document_and_nothing_else(cli: Cli, words: list[str]) -> None:
    answer = cli(*words, "--json")
    assert answer.document is not None


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_options_may_stand_before_the_command(cli: Cli, words: list[str]) -> None:
    before, after = cli("--json", *words).document, cli(*words, "--json").document
    assert type(before) is type(after)


@pytest.mark.parametrize("words", [["--nope"], ["nope"], ["task"], ["task", "nope"], ["task", "show"], ["doctor", "x"]])
def test_wrong_usage_is_2_and_leaves_standard_output_empty(cli: Cli, words: list[str]) -> None:
    answer = cli.any_status(*words)
    assert answer.status == 2
    assert answer.raw == b""
    assert answer.err


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("DEPLOYX_DB", "mysql://x", "not a database"),
        ("DEPLOYX_DB", "sqlite:///", "not a database"),
        ("DEPLOYX_TIMEZONE", "Mars", "not a time zone"),
        ("DEPLOYX_DRAIN", "30", "no unit"),
        ("DEPLOYX_URL", "http://x", "not an address of an engine"),
    ],
)
def test_a_setting_that_can_not_be_read_is_named(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    monkeypatch.setenv(variable, value)
    answer = cli("task", "list", status=2)
    assert variable in answer.err
    assert says in answer.err


def test_a_misspelt_setting_gets_a_suggestion(cli: Cli) -> None:
    (cli.folder / "config" / "deployx.toml").write_text('timezon = "UTC"\n')
    assert "did you mean timezone?" in cli("task", "list", status=2).err


def test_a_configuration_that_is_not_there_is_said(cli: Cli) -> None:
    assert "does not exist" in cli("--config", "/nonexistent.toml", "task", "list", status=2).err


def test_a_configuration_that_is_named_is_read_with_its_mark_and_told_by_the_doctor(cli: Cli) -> None:
    file = cli.folder / "mine.toml"
    file.write_bytes(b'\xef\xbb\xbfdrain = "10s"\r\n')
    assert cli("--config", str(file), "config", "show", "--json").document["drain"]["origin"] == str(file)
    found = {one["check"]: one for one in cli("--config", str(file), "doctor", "--json").document}
    assert found["settings"]["message"].startswith(f"{file}; not default: ")


def test_more_words_name_the_database_and_the_engine_on_standard_error(cli: Cli) -> None:
    database = cli.folder / "data" / "deployx.db"
    answer = cli("-v", "task", "list", "--json")
    assert answer.document
    assert answer.err.startswith(f"database sqlite:///{database}, engine pid {os.getpid()} on ")
    assert cli("task", "list", "-q", "-v").err == ""


def test_times_of_contact_have_their_offset(cli: Cli) -> None:
    assert re.search(r"contact +ok \d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d\n", cli("device", "show", "web01").out)


def test_every_setting_says_where_it_came_from(cli: Cli) -> None:
    (cli.folder / "config" / "deployx.toml").write_text('drain = "10s"\n')
    shown = cli("config", "show", "--json").document
    assert shown["drain"]["value"] == "10s"
    assert shown["drain"]["origin"].endswith("deployx.toml")
    assert shown["timezone"]["origin"] == "environment DEPLOYX_TIMEZONE"
    assert shown["linger"]["origin"] == "default"
    other = cli.folder / "data" / "other.db"
    assert cli("--db", f"sqlite:///{other}", "config", "show", "--json").document["db"]["origin"] == "flag --db"


def test_a_postgresql_database_names_the_way_to_it(cli: Cli) -> None:
    answer = cli("--db", "postgresql://localhost/x", "task", "list", status=2)
    assert "--connect" in answer.err


def test_an_engine_that_is_not_there_is_5(cli: Cli) -> None:
    out = subprocess.run(
        [sys.executable, "-m", "deployx_tui", "--connect", "unix:///nonexistent.sock", "task", "list"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert out.returncode == 5, out
    assert out.stdout == ""
    assert "error: " in out.stderr


def test_a_database_that_others_can_write_is_5(cli: Cli) -> None:
    (cli.folder / "data").chmod(0o777)
    answer = cli("task", "list", status=5)
    assert str(cli.folder / "data") in answer.err


def test_a_file_that_is_no_database_is_5_and_left_alone(cli: Cli) -> None:
    file = cli.folder / "data" / "notes.db"
    file.write_text("these are my notes, and they are longer than a header of a database would be\n" * 20)
    file.chmod(0o600)
    before = file.read_bytes()
    cli("--db", f"sqlite:///{file}", "task", "list", status=5)
    assert file.read_bytes() == before


def test_hostile_names_from_a_database_can_not_act_on_the_terminal(cli: Cli) -> None:
    database = next((cli.folder / "data").glob("*.db"))
    with sqlite3.connect(database) as connection:
        # past every check of names, as a damaged or a foreign database could hold it
        hostile = json.dumps("evil\x1b]0;owned\x07\u202e\x9b31m").strip('"')
        connection.execute("UPDATE task_versions SET draft = replace(draft, 'nightly-backup', ?)", (hostile,))
    connection.close()
    for words in (["task", "list"], ["task", "show", "1"]):
        out = cli(*words).out
        assert not set(out) & {"\x1b", "\x07", "\u202e", "\x9b"}
        assert "evil" in out
    assert cli("task", "list", "--json").document[0]["task_name"].startswith("evil\x1b")


def test_completion_gives_names_out_of_the_database(cli: Cli) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "_DEPLOYX_COMPLETE" in cli("completion", shell).out
    asked = ShellComplete(root, {}, "deployx", "_DEPLOYX_COMPLETE")

    def completed(*words: str) -> list[str]:
        return [item.value for item in asked.get_completions(list(words[:-1]), words[-1])]

    assert completed("task", "show", "nig") == ["nightly-backup"]
    assert completed("run", "--on", "web01,@st") == ["web01,@staging"]
    assert completed("device", "show", "web") == ["web01", "web02"]
    assert completed("execution", "list", "--task", "n") == ["nightly-backup"]
    assert "duplicate" in completed("task", "")


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys, json; from deployx_tui.cli.root import main; status = main(['--help']);"
        "print(json.dumps(sorted(set(sys.modules) & {'textual', 'sqlalchemy', 'paramiko', 'fastapi', 'httpx',"
        "'croniter', 'asyncssh', 'apscheduler', 'cryptography'})))"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(out.stdout.splitlines()[-1]) == []
    assert "Commands:" in out.stdout


def test_a_closed_pipe_is_no_error(cli: Cli) -> None:
    program = f"{sys.executable} -m deployx_tui task list --json | head -c 1 >/dev/null; exit ${{PIPESTATUS[0]}}"
    out = subprocess.run(["bash", "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (out.returncode, out.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "status"),
    [(["task", "add", "x", "--on", "web01", "--daily", "03:00"], 2), (["task", "show", "nothing"], 3)],
)
def test_an_error_leaves_standard_output_empty_with_json_too(cli: Cli, words: list[str], status: int) -> None:
    answer = cli(*words, "--json", status=status)
    assert (answer.raw, answer.err != "") == (b"", True)


def test_the_screens_want_a_terminal(cli: Cli) -> None:
    for words in ([], ["demo"]):
        out = subprocess.run(
            [sys.executable, "-m", "deployx_tui", *words],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert out.returncode == 2, out
        assert "need a terminal" in out.stderr


def test_the_doctor_finds_what_others_can_read_and_mends_it(cli: Cli) -> None:
    database: Path = next((cli.folder / "data").glob("*.db"))
    cli("doctor")
    database.chmod(0o644)
    assert str(database) in cli("doctor", status=1).out
    cli("doctor", "--fix")
    assert database.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("typed", [[], ["elsewhere"]])
def test_a_folder_that_others_can_write_is_5_until_the_doctor_mended_it(cli: Cli, typed: list[str]) -> None:
    folder = cli.folder / "data"
    options = []
    if typed:
        folder = folder.rename(cli.folder / "elsewhere")
        options = ["--db", f"sqlite:///{next(folder.glob('*.db'))}"]
    folder.chmod(0o775)
    assert f"chmod 700 {folder}, or deployx doctor --fix" in cli(*options, "task", "list", status=5).err
    cli(*options, "doctor", "--fix")
    assert "nightly-backup" in cli(*options, "task", "list").out


def test_a_home_that_others_can_read_may_hold_a_database_and_is_left_as_it_is(cli: Cli) -> None:
    home = (cli.folder / "data").rename(cli.folder / "home")
    home.chmod(0o755)
    options = ["--db", f"sqlite:///{next(home.glob('*.db'))}"]
    assert "nightly-backup" in cli(*options, "task", "list").out
    cli(*options, "doctor", "--fix")
    assert home.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("mode", [0o777, 0o1777])
def test_what_is_not_deployxs_is_never_closed_and_nobody_advises_it(cli: Cli, mode: int) -> None:
    folder = cli.folder / "decoy"
    folder.mkdir()
    file = folder / "passwd"
    file.write_text("root:x:0:0:root:/root:/bin/sh\n")
    file.chmod(0o644)
    folder.chmod(mode)
    options = ["--db", f"sqlite:///{file}"]
    for words in (["task", "list"], ["task", "run", "x"]):
        refused = cli(*options, *words, status=5).err
        assert f"{file} is not a database; name another one with --db" in refused
        assert "chmod" not in refused
        assert "doctor" not in refused
    said = cli(*options, "doctor", "--fix", status=1).out
    assert "is not a database" in said
    assert f"chmod 600 {file}" not in said
    assert f"chmod 700 {folder}" not in said
    assert (folder.stat().st_mode & 0o7777, file.stat().st_mode & 0o777) == (mode, 0o644)


def test_a_folder_that_accounts_share_is_not_closed_for_the_database_in_it(cli: Cli) -> None:
    folder = (cli.folder / "data").rename(cli.folder / "shared")
    folder.chmod(0o1777)
    options = ["--db", f"sqlite:///{next(folder.glob('*.db'))}"]
    assert "one that accounts share; name a folder of your own" in cli(*options, "task", "list", status=5).err
    cli(*options, "doctor", "--fix", status=1)
    assert folder.stat().st_mode & 0o7777 == 0o1777


def test_a_file_that_is_no_key_is_not_closed_as_the_vaults(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    file = cli.folder / "notes"
    file.write_text("not a key\n")
    file.chmod(0o644)
    monkeypatch.setenv("DEPLOYX_VAULT_KEY", str(file))
    assert "holds nothing of deployx" in cli("doctor", "--fix", status=1).out
    assert file.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("answer", "verdict"), [("yes", "good"), ("no", "warning"), ("", "unknown"), (None, "unknown")]
)
def test_a_clock_that_nobody_vouches_for_is_unknown_and_not_bad(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: str | None, verdict: str
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    if answer is not None:
        (programs / "timedatectl").write_text(f"#!/bin/sh\necho {answer}\n")
        (programs / "timedatectl").chmod(0o700)
    monkeypatch.setenv("PATH", str(programs))
    checks = cli("doctor", "--json").document
    assert [check["verdict"] for check in checks if check["check"] == "clock"] == [verdict]
    mark = {"good": "✓", "warning": "!", "unknown": "·"}[verdict]
    assert any(line.startswith(f"{mark} {verdict}") and " clock " in line for line in cli("doctor").out.splitlines())


def test_everything_is_stopped_only_when_it_is_meant(cli: Cli) -> None:
    refused = cli("execution", "stop-all", status=2)
    assert "add --yes" in refused.err
    assert cli("execution", "stop-all", "--yes").out == "asked 0 runs with 0 targets to stop\n"
    assert cli("execution", "stop-all", "--yes", "--json").document == {"executions": 0, "targets": 0}


def test_the_folders_are_shown_with_what_chose_them(cli: Cli) -> None:
    shown = cli("config", "show", "--json").document
    for name, folder, variable in (
        ("data_folder", "data", "DEPLOYX_DATA"),
        ("config_folder", "config", "DEPLOYX_CONFIG_DIR"),
        ("runtime_folder", "run", "DEPLOYX_RUNTIME"),
    ):
        assert shown[name] == {"value": str(cli.folder / folder), "origin": f"environment {variable}"}
    settings = cli("doctor").out.splitlines()[0]
    assert "not default: timezone, data_folder, config_folder, runtime_folder" in settings


def test_a_folder_that_nothing_chose_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEPLOYX_DATA", raising=False)
    assert {each.name: each.origin for each in folders()}["data_folder"] == "default"


def test_the_doctor_says_how_an_engine_ends_as_it_stands() -> None:
    service = replace(ENGINE, is_service=True)
    assert ending_words(service) == "; kill 1 drains and ends it"
    assert (
        ending_words(replace(service, is_stopping=True))
        == "; it drains and then ends; kill 1 cancels what it waits for"
    )
    assert ending_words(ENGINE) == ""
