"""`deployx task`: made, tried, changed, run, stopped; and what a person can get wrong."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployx_tui.cli.task import until_when
from tests.integration.cli.conftest import ENGINE, Cli

RULE = ("--on", "web01", "--command", "true")


def added(cli: Cli, *options: str, name: str = "fresh") -> dict[str, Any]:
    document: dict[str, Any] = cli("task", "add", name, "--json", *options).document
    return document


@pytest.mark.parametrize(
    ("options", "config"),
    [
        (["--daily", "03:00"], {"type": "daily", "time": "03:00"}),
        (["--daily", "03:00,15:30"], {"type": "daily", "times": ["03:00", "15:30"]}),
        (["--weekly", "mon,thu@03:00"], {"type": "weekly", "days_of_week": [0, 3], "time": "03:00"}),
        (["--monthly", "31@03:00"], {"type": "monthly", "day_of_month": 31, "time": "03:00"}),
        (["--monthly", "1,15,last@03:00"], {"type": "monthly", "days": [1, 15, "last"], "time": "03:00"}),
        (["--cron", "*/5 * * * *"], {"type": "custom", "cron_expression": "*/5 * * * *"}),
    ],
)
def test_the_recurrences(cli: Cli, options: list[str], config: dict[str, Any]) -> None:
    found = added(cli, *RULE, *options)["recurrence_config"]
    assert {key: value for key, value in found.items() if value is not None} == config


def test_a_single_run_is_typed_in_its_zone(cli: Cli) -> None:
    made = added(cli, *RULE, "--at", "2099-12-24T03:00", "--zone", "America/New_York")
    assert made["scheduled_time"] == "2099-12-24T03:00:00-05:00"
    assert made["next_execution"] == "2099-12-24T03:00:00-05:00"
    assert made["recurrence_type"] == "once"


def test_every_option_reaches_the_task(cli: Cli) -> None:
    made = added(
        cli, "--on", "@web&!web02", "--command", "one", "--command", "two", "--keep-going", "--monthly", "31@03:00",
        "--zone", "Asia/Tokyo", "--start", "2098-01-01", "--end", "2099-01-01T12:00", "--overlap", "parallel:3",
        "--grace", "2h", "--timeout", "90s", "--gap", "skip", "--fold", "both", "--short-month", "last",
        "--shell", "bash", "--env", "B=2", "--env", "A=x=y", "--cwd", "/tmp", "--success-codes", "0,3010", "--durable",
        "--tag", "prod", "--tag", "night", "--description", "why it is",
        "--run-as", "su:app", "--umask", "027",
    )  # fmt: skip
    assert made["selector"] == "@web&!web02"
    assert made["payload"]["commands"] == ["one", "two"]
    assert made["payload"]["stop_on_failure"] is False
    assert made["payload"]["environment"] == {"A": "x=y", "B": "2"}
    assert (made["payload"]["shell"], made["payload"]["working_directory"]) == ("bash", "/tmp")
    assert made["payload"]["success_codes"] == [0, 3010]
    assert made["payload"]["durable"] is True
    assert made["payload"]["run_as"] == {"method": "su", "user": "app"}
    assert (made["payload"]["umask"], made["payload"]["tty"]) == ("027", False)
    assert (made["gap"], made["fold"], made["short_month"]) == ("skip", "both", "last")
    assert (made["overlap"], made["grace_seconds"], made["timeout_seconds"]) == ("parallel:3", 7200, 90)
    assert (made["start"], made["end"]) == ("2098-01-01T00:00:00+09:00", "2099-01-01T12:00:00+09:00")
    assert made["next_execution"] == "2098-01-31T03:00:00+09:00"
    assert (made["tags"], made["description"], made["target_count"]) == (["night", "prod"], "why it is", 1)
    shown = cli("task", "show", "fresh").out
    assert re.search(r"^downtime +one late run, within 2h$", shown, re.MULTILINE)
    assert "disconnected: goes on (durable)\n" in shown


def test_a_script_comes_from_a_file_or_from_standard_input(cli: Cli, tmp_path: Path) -> None:
    script = tmp_path / "job.sh"
    script.write_text("echo one\necho two\n")
    from_file = added(cli, "--on", "web01", "--script", str(script), "--daily", "03:00")
    assert from_file["payload"]["script"] == "echo one\necho two\n"
    from_stdin = cli(
        "task", "add", "other", "--on", "web01", "--script", "-", "--daily", "03:00", "--json", stdin="exit 0\n"
    ).document
    assert from_stdin["payload"]["script"] == "exit 0\n"
    script.write_bytes(b"\xef\xbb\xbfecho one\r\necho two\r\n")
    of_windows = added(cli, "--on", "web01", "--script", str(script), "--daily", "03:00", name="of-windows")
    assert of_windows["payload"]["script"] == "echo one\necho two\n"


def test_names_for_the_selector_come_from_standard_input(cli: Cli) -> None:
    made = cli(
        "task", "add", "x", "--on", "-", "--command", "true", "--daily", "03:00", "--json", stdin="web01\ndb01\n"
    ).document
    assert (made["selector"], made["target_count"]) == ("web01,db01", 2)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--on", "web01", "--command", "x"], "schedule: it is not said when to run"),
        ([*RULE], "schedule: it is not said when to run"),
        ([*RULE, "--daily", "03:00", "--cron", "* * * * *"], "--cron: --daily is there too"),
        ([*RULE, "--daily", "25:00"], "--daily: '25:00' is not a time of day"),
        ([*RULE, "--daily", ""], "--daily: '' is not a time of day"),
        ([*RULE, "--weekly", "monday"], "--weekly: 'monday' is not DAYS@TIME"),
        ([*RULE, "--weekly", "xyz@03:00"], "--weekly: 'xyz' is not a day of the week"),
        ([*RULE, "--monthly", "32@03:00"], "--monthly: '32' is not a day of the month"),
        ([*RULE, "--monthly", "1"], "--monthly: '1' is not DAYS@TIME"),
        ([*RULE, "--cron", "* * * *"], "--cron: it has 4 fields"),
        ([*RULE, "--cron", "0 0 30 2 *"], "--cron:"),
        ([*RULE, "--cron", "@reboot"], "--cron: @reboot names no time"),
        ([*RULE, "--at", "yesterday"], "--at: 'yesterday' is not a date and time"),
        ([*RULE, "--at", "2020-01-01T00:00"], "--at: it is in the past"),
        ([*RULE, "--at", "2027-03-28T02:30"], "--at: 2027-03-28 02:30 does not exist in Europe/Berlin"),
        ([*RULE, "--daily", "03:00", "--zone", "Mars"], "--zone: 'Mars' is not a time zone"),
        ([*RULE, "--daily", "03:00", "--end", "2020-01-01"], "--end: no run is left before it"),
        (
            [*RULE, "--daily", "03:00", "--start", "2099-01-02", "--end", "2099-01-01"],
            "--end: it lies before the start",
        ),
        ([*RULE, "--daily", "03:00", "--short-month", "last"], "--short-month: it belongs to a monthly rule"),
        ([*RULE, "--daily", "03:00", "--timeout", "90"], "--timeout: '90' has no unit"),
        ([*RULE, "--daily", "03:00", "--timeout", "0s"], "--timeout: it is shorter than a second"),
        ([*RULE, "--daily", "03:00", "--grace", "soon"], "--grace: 'soon' is not a duration"),
        ([*RULE, "--daily", "03:00", "--overlap", "queue"], "--overlap: 'queue' is not an overlap rule"),
        ([*RULE, "--daily", "03:00", "--shell", "tcsh"], "--shell: 'tcsh' is not a shell"),
        ([*RULE, "--daily", "03:00", "--env", "A"], "--env: 'A' is not NAME=VALUE"),
        ([*RULE, "--daily", "03:00", "--env", "PATH=/x"], "--env: PATH decides which code runs"),
        ([*RULE, "--daily", "03:00", "--env", "lower=x"], "--env: 'lower' is not a name"),
        ([*RULE, "--daily", "03:00", "--cwd", " "], "--cwd: it is blank"),
        ([*RULE, "--daily", "03:00", "--success-codes", "0,x"], "--success-codes: 'x' is not an exit code"),
        ([*RULE, "--daily", "03:00", "--run-as", "pbrun:app"], "--run-as: 'pbrun' is no way to another account"),
        ([*RULE, "--daily", "03:00", "--run-as", "-u"], "--run-as: it is not a login name"),
        ([*RULE, "--daily", "03:00", "--sudo", "--run-as", "su:app"], "--sudo: --run-as su:app says otherwise"),
        ([*RULE, "--daily", "03:00", "--tty", "--durable"], "--tty: a durable run can have no terminal"),
        ([*RULE, "--daily", "03:00", "--umask", "9"], "--umask: '9' is no umask"),
        ([*RULE, "--daily", "03:00", "--keep-going"], "--keep-going: there is one command only"),
        ([*RULE, "--daily", "03:00", "--tag", "a,b"], "--tag: ',' has a meaning in selectors"),
        ([*RULE, "--daily", "03:00", "--description", "\x1b[31m"], "--description: it holds the invisible character"),
        ([*RULE, "--daily", "03:00", "--script", "x"], "--script: --command is there too"),
        (["--on", "web01", "--daily", "03:00"], "--command: there is nothing to run"),
        (["--on", "web01", "--daily", "03:00", "--command", " "], "--command: there is nothing to run"),
        (["--on", "web01", "--daily", "03:00", "--command", "a\nb"], "--command: it has several lines"),
        (["--on", "web01", "--daily", "03:00", "--script", "/nonexistent"], "--script: /nonexistent can't be read"),
        (["--command", "true", "--daily", "03:00"], "--on: there is nothing to run on"),
        (["--on", "", "--command", "true", "--daily", "03:00"], "--on: there is nothing to run on"),
        (["--on", "nobody", "--command", "true", "--daily", "03:00"], "--on: there is no device or group 'nobody'"),
        (["--on", "os:", "--command", "true", "--daily", "03:00"], "--on: the name after os: is missing"),
        (["--on", "-", "--command", "true", "--daily", "03:00"], "--on: no name on standard input"),
    ],
)
def test_what_is_wrong_is_told_by_its_flag_with_a_remedy(cli: Cli, options: list[str], says: str) -> None:
    answer = cli("task", "add", "fresh", *options, status=2)
    assert answer.raw == b""
    problem, remedy = answer.err.splitlines()[:2]
    assert problem.startswith(f"error: {says}"), answer.err
    assert remedy.strip()
    assert cli("task", "add", "fresh", *options, "--dry-run", status=2).err == answer.err


@pytest.mark.parametrize("name", ["", " ", "a\x1bb", "a\u202eb", "x" * 201])
def test_a_name_that_can_not_be_kept_is_refused(cli: Cli, name: str) -> None:
    assert "error: NAME:" in cli("task", "add", name, *RULE, "--daily", "03:00", status=2).err


def test_a_name_is_kept_in_one_form(cli: Cli) -> None:
    assert added(cli, *RULE, "--daily", "03:00", name="  cafe\u0301 ")["task_name"] == "caf\u00e9"


def test_a_dry_run_says_all_and_changes_nothing(cli: Cli) -> None:
    options = ["--on", "@web", "--command", "uname -a", "--daily", "02:30", "--start", "2027-03-27", "--dry-run"]
    answer = cli("task", "add", "fresh", *options)
    for part in ("web01", "web02", "@web", "uname -a", "2027-03-27 02:30:00+01:00", "2027-03-28 03:00:00+02:00"):
        assert part in answer.out
    assert "runs right after the change" in answer.out
    assert answer.err == "nothing was changed\n"
    document = cli("task", "add", "fresh", *options, "--json").document
    assert [row["device"] for row in document["targets"]] == ["web01", "web02"]
    assert (len(document["fires"]), document["fires"][1]["note"]) == (10, "shifted")
    cli("task", "show", "fresh", status=3)


def test_what_schedules_says_that_no_engine_stays(cli: Cli) -> None:
    answer = cli("task", "add", "fresh", *RULE, "--daily", "03:00")
    assert "no engine stays running" in answer.err
    assert "deployx --serve" in answer.err
    assert "no engine stays running" in cli("task", "edit", "fresh", "--daily", "04:00").err
    cli("task", "pause", "fresh")
    assert "no engine stays running" in cli("task", "resume", "fresh").err
    assert cli("-q", "task", "add", "quiet", *RULE, "--daily", "03:00").err == ""


@pytest.mark.parametrize(
    ("is_service", "clients", "says"),
    [
        (True, 1, ""),
        (True, 3, ""),
        (False, 1, "no engine stays running here"),
        (False, 3, "tasks fire until the last deployx here is closed (2 open now)"),
    ],
)
def test_how_long_tasks_fire_is_said_as_it_is(is_service: bool, clients: int, says: str) -> None:
    words = until_when(replace(ENGINE, is_service=is_service, clients=clients))
    assert words.startswith(says)
    assert bool(words) is bool(says)


def test_a_step_that_leads_nowhere_is_warned_of_wherever_a_rule_is_tried(cli: Cli) -> None:
    words = "the minute */90 means minute 0 only: a step begins anew each hour"
    rule = ["--cron", "*/90 * * * *"]
    assert words in cli("task", "next", *rule).err
    assert words in cli("task", "next", "*/90 * * * *").err
    assert words in cli("task", "add", "fresh", *RULE[:2], "--command", "true", *rule, "--dry-run").out
    document = cli("task", "add", "fresh", *RULE, *rule, "--dry-run", "--json").document
    assert any(words in warning for warning in document["warnings"])
    assert words in cli("task", "add", "fresh", *RULE, *rule).err
    assert "step" not in cli("task", "next", "--cron", "*/45 * * * *").err


def test_an_option_is_named_as_it_is_typed(cli: Cli) -> None:
    assert "(--short-month last takes" in cli("task", "add", "x", *RULE, "--monthly", "31@03:00", "--dry-run").out


def finish(cli: Cli, task: int) -> None:
    """As the engine does at the end of a task's last run."""
    with contextlib.closing(sqlite3.connect(cli.folder / "data" / "deployx.db")) as database, database:
        database.execute("UPDATE scheduled_tasks SET state='finished', next_execution=NULL WHERE id=?", (task,))


