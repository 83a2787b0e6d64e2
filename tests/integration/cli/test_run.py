"""`deployx run` and `deployx execution`: what each host said, and an exit status that scripts can rely on."""

from __future__ import annotations

import os
import time
from pathlib import Path
from threading import Event

import pytest

from tests.integration.cli.conftest import Cli
from tests.support.require import require, require_program


def test_each_line_has_its_host_before_it(cli: Cli) -> None:
    answer = cli("run", "--on", "@web", "--", "echo", "hello")
    assert "web01 │ hello" in answer.out
    assert "web02 │ hello" in answer.out


def test_the_words_after_the_dashes_are_one_command_line(cli: Cli) -> None:
    assert "web01 │ 3" in cli("run", "--on", "web01", "--", "echo $((1+2))").out
    assert "web01 E x" in cli("run", "--on", "web01", "--", "echo", "x", ">&2").out


def test_the_exit_status_is_that_of_the_worst_target(cli: Cli) -> None:
    assert "7" in cli("run", "--on", "@web", "--", "exit 7", status=1).out
    cli("run", "--on", "@web", "--success-codes", "0,7", "--", "exit 7")


def test_a_durable_run_prints_as_any_other_and_leaves_nothing(cli: Cli) -> None:
    command = 'echo "hello $DEPLOYX_RUN"; ls -d /var/tmp/dx-$DEPLOYX_RUN; exit 7'
    answer = cli("run", "--on", "web01", "--durable", "--json", "--", command, status=1).lines
    said = [line["text"] for line in answer if "text" in line]
    (hello, folder) = "".join(said).split("\n")[:2]
    assert folder == f"/var/tmp/dx-{hello.removeprefix('hello ')}"
    # removed behind the result, by an engine that lives on for a moment
    until = time.monotonic() + 30
    while Path(folder).exists() and time.monotonic() < until:
        Event().wait(0.05)
    assert not Path(folder).exists()
    execution = answer[-1]["execution"]["id"]
    (target,) = cli("execution", "show", str(execution), "--json").document["targets"]
    assert (target["durable"], target["exit_code"]) == (True, 7)


def test_only_a_durable_task_may_expect_a_restart(cli: Cli) -> None:
    refused = cli(
        "task", "add", "kernel", "--on", "web01", "--command", "reboot", "--daily", "03:00", "--reboot", "expected",
        status=2,
    ).err  # fmt: skip
    assert "--reboot" in refused
    assert "durable" in refused


def test_json_is_a_line_a_piece_and_the_execution_at_the_end(cli: Cli) -> None:
    lines = cli("run", "--on", "web01", "--json", "--", "echo out; echo err >&2").lines
    assert {(line["stream"], line["text"]) for line in lines[:-1]} == {("stdout", "out\n"), ("stderr", "err\n")}
    assert lines[-1]["execution"]["outcome"] == "succeeded"


def test_a_detached_run_prints_its_id_only(cli: Cli) -> None:
    answer = cli("run", "--on", "web01", "--detach", "--", "true")
    assert answer.out.strip().isdigit()
    assert "deployx execution follow" in answer.err
    assert set(cli("run", "--on", "web01", "--detach", "--json", "--", "true").document) == {"execution_id"}


def test_options_reach_the_target(cli: Cli) -> None:
    options = ["--shell", "bash", "--env", "LEVEL=de bug", "--cwd", "/"]
    assert "web01 │ de bug bash /" in cli("run", "--on", "web01", *options, "--", "echo $LEVEL ${BASH##*/} $PWD").out


def test_it_runs_as_another_account(cli: Cli) -> None:
    require_program("sudo")
    require(os.geteuid() == 0, "root")
    options = ["--run-as", "nobody", "--umask", "027", "--cwd", "/", "--tty"]
    out = cli("run", "--on", "web01", *options, "--", "id -un; umask; test -t 0 && echo a terminal").out
    assert "web01 │ nobody" in out
    assert "web01 │ 0027" in out
    assert "web01 │ a terminal" in out
    plan = cli("run", "--on", "web01", "--sudo", "--dry-run", "--", "id").out
    assert "as: root, by sudo" in plan


