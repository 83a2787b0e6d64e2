"""How a command is run: its end, its streams, its input, its surroundings."""

from __future__ import annotations

import hashlib
import random
import secrets
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from deployx_tui.model.device import TestStepName
from deployx_tui.model.execution import Cause, Stream
from deployx_tui.model.payload import Shell
from deployx_tui.transports.base import (
    CommandSpec,
    Exited,
    Refused,
    Signalled,
    Unknown,
    Unreached,
)
from tests.contract.transport.site import CONNECT, Recorder, Site, Told

HOSTILE = [
    "",
    " ",
    "it's",
    "''",
    '"',
    "\\",
    "\\'",
    "$HOME",
    "$(touch /tmp/deployx-owned)",
    "`touch /tmp/deployx-owned`",
    "${IFS}",
    "; touch /tmp/deployx-owned",
    "a\nb",
    "\n",
    "trailing\n\n",
    "\r\n",
    "\t",
    "*",
    "~root",
    "-n",
    "-e \\n",
    "!history",
    "#comment",
    "a=b",
    "%s%n",
    "\x1b[31mred\x1b[0m",
    "\x01\x02\x7f",
    "ümläut €  \U0001f600",
    "\u202eright to left",
    "'; dx_direct null x; '",
    "DEPLOYX_S",
    "x" * 60_000,
]