def test_a_finished_task_says_what_would_arm_it(cli: Cli) -> None:
    number = added(cli, *RULE, "--daily", "05:00")["id"]
    finish(cli, number)
    refused = cli("task", "resume", "fresh", status=1).err
    assert f"deployx task edit {number} --daily 03:00, or --at TIME" in refused


def test_an_edit_that_leaves_instants_arms_a_finished_task(cli: Cli) -> None:
    number = added(cli, *RULE, "--daily", "05:00")["id"]
    finish(cli, number)
    same = cli("task", "edit", "fresh", "--daily", "05:00", "--json").document
    assert (same["status"], same["next_execution"] is None) == ("pending", False)
    finish(cli, number)
    cli("task", "edit", "fresh", "--description", "again")
    assert cli("task", "show", "fresh", "--json").document["next_execution"] is not None


def test_an_edit_that_leaves_none_says_why_it_stays_finished(cli: Cli) -> None:
    number = added(cli, *RULE, "--daily", "05:00", "--end", "2099-01-01")["id"]
    finish(cli, number)
    with contextlib.closing(sqlite3.connect(cli.folder / "data" / "deployx.db")) as database, database:
        draft = "replace(draft, '2098-12-31', '2019-12-31'), created_at=0"
        database.execute("UPDATE scheduled_tasks SET created_at=0 WHERE id=?", (number,))
        database.execute(f"UPDATE task_versions SET draft={draft} WHERE task_id=?", (number,))
    answer = cli("task", "edit", "fresh", "--daily", "05:00")
    assert answer.out.startswith(f"changed task fresh ({number}): finished, on 1 device")
    assert "it stays finished: no time is left before its end 2020-01-01" in answer.err
    assert "--end none takes the end away" in answer.err