def test_who_is_not_allowed_is_told_and_nothing_has_run(cli: Cli) -> None:
    require_program("sudo")
    answer = cli("run", "--on", "web01", "--run-as", "dxsudonobody", "--json", "--", "echo seen-to-run", status=1)
    (target,) = answer.lines[-1]["execution"]["targets"]
    assert (target["cause"], target["changed"]) == ("sudo", "no")
    assert len(answer.lines) == 1, "no line of output"


def test_a_timeout_kills_and_fails(cli: Cli) -> None:
    answer = cli("run", "--on", "web01", "--timeout", "1s", "--", "sleep 60", status=1)
    assert "timed out" in answer.out


def test_a_dry_run_runs_nothing(cli: Cli) -> None:
    before = len(cli("execution", "list", "--json").document["executions"])
    answer = cli("run", "--on", "@web", "--dry-run", "--", "rm", "-rf", "x")
    assert "web01" in answer.out
    assert "rm -rf x" in answer.out
    assert len(cli("execution", "list", "--json").document["executions"]) == before


def test_names_come_from_standard_input(cli: Cli) -> None:
    answer = cli("run", "--on", "-", "--", "echo hi", stdin="web01\nweb02\n")
    assert answer.out.count("hi") >= 2


def test_hostile_output_can_not_act_on_the_terminal(cli: Cli) -> None:
    answer = cli("run", "--on", "web01", "--", r"printf '\033]0;owned\007\033[31mred\n\302\233x\n'")
    assert "\x1b" not in answer.out
    assert "\x07" not in answer.out
    assert "\x9b" not in answer.out
    raw = cli("execution", "output", "2", "web01", "--raw")
    assert b"\x1b]0;owned\x07" in raw.raw


def test_many_targets_want_a_yes(cli: Cli) -> None:
    for number in range(10):
        cli("device", "add", f"extra{number}", "--transport", "local", "--tag", "extra")
    refused = cli("run", "--on", "*", "--", "true", status=2)
    assert "--yes" in refused.err
    assert "13 devices" in refused.err
    cli("run", "--on", "*", "--yes", "--", "true")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--on", "nobody", "--", "true"], "there is no device or group 'nobody'"),
        (["--on", "tag:nothing", "--", "true"], "--on: 'tag:nothing' matches no device"),
        (["--on", "web01&&", "--", "true"], "a name is missing"),
        (["--on", "web01", "--timeout", "10", "--", "true"], "--timeout: '10' has no unit"),
        (
            ["--on", "web01", "--shell", "tcsh", "--", "true"],
            "say one of sh, bash, zsh\n",
        ),
        (["--on", "web01", "--env", "x", "--", "true"], "--env: 'x' is not NAME=VALUE"),
        (["--on", "web01", "--env", "PATH=x", "--", "true"], "PATH decides which code runs"),
        (["--on", "web01", "--success-codes", "x", "--", "true"], "--success-codes: 'x' is not an exit code"),
        (["--on", "web01", "--", " "], "there is nothing to run"),
        (["--on", "-", "--", "true"], "--on: no name on standard input"),
        (["--on", "failed:99", "--", "true"], ""),
    ],
)
def test_what_can_not_be_run_is_refused(cli: Cli, words: list[str], says: str) -> None:
    answer = cli.any_status("run", *words)
    assert answer.status in (2, 3)
    assert answer.raw == b""
    assert says in answer.err


@pytest.mark.parametrize("words", [["--on", "web01"], ["--", "true"], ["--on", "web01", "--batch", "1", "--", "true"]])
def test_wrong_usage_is_said_on_standard_error(cli: Cli, words: list[str]) -> None:
    answer = cli("run", *words, status=2)
    assert answer.raw == b""
    assert answer.err


# ---- executions: number 1 succeeded on one of two targets


def test_history_is_another_word_for_executions(cli: Cli) -> None:
    assert cli("history", "list", "--json").document == cli("execution", "list", "--json").document