class CommandContract:
    """Part of TransportContract."""

    def test_a_command_that_succeeds_exits_with_zero(self, site: Site) -> None:
        told = site.run("echo hello")
        assert told == Told(Exited(0), b"hello\n", b"")

    @pytest.mark.parametrize("code", [1, 2, 96, 97, 126, 127, 130, 143, 255])
    def test_an_exit_code_arrives_as_it_is(self, site: Site, code: int) -> None:
        assert site.run(f"exit {code}").outcome == Exited(code)

    @pytest.mark.parametrize("signal", ["TERM", "KILL", "INT", "HUP", "SEGV", "USR1", "PIPE"])
    def test_a_death_by_signal_is_told_from_an_exit_code(self, site: Site, signal: str) -> None:
        assert site.run(f"kill -{signal} $$").outcome == Signalled(signal)

    def test_the_two_streams_stay_apart(self, site: Site) -> None:
        told = site.run("echo out; echo err >&2; echo out2; echo err2 >&2")
        assert told == Told(Exited(0), b"out\nout2\n", b"err\nerr2\n")

    def test_both_streams_full_at_once_do_not_block_each_other(self, site: Site) -> None:
        told = site.run("head -c 4000000 /dev/zero >&2 & head -c 4000000 /dev/zero; wait")
        assert told.outcome == Exited(0)
        assert (len(told.stdout), len(told.stderr)) == (4_000_000, 4_000_000)

    def test_standard_input_is_empty_without_data(self, site: Site) -> None:
        assert site.run("cat; echo end") == Told(Exited(0), b"end\n", b"")

    @pytest.mark.parametrize(
        "data", [b"", b"one line\n", bytes(range(256)) * 4, b"a\0b\0"], ids=["none", "line", "bytes", "NUL"]
    )
    def test_standard_input_arrives_byte_for_byte(self, site: Site, data: bytes) -> None:
        assert site.run("cat", stdin=data) == Told(Exited(0), data, b"")

    def test_much_standard_input_and_output_at_once(self, site: Site) -> None:
        data = random.Random(1).randbytes(5_000_000)
        told = site.run("cat", stdin=data)
        assert told.outcome == Exited(0)
        assert hashlib.sha256(told.stdout).digest() == hashlib.sha256(data).digest()

    def test_a_command_that_ignores_its_input_ends_all_the_same(self, site: Site) -> None:
        assert site.run("exec <&-; echo done", stdin=b"x" * 3_000_000) == Told(Exited(0), b"done\n", b"")

    @pytest.mark.parametrize("number", range(len(HOSTILE)))
    def test_a_hostile_value_is_only_a_value(self, site: Site, number: int) -> None:
        value = HOSTILE[number]
        told = site.run('printf %s "$VALUE"', environment={"VALUE": value})
        assert told == Told(Exited(0), value.encode(), b"")
        assert not Path("/tmp/deployx-owned").exists()

    def test_many_hostile_values_at_once(self, site: Site) -> None:
        environment = {f"V{number}": value for number, value in enumerate(HOSTILE)}
        script = "\n".join(f'printf "%s\\0" "$V{number}"' for number in range(len(HOSTILE)))
        told = site.run(script, environment=environment)
        assert told == Told(Exited(0), b"".join(value.encode() + b"\0" for value in HOSTILE), b"")

    def test_a_name_that_can_not_be_a_variable_is_refused(self, site: Site) -> None:
        for name in ("A B", "A=B", "1A", "", "A;touch", "dx_run", "DEPLOYX_RUN", "DEPLOYX_S", "DEPLOYX_S1"):
            told = site.run("echo ran", environment={name: "x"})
            assert isinstance(told.outcome, Refused), name
            assert told.stdout == b""

    def test_the_working_directory_is_entered(self, site: Site, tmp_path: Path) -> None:
        folder = tmp_path / "with 'quotes' and -dashes"
        folder.mkdir()
        assert site.run("pwd -P", working_directory=str(folder)).stdout == f"{folder.resolve()}\n".encode()

    @pytest.mark.parametrize("folder", ["/nowhere/at/all", "/etc/passwd", "-", "-P"])
    def test_a_missing_working_directory_runs_nothing(self, site: Site, folder: str) -> None:
        told = site.run("echo ran", working_directory=folder)
        assert isinstance(told.outcome, Refused)
        assert told.outcome.cause is Cause.SHELL
        assert told.outcome.remedy
        assert told.stdout == b""

    @pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
    def test_the_named_shell_interprets_the_script(self, site: Site) -> None:
        told = site.run('a=(1 2 3); echo "${#a[@]} ${BASH_VERSION%%.*}"', shell=Shell.BASH)
        assert told.outcome == Exited(0)
        assert told.stdout.startswith(b"3 ")

    @pytest.mark.skipif(shutil.which("pwsh") is not None, reason="pwsh is installed")
    def test_a_shell_that_is_not_there_runs_nothing(self, site: Site) -> None:
        outcome = site.run("echo ran", shell=Shell.PWSH).outcome
        assert isinstance(outcome, Refused)
        assert "pwsh" in outcome.message

    @pytest.mark.parametrize("shell", [Shell.CMD, Shell.POWERSHELL])
    def test_a_windows_shell_is_refused(self, site: Site, shell: Shell) -> None:
        assert isinstance(site.run("echo ran", shell=shell).outcome, Refused)

    def test_nothing_of_ours_is_visible_to_the_command(self, site: Site) -> None:
        told = site.run('env; set; echo "arguments: $#"', environment={"MINE": "yes"}, shell=Shell.BASH)
        assert b"dx_" not in told.stdout
        assert b"arguments: 0\n" in told.stdout
        ours = {line.partition(b"=")[0] for line in told.stdout.splitlines() if line.startswith(b"DEPLOYX_")}
        assert ours - {b"DEPLOYX_FLEET"} == {b"DEPLOYX_RUN"}

    def test_neither_script_nor_values_stand_in_the_process_list(self, site: Site) -> None:
        told = site.run("ps -A -o args= # needle-in-script", environment={"SECRET": "needle-in-value"})
        assert told.outcome == Exited(0)
        assert b"needle" not in told.stdout

    def test_the_handle_names_the_commands_own_process(self, site: Site) -> None:
        nonce = secrets.token_hex(16)
        connection = site.transport.connect(site.endpoint, CONNECT, Event())
        assert not isinstance(connection, Unreached)
        try:
            process = connection.start(CommandSpec(script='echo "$$ $DEPLOYX_RUN"', nonce=nonce))
            assert not isinstance(process, Refused | Unknown)
            sink = Recorder()
            assert process.stream(sink, Event()) == Exited(0)
        finally:
            site.transport.release(connection)
        assert sink.pieces[Stream.STDOUT] == f"{process.handle.pid} {process.handle.nonce}\n".encode()
        assert process.handle.nonce == nonce

    def test_several_commands_run_at_once_over_one_connection(self, site: Site) -> None:
        connection = site.transport.connect(site.endpoint, CONNECT, Event())
        assert not isinstance(connection, Unreached)
        try:
            started = [connection.start(CommandSpec(script=f"cat; echo {n}", stdin=bytes([65 + n]))) for n in range(4)]
            for number, process in enumerate(started):
                assert not isinstance(process, Refused | Unknown)
                sink = Recorder()
                assert process.stream(sink, Event()) == Exited(0)
                assert sink.pieces[Stream.STDOUT] == bytes([65 + number]) + f"{number}\n".encode()
        finally:
            site.transport.release(connection)

    def test_a_connection_serves_again_after_every_kind_of_end(self, site: Site) -> None:
        ends: list[Callable[[], Told]] = [
            lambda: site.run("exit 1"),
            lambda: site.run("kill -9 $$"),
            lambda: site.run("echo x", working_directory="/nowhere"),
            lambda: site.run("echo ready; sleep 999", cancel_at=b"ready"),
            lambda: site.run("sleep 999", timeout=timedelta(seconds=1)),
        ]
        for end in ends:
            end()
            assert site.run("echo again") == Told(Exited(0), b"again\n", b"")

    def test_a_connection_test_ends_with_a_command_that_ran(self, site: Site) -> None:
        steps = list(site.transport.test(site.endpoint, CONNECT))
        assert [step.ok for step in steps] == [True] * len(steps), steps
        assert steps[-1].name is TestStepName.RUN
        assert "Linux" in steps[-1].message