def test_a_shell_that_no_target_has_is_warned_of(cli: Cli) -> None:
    words = "cmd can't run on a POSIX target; choose sh, bash or zsh"
    options = ["--on", "web01", "--command", "dir", "--daily", "03:00"]
    assert words in cli("task", "add", "dir", *options, "--shell", "cmd", "--dry-run").out
    assert words in cli("task", "add", "dir", *options, "--shell", "cmd").err
    assert "POSIX" not in cli("task", "add", "ls", *options, "--shell", "zsh").err


def test_a_name_that_another_task_has_is_taken_with_a_word(cli: Cli) -> None:
    options = ["--on", "web01", "--command", "true", "--daily", "03:00"]
    assert "another task" not in cli("task", "add", "once", *options).err
    second = cli("task", "add", "once", *options)
    assert "another task has the name once" in second.err
    assert "made task once (" in second.out
    assert (
        "another task has the name nightly-backup"
        in cli("task", "edit", second.out.split("(")[1].split(")")[0], "--name", "nightly-backup").err
    )
    assert "another task" not in cli("task", "edit", "once", "--daily", "04:00").err
    assert "another task has the name once" in cli("task", "add", "once", *options, "--dry-run").out
    assert "another task" not in cli("task", "edit", "once", "--daily", "04:30", "--dry-run").out
    assert "another task has" in cli("task", "edit", "once", "--name", "nightly-backup", "--dry-run").out