def test_a_list_is_narrowed(cli: Cli) -> None:
    cli("task", "run", "nightly-backup", "--wait")

    def numbers(*options: str) -> list[int]:
        return [one["id"] for one in cli("execution", "list", "--json", *options).document["executions"]]

    assert numbers() == [2, 1]
    assert numbers("--task", "nightly-backup") == [2]
    assert numbers("--status", "succeeded") == [2]
    assert numbers("--status", "partially_succeeded", "--status", "failed") == [1]
    assert numbers("--on", "db01") == []
    assert numbers("--since", "2d") == [2, 1]
    assert numbers("--since", "2099-01-01") == []
    assert numbers("--text", "backed") == [2]
    first = cli("execution", "list", "--limit", "1", "--json").document
    assert numbers("--limit", "1", "--cursor", first["next_cursor"]) == [1]


def test_an_execution_has_its_targets(cli: Cli) -> None:
    document = cli("execution", "show", "1", "--json").document
    assert sorted(target["state"] for target in document["targets"]) == ["failed", "succeeded"]
    assert document["outcome"] == "partially_succeeded"
    shown = cli("execution", "show", "1").out
    assert "web01" in shown
    assert "web02" in shown
    assert cli("execution", "targets", "1", "--json").document == document["targets"]


def test_output_of_one_target_is_exact_when_raw(cli: Cli) -> None:
    cli("run", "--on", "web01", "--", r"printf 'a\000b\377\nno end'; printf err >&2")
    raw = cli("execution", "output", "2", "web01", "--raw", "--stream", "stdout")
    assert raw.raw == b"a\0b\xff\nno end"
    assert cli("execution", "output", "2", "web01", "--raw", "--stream", "stderr").raw == b"err"


def test_output_of_all_targets_has_their_names(cli: Cli) -> None:
    out = cli("execution", "output", "1").out
    assert "made it" in out
    assert "web01" in out
    assert "web02" in out


def test_a_rerun_takes_what_failed(cli: Cli) -> None:
    lines = cli("execution", "rerun", "1", "--wait", "--json").lines
    assert lines[-1]["execution"]["counts"]["total"] == 1
    assert "execution_id" in cli("execution", "rerun", "1", "--json").document


def test_cancelling_what_is_over_is_an_error(cli: Cli) -> None:
    answer = cli.any_status("execution", "cancel", "1")
    assert answer.status == 1
    assert answer.err.startswith("error: ")


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["show", "99"], 3, "not found"),
        (["targets", "99"], 3, "not found"),
        (["output", "99"], 3, "not found"),
        (["output", "1", "db01"], 3, "not found"),
        (["output", "1", "nobody"], 3, "not found"),
        (["follow", "99"], 3, "not found"),
        (["cancel", "99"], 3, "not found"),
        (["rerun", "99"], 3, "not found"),
        (["show", "x"], 2, "x"),
        (["show", "0"], 2, "0"),
        (["show", "01"], 2, "no id"),
        (["show", "99999999999999999999"], 2, "no id"),
        (["output", "1", "--raw"], 2, "--raw"),
        (["list", "--since", "soon"], 2, "--since"),
        (["list", "--since", "2x"], 2, "say 30s, 10m, 2h, 7d"),
        (["list", "--status", "odd"], 2, "--status"),
        (["list", "--task", "nobody"], 3, "not found"),
        (["list", "--on", "nobody"], 3, "not found"),
        (["list", "--limit", "0"], 2, "--limit"),
        (["list", "--cursor", "???"], 2, "cursor"),
    ],
)
def test_what_can_not_be_shown_is_refused(cli: Cli, words: list[str], status: int, says: str) -> None:
    answer = cli("execution", *words, status=status)
    assert answer.raw == b""
    assert says in answer.err


def test_several_lines_are_a_script(cli: Cli) -> None:
    answer = cli("run", "--on", "web01", "--yes", "--", "echo one\necho two\n")
    assert "one" in answer.out
    assert "two" in answer.out
