"""Standard streams that are closed, full, in another encoding, or read by nobody. Real processes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import re
import struct
import subprocess
import sys
import termios

import pytest

from deployx_tui.model.ids import DeviceId, ExecutionId
from deployx_tui.store import history
from deployx_tui.store.clock import now_ms
from deployx_tui.store.database import Database
from tests.integration.cli.conftest import Cli
from tests.support.rows import add_run, draft


def shell(line: str, **more: str) -> subprocess.CompletedProcess[str]:
    """`line` in bash, with `deployx` for this program; the world is that of the fixture `cli`."""
    program = f'deployx() {{ "{sys.executable}" -m deployx_tui "$@"; }}\n{line}'
    return subprocess.run(
        ["bash", "-c", program], env={**os.environ, **more}, capture_output=True, text=True, check=False, timeout=120
    )


def test_a_closed_standard_input_has_no_names_and_no_answer(cli: Cli) -> None:
    names = shell("deployx run --on - -- true <&-")
    assert (names.returncode, "no name on standard input" in names.stderr) == (2, True)
    answer = shell("deployx --in-process task rm nightly-backup <&-")
    assert (answer.returncode, "--yes" in answer.stderr) == (2, True)


def test_a_closed_standard_output_is_no_error(cli: Cli) -> None:
    answer = shell("deployx execution output 1 web01 --raw >&-")
    assert (answer.returncode, answer.stderr) == (0, "")


def test_closed_streams_do_not_change_the_exit_status_and_no_file_takes_their_place(cli: Cli) -> None:
    assert shell("deployx --in-process run --on web01 -- true >&- 2>&- <&-").returncode == 0
    assert cli("doctor", "--json").document


def test_an_output_that_can_not_be_written_is_said_in_a_line(cli: Cli) -> None:
    answer = shell("deployx task list >/dev/full")
    assert answer.returncode == 1
    assert answer.stderr == "error: the output can't be written: No space left on device\n"


def test_messages_that_can_not_be_written_leave_the_exit_status(cli: Cli) -> None:
    assert shell("deployx task show nobody 2>/dev/full").returncode == 3


def test_a_locale_without_our_signs_shows_their_codes(cli: Cli) -> None:
    answer = shell("deployx execution list", PYTHONIOENCODING="latin-1")
    assert answer.returncode == 0, answer.stderr
    assert r"\u2717 failed" in answer.stdout or "! partly" in answer.stdout


def test_a_run_that_nobody_reads_on_is_unknown(cli: Cli) -> None:
    answer = shell(
        "deployx --in-process run --on web01 -- seq 300000 | head -n 1; exit ${PIPESTATUS[0]}",
    )
    assert answer.stdout == "web01 │ 1\n"
    assert answer.returncode == 6
    assert "deployx execution show 2 says how it ends" in answer.stderr


def test_output_is_json_where_json_is_asked_for(cli: Cli) -> None:
    said = cli("execution", "output", "1", "--json").document
    assert {"made it\n", "and says so\n"} <= {piece["text"] for piece in said}
    assert {"device", "device_id", "stream", "offset", "at", "text"} == set(said[0])
    one = cli("execution", "output", "1", "web01", "--json", "--stream", "stderr").document
    assert {piece["stream"] for piece in one} <= {"stderr"}
    lines = cli("execution", "output", "1", "web01", "--json", "--follow").lines
    assert {line["device"] for line in lines} == {"web01"}
    cli("execution", "output", "1", "web01", "--json", "--raw", status=2)


def test_a_cancel_that_is_not_waited_for_is_json_too(cli: Cli) -> None:
    database = Database.open(f"sqlite:///{cli.folder / 'data' / 'deployx.db'}")
    with database.write() as c:
        owner = history.owner_of(c, ExecutionId(1))
        assert owner is not None
        # long enough that whoever takes it over can't have ended it before the cancel
        what = draft(command="sleep 600", device_ids=(DeviceId(1),))
        left = add_run(c, owner, now_ms=now_ms(), what=what)
    database.close()
    assert cli("execution", "cancel", str(left), "--detach", "--json").document == {"execution_id": left}
    assert "cancelled" in cli("execution", "show", str(left)).out


def on_a_terminal(columns: int, *words: str) -> list[str]:
    """The lines that `deployx WORDS` shows on a terminal so wide."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with os.fdopen(ours, "rb", buffering=0) as screen:
        done = subprocess.run(
            [sys.executable, "-m", "deployx_tui", *words], stdin=theirs, stdout=theirs, check=False, timeout=120
        )
        os.close(theirs)
        said = b""
        # Linux says EIO where the last writer is gone
        with contextlib.suppress(OSError):
            while piece := screen.read(65536):
                said += piece
    assert done.returncode == 0
    return said.decode().replace("\r", "").splitlines()


def test_a_long_command_gives_way_on_a_terminal_and_is_whole_in_a_pipe_and_in_json(cli: Cli) -> None:
    command = "true " + "and-one-more-word " * 8
    cli("run", "--on", "web01", "--", *command.split())
    head, newest, *_ = on_a_terminal(100, "execution", "list")
    assert len(head) <= 100
    assert len(newest) <= 100
    assert "✓ succeeded" in newest
    assert "… " in newest
    assert command.strip() in cli("execution", "list").out
    assert command.strip() in cli("execution", "list", "--json").document["executions"][0]["task_name"]


@pytest.mark.parametrize(
    ("words", "gone", "stays"),
    [
        (("execution", "list"), "  BY  ", "  STATE  "),
        (("task", "list"), "  SCHEDULE  ", "  NEXT  "),
        (("device", "list"), "  TAGS", "  CONTACT"),
    ],
)
def test_on_a_narrow_terminal_columns_go_before_a_line_breaks(
    cli: Cli, words: tuple[str, ...], gone: str, stays: str
) -> None:
    cli("execution", "rerun", "1", "--scope", "all", "--wait", status=1)
    wide = cli(*words).out.splitlines()
    assert gone in wide[0]
    lines = on_a_terminal(72, *words)
    assert gone not in lines[0]
    assert stays in lines[0]
    assert len(lines) == len(wide)
    assert max(map(len, lines)) <= 72


def test_the_output_of_all_targets_has_the_same_marks_in_every_command(cli: Cli) -> None:
    stored = cli("execution", "output", "1").out.splitlines()
    assert {"│ made it", "E and says so"} <= {line.partition(" ")[2] for line in stored}
    followed = cli("execution", "follow", "1", status=1).out.splitlines()
    assert [line for line in followed if " │ " in line or " E " in line] == stored


def test_who_started_a_run_and_when_have_one_form(cli: Cli) -> None:
    me = pwd.getpwuid(os.geteuid()).pw_name
    cli("execution", "rerun", "1", "--scope", "all", "--wait", status=1)
    rerun, adhoc = cli("execution", "list").out.splitlines()[1:3]
    assert f"  {me}, rerun  " in rerun
    assert f"  {me}  " in adhoc
    assert re.search(rf"^started by +{me}$", cli("execution", "show", "1").out, re.M)
    instants = [*cli("task", "next", "nightly-backup", "--count", "1").out.splitlines()[1:], adhoc]
    assert all(re.search(r" \d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d\b", line) for line in instants), instants


def test_a_signal_is_said_in_the_same_words_of_a_run_and_of_its_target(cli: Cli) -> None:
    cli("run", "--on", "web01", "--", "kill -KILL $$", status=1)
    assert "web01 ended by SIGKILL" in cli("execution", "list", "--limit", "1").out
    assert "  ended by SIGKILL" in cli("execution", "targets", "2").out