def test_an_edit_changes_what_is_given_and_keeps_the_rest(cli: Cli) -> None:
    before = added(cli, *RULE, "--monthly", "31@03:00", "--short-month", "last", "--timeout", "5m", "--cwd", "/tmp")
    after = cli("task", "edit", "fresh", "--monthly", "30@04:00", "--timeout", "none", "--json").document
    assert after["recurrence_config"]["day_of_month"] == 30
    assert after["timeout_seconds"] is None
    kept = ("task_name", "selector", "payload", "short_month", "timezone", "grace_seconds")
    assert {key: before[key] for key in kept} == {key: after[key] for key in kept}
    assert after["version"] == before["version"] + 1
    renamed = cli("task", "edit", str(after["id"]), "--name", "other", "--command", "false", "--cwd", "none", "--json")
    assert (renamed.document["task_name"], renamed.document["payload"]["command"]) == ("other", "false")
    assert renamed.document["payload"]["working_directory"] is None


def test_an_edit_that_can_not_be_meant_changes_nothing(cli: Cli) -> None:
    assert "error: --cron:" in cli("task", "edit", "nightly-backup", "--cron", "x", status=2).err
    assert "error: --on:" in cli("task", "edit", "nightly-backup", "--on", "nobody", status=2).err
    assert cli("task", "show", "nightly-backup", "--json").document["version"] == 1
    assert cli("task", "edit", "nightly-backup", "--daily", "05:00", "--dry-run").err == "nothing was changed\n"
    assert cli("task", "show", "nightly-backup", "--json").document["version"] == 1


