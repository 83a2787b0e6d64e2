"""Standard streams that are closed, full, in another encoding, or read by nobody. Real processes."""

from __future__ import annotations

import subprocess
import sys

from deployx_tui.model.ids import DeviceId, ExecutionId
from deployx_tui.store import history
from deployx_tui.store.clock import now_ms
from deployx_tui.store.database import Database
from tests.integration.cli.conftest import Cli
from tests.support.rows import add_run, draft


def shell(line: str, **more: str) -> subprocess.CompletedProcess[str]:
    """`line` in bash, with `deployx` for this program; the world is that of the fixture `cli`."""
    import os

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
