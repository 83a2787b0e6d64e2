"""What a durable run does, and that nothing of it stays."""

from __future__ import annotations

import os
import signal
from threading import Event, Thread

import pytest

from deployx_tui.model.payload import Shell
from deployx_tui.transports.base import (
    Exited,
    Killed,
    Refused,
    Signalled,
)
from tests.contract.durable.site import Durable
from tests.contract.transport.commands import HOSTILE
from tests.contract.transport.site import Recorder, Told, alive, nap


class RunningContract:
    """What a durable run does, and that nothing of it stays."""

    @pytest.mark.parametrize("code", [0, 3, 97, 143, 255])
    def test_exit_code_output_and_an_empty_folder_afterwards(self, durable: Durable, code: int) -> None:
        told = durable.run(durable.spec(f"echo out; printf 'no newline' >&2; exit {code}"))
        assert told == Told(Exited(code), b"out\n", b"no newline")
        assert list(durable.base.iterdir()) == []

    @pytest.mark.parametrize("name", ["KILL", "TERM", "SEGV", "HUP", "USR1"])
    def test_a_death_by_signal_is_told_from_an_exit_code(self, durable: Durable, name: str) -> None:
        assert durable.run(durable.spec(f"kill -{name} $$")).outcome == Signalled(name)

    def test_the_spool_is_private_and_holds_neither_script_nor_values(self, durable: Durable) -> None:
        spec = durable.spec(
            "ls -lan /proc/self/fd >/dev/null; echo ready; sleep 60 # needle", environment={"V": "needle2"}
        )
        sink = Recorder(b"ready")
        spool = durable.spool(spec)
        found: dict[str, bytes] = {}

        def look() -> None:
            sink.seen.wait(60)
            assert spool.path.stat().st_mode & 0o777 == 0o700
            found.update({each.name: each.read_bytes() for each in spool.path.iterdir()})
            assert not any(each.stat().st_mode & 0o111 for each in spool.path.iterdir())
            stop.set()

        stop = Event()
        watcher = Thread(target=look)
        watcher.start()
        told = durable.run(spec, sink, cancel=stop)
        watcher.join()
        assert isinstance(told.outcome, Killed)
        assert {"meta", "out", "err", "rsv"} <= set(found)
        assert not any(b"needle" in content for content in found.values())

    def test_hostile_values_and_given_input_arrive_byte_for_byte(self, durable: Durable) -> None:
        environment = {f"V{number}": value for number, value in enumerate(HOSTILE)}
        script = "\n".join(f'printf "%s\\0" "$V{number}"' for number in range(len(HOSTILE))) + "\ncat"
        given = bytes(range(256)) * 16
        told = durable.run(durable.spec(script, environment=environment, stdin=given))
        assert told == Told(Exited(0), b"".join(value.encode() + b"\0" for value in HOSTILE) + given, b"")

    def test_input_that_is_too_large_for_the_text_is_refused(self, durable: Durable) -> None:
        outcome = durable.run(durable.spec("cat", stdin=b"x" * 65_537)).outcome
        assert isinstance(outcome, Refused)
        assert outcome.remedy

    def test_without_input_it_is_empty(self, durable: Durable) -> None:
        assert durable.run(durable.spec("cat; echo end")) == Told(Exited(0), b"end\n", b"")

    def test_a_large_script_with_a_here_document_runs_whole(self, durable: Durable) -> None:
        script = "cat <<'E'\n$x `y`\nE\n: " + "x" * 200_000 + "\necho ended"
        assert durable.run(durable.spec(script)) == Told(Exited(0), b"$x `y`\nended\n", b"")

    def test_nothing_of_ours_is_visible_to_the_command(self, durable: Durable) -> None:
        told = durable.run(durable.spec('env; set; echo "arguments: $#"; trap', shell=Shell.BASH))
        assert b"dx_" not in told.stdout
        assert told.stdout.endswith(b"arguments: 0\n"), "a signal is ignored or trapped"

    def test_a_syntax_error_is_an_exit_code_and_a_message(self, durable: Durable) -> None:
        told = durable.run(durable.spec("echo before\nif then"))
        assert isinstance(told.outcome, Exited)
        assert told.outcome.code != 0
        assert told.stdout in (b"", b"before\n")  # shells differ in how much they read before they run
        assert b"yntax" in told.stderr

    def test_a_background_child_is_left_alone_and_not_waited_for(self, durable: Durable) -> None:
        seconds = nap()
        told = durable.run(durable.spec(f"sleep {seconds} & echo started; exit 4"))
        children = alive(seconds)
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        assert (told.outcome, told.stdout) == (Exited(4), b"started\n")
        assert len(children) == 1

    def test_a_missing_folder_or_shell_runs_nothing(self, durable: Durable) -> None:
        for spec in (
            durable.spec("echo x", working_directory="/nowhere/at/all"),
            durable.spec("echo x", shell=Shell.PWSH),
        ):
            assert isinstance(durable.run(spec).outcome, Refused)
        assert list(durable.base.iterdir()) == []

    def test_10_mb_arrive_unharmed(self, durable: Durable) -> None:
        told = durable.run(durable.spec("seq 1300000; seq 300000 >&2"))
        assert told.outcome == Exited(0)
        assert told.stdout == "".join(f"{n}\n" for n in range(1, 1_300_001)).encode()
        assert told.stderr == "".join(f"{n}\n" for n in range(1, 300_001)).encode()

    def test_a_command_that_empties_its_own_output_is_noted(self, durable: Durable) -> None:
        told = durable.run(durable.spec("echo 0123456789; echo ready; sleep 1; : >/dev/stdout; echo x"))
        assert told.outcome == Exited(0, incomplete=True)
        assert told.stdout.startswith(b"0123456789\nready\n")
        assert told.stdout.endswith(b"x\n")

    def test_no_value_and_no_script_in_the_process_list(self, durable: Durable) -> None:
        told = durable.run(durable.spec("ps -A -o args= # needle-in-script", environment={"S": "needle-in-value"}))
        assert told.outcome == Exited(0)
        assert b"needle" not in told.stdout