@pytest.mark.parametrize(
    "words",
    [["show", "nobody"], ["edit", "nobody", "--daily", "03:00"], ["duplicate", "nobody"], ["pause", "nobody"],
     ["resume", "nobody"], ["run", "nobody"], ["cancel", "nobody"], ["rm", "nobody", "--yes"], ["next", "nobody"],
     ["show", "99"], ["list", "--on", "nobody"]],
)  # fmt: skip
def test_what_is_not_there_is_not_found(cli: Cli, words: list[str]) -> None:
    answer = cli("task", *words, status=3)
    assert "not found" in answer.err
    assert answer.raw == b""


def test_a_name_that_fits_several_tasks_lists_them(cli: Cli) -> None:
    first = added(cli, *RULE, "--daily", "03:00", name="twin")["id"]
    second = added(cli, *RULE, "--daily", "03:00", name="twin")["id"]
    answer = cli("task", "show", "twin", status=2)
    assert "ambiguous" in answer.err
    assert str(first) in answer.err
    assert str(second) in answer.err
    assert cli("task", "show", str(second), "--json").document["id"] == second


def test_a_copy_is_paused_and_says_so(cli: Cli) -> None:
    answer = cli("task", "duplicate", "nightly-backup")
    assert "nightly-backup-copy" in answer.out
    assert "it is paused" in answer.err
    copy = cli("task", "show", "nightly-backup-copy", "--json").document
    assert (copy["status"], copy["next_execution"]) == ("paused", None)
    assert cli("task", "duplicate", "nightly-backup", "second", "--json").document["task_name"] == "second"


def test_pause_and_resume_take_several_and_tell_the_next_run(cli: Cli) -> None:
    added(cli, *RULE, "--daily", "03:00")
    cli("task", "pause", "nightly-backup", "fresh")
    paused = cli("task", "list", "--state", "paused", "--json").document
    assert {one["task_name"] for one in paused} == {"nightly-backup", "fresh"}
    assert "next 20" in cli("task", "resume", "nightly-backup").out
    assert cli("task", "resume", "nightly-backup", status=1).err.startswith("error: ")


def test_a_run_gives_its_id_or_is_followed(cli: Cli) -> None:
    number = cli("task", "run", "nightly-backup", "--json").document["execution_id"]
    assert cli("execution", "show", str(number), "--json").document["task_name"] == "nightly-backup"
    cli("execution", "follow", str(number))
    followed = cli("task", "run", "nightly-backup", "--wait")
    assert "web01 │ backed up" in followed.out
    narrowed = cli("task", "run", "nightly-backup", "--on", "web02", "--wait", "--json").lines
    assert narrowed[-1]["execution"]["counts"]["total"] == 1


def test_a_followed_run_ends_as_its_worst_target(cli: Cli) -> None:
    added(cli, "--on", "@web", "--command", "exit 4", "--daily", "03:00")
    rows = [line.split() for line in cli("task", "run", "fresh", "--wait", status=1).out.splitlines()]
    assert [row[:3] for row in rows if row[0] in ("web01", "web02")] == [
        ["web01", "failed", "4"],
        ["web02", "failed", "4"],
    ]


def test_deleting_asks_and_keeps_the_history(cli: Cli) -> None:
    cli("task", "run", "nightly-backup", "--wait")
    refused = cli("task", "rm", "nightly-backup", status=2)
    assert "--yes" in refused.err
    assert "deleted nightly-backup" in cli("task", "rm", "nightly-backup", "--yes").out
    cli("task", "show", "nightly-backup", status=3)
    names = [one["task_name"] for one in cli("execution", "list", "--json").document["executions"]]
    assert "nightly-backup" in names


def test_next_takes_a_name_an_expression_or_a_rule(cli: Cli) -> None:
    by_name = cli("task", "next", "nightly-backup", "--count", "3", "--json").document
    assert [fire["note"] for fire in by_name] == [None, None, None]
    since = ["--from", "2027-03-27", "--count", "3", "--json"]
    expression = cli("task", "next", "30 2 * * *", *since).document
    rule = cli("task", "next", "--daily", "02:30", *since).document
    assert expression == rule
    assert [fire["at"] for fire in rule] == [
        "2027-03-27T01:30:00+00:00",
        "2027-03-28T01:00:00+00:00",
        "2027-03-29T00:30:00+00:00",
    ]
    skipping = cli("task", "next", "--daily", "02:30", "--gap", "skip", *since).document
    assert [fire["at"][5:10] for fire in skipping] == ["03-27", "03-29", "03-30"]
    assert cli("task", "next", "@daily", "--count", "1", "--zone", "UTC").out.count(" 00:00:00+00:00") == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nightly-backup", "--daily", "03:00"], "NAME: a task and a rule are both there"),
        ([], "schedule: it is not said when to run"),
        (["* * * *"], "--cron: it has 4 fields"),
        (["--daily", "03:00", "--from", "x"], "--from: 'x' is not a date and time"),
    ],
)
def test_what_next_can_not_answer(cli: Cli, words: list[str], says: str) -> None:
    assert cli("task", "next", *words, status=2).err.startswith(f"error: {says}")


def test_a_list_is_searched_sorted_and_cut(cli: Cli) -> None:
    for name in ("alpha", "beta", "gamma"):
        added(cli, "--on", "db01", "--command", "true", "--daily", "03:00", "--tag", "greek", name=name)

    def names(*options: str) -> list[str]:
        return [one["task_name"] for one in cli("task", "list", "--json", *options).document]

    assert names("--sort", "name") == ["alpha", "beta", "gamma", "nightly-backup"]
    assert names("--sort", "name", "--reverse", "--limit", "2") == ["nightly-backup", "gamma"]
    assert names("--tag", "greek", "--sort", "name") == ["alpha", "beta", "gamma"]
    assert names("--on", "web01") == ["nightly-backup"]
    assert names("beta") == ["beta"]
    assert names("nothing-like-it") == []
    table = cli("task", "list", "--sort", "name").out.splitlines()
    assert table[0].split() == ["ID", "TASK", "STATE", "NEXT", "SCHEDULE", "ON", "LAST"]
    assert len(table) == 5


def test_an_empty_list_says_how_to_begin(empty: Cli) -> None:
    answer = empty("task", "list")
    assert (answer.raw, "deployx task add" in answer.err) == (b"", True)
    assert empty("task", "list", "--json").document == []


def test_cancel_stops_what_runs_and_says_when_nothing_does(cli: Cli) -> None:
    assert "nothing of it runs" in cli("task", "cancel", "nightly-backup").err
    assert cli("task", "cancel", "nightly-backup", "--json").document == []


def test_parameters_are_declared_changed_described_and_dropped(cli: Cli) -> None:
    made = added(
        cli, *RULE, "--daily", "03:00", "--param", "REGION:choice:eu,us=eu", "--param", "N:number=3", "--param", "V",
        "--param-help", "V=which one",
    )  # fmt: skip
    assert [(each["name"], each["type"], each["default"], each["required"]) for each in made["parameters"]] == [
        ("REGION", "choice", "eu", False),
        ("N", "number", "3", False),
        ("V", "text", None, True),
    ]
    cli("task", "edit", "fresh", "--param", "REGION=us", "--param", "W=1", "--no-param", "N")
    shown = cli("task", "show", "fresh", "--json").document["parameters"]
    assert [(each["name"], each["default"], each["choices"]) for each in shown] == [
        ("REGION", "us", ["eu", "us"]),
        ("V", None, []),
        ("W", "1", []),
    ]
    assert "which one" in cli("task", "show", "fresh").out
    assert "V has no default" in cli("task", "edit", "fresh", "--param", "W=2").err


def test_a_run_gives_values_and_keeps_them(cli: Cli) -> None:
    added(
        cli, "--on", "web01", "--command", 'printf "[%s]" "$REGION" "$V"', "--daily", "03:00", "--param",
        "REGION:choice:eu,us=eu", "--param", "V",
    )  # fmt: skip
    ran = cli("task", "run", "fresh", "--param", "V=$(id) 'x'", "--wait")
    assert "[eu][$(id) 'x']" in ran.out
    (number,) = {part[1:] for part in ran.out.split() if part.startswith("#")}
    shown = cli("execution", "show", number).out.splitlines()
    assert [line.split() for line in shown if line.startswith(("REGION", "V "))] == [
        ["REGION", "eu", "default"],
        ["V", "$(id)", "'x'", "given"],
    ]
    kept = cli("execution", "show", number, "--json").document["parameters"]
    assert {each["name"]: (each["value"], each["is_default"]) for each in kept} == {
        "REGION": ("eu", True),
        "V": ("$(id) 'x'", False),
    }


def test_a_run_without_a_task_gives_what_it_declares(cli: Cli) -> None:
    ran = cli("run", "--on", "web01", "--param", "WHO=me", "--", 'echo "$WHO"')
    (number,) = {part[1:] for part in ran.out.split() if part.startswith("#")}
    (kept,) = cli("execution", "show", number, "--json").document["parameters"]
    assert (kept["name"], kept["value"], kept["is_default"]) == ("WHO", "me", False)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], ["--param V", "has no value"]),
        (["--param", "V=1", "--param", "REGION=mars"], ["--param REGION", "choices", "eu | us"]),
        (["--param", "V=1", "--param", "REGIN=eu"], ["--param REGIN", "did you mean REGION"]),
        (["--param", "V"], ["--param", "NAME=VALUE"]),
        (["--param", "V=1", "--param", "V=2"], ["--param", "there twice"]),
    ],
)
def test_values_that_do_not_fit_are_told_by_flag_and_start_nothing(
    cli: Cli, options: list[str], words: list[str]
) -> None:
    added(cli, *RULE, "--daily", "03:00", "--param", "REGION:choice:eu,us=eu", "--param", "V")
    refused = cli("task", "run", "fresh", *options, status=2)
    assert all(word in refused.err for word in words), refused.err
    assert cli("execution", "list", "--task", "fresh", "--json").document["executions"] == []


def test_a_name_that_decides_which_code_runs_is_refused_at_its_flag(cli: Cli) -> None:
    refused = cli("task", "add", "fresh", *RULE, "--daily", "03:00", "--param", "LD_PRELOAD=/x.so", status=2)
    assert "--param: LD_PRELOAD decides which code runs" in refused.err


def test_a_run_without_a_task_gives_values_of_each_type(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "note").write_text("two\nlines\n")
    ran = cli(
        "run", "--on", "web01", "--param", "A=; exit 9", "--param", "B:boolean=yes", "--param",
        f"F:file={tmp_path}/note", "--", 'printf "[%s]" "$A" "$B" "$F"',
    )  # fmt: skip
    assert "[; exit 9][true][two" in ran.out
    assert "lines" in ran.out


def test_an_empty_zone_is_not_the_usual_one(cli: Cli) -> None:
    answer = cli("task", "next", "--cron", "0 9 * * *", "--zone", "", status=2)
    assert "--zone: '' is not a time zone" in answer.err
    assert "give an IANA name" in answer.err
