"""What every transport promises: written against the protocol, run by each transport's own test module.

A subclass of TransportContract gives a `site` fixture. What is alive is seen by `ps`, not by the transport. A sleep in
these scripts has a number that nothing else on the machine sleeps for, so `ps` finds it.
"""

from __future__ import annotations

import hashlib
import os
import random
import secrets
import select
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from deployx_tui.model.device import TestStepName
from deployx_tui.model.execution import Cause, KillVerdict, Stream
from deployx_tui.model.payload import Shell
from deployx_tui.transports.base import (
    CommandSpec,
    Endpoint,
    Exited,
    Killed,
    Outcome,
    Refused,
    Signalled,
    TimedOut,
    Transport,
    Unknown,
    Unreached,
    run,
)

CONNECT = timedelta(seconds=20)
#: a test that hangs for so long has failed
LONG = timedelta(seconds=60)


@dataclass
class Told:
    """What a run gave."""

    outcome: Outcome
    stdout: bytes
    stderr: bytes


@dataclass
class Recorder:
    """A sink that keeps everything, and sets `seen` when `wanted` has come on standard output."""

    wanted: bytes | None = None
    seen: Event = field(default_factory=Event)
    pieces: dict[Stream, bytearray] = field(
        default_factory=lambda: {Stream.STDOUT: bytearray(), Stream.STDERR: bytearray()}
    )
    arrivals: list[datetime] = field(default_factory=list)

    def __call__(self, stream: Stream, data: bytes, at: datetime) -> None:
        assert data, "an empty piece was delivered"
        self.pieces[stream] += data
        self.arrivals.append(at)
        if self.wanted is not None and self.wanted in self.pieces[Stream.STDOUT]:
            self.seen.set()


@dataclass
class Site:
    """A transport and where it leads."""

    transport: Transport
    endpoint: Endpoint

    def run(
        self,
        script: str,
        *,
        cancel_at: bytes | None = None,
        cancel: Event | None = None,
        shell: Shell = Shell.SH,
        environment: Mapping[str, str] | None = None,
        working_directory: str | None = None,
        stdin: bytes | None = None,
        timeout: timedelta | None = None,
        grace: timedelta = timedelta(seconds=5),
    ) -> Told:
        """Run to the end; with `cancel_at`, cancelled when that has come on standard output."""
        sink = Recorder(cancel_at)
        spec = CommandSpec(
            script=script,
            shell=shell,
            environment=environment or {},
            working_directory=working_directory,
            stdin=stdin,
            timeout=timeout,
            grace=grace,
        )
        stop = cancel or (sink.seen if cancel_at is not None else Event())
        outcome = run(self.transport, self.endpoint, spec, sink, stop, CONNECT)
        return Told(outcome, bytes(sink.pieces[Stream.STDOUT]), bytes(sink.pieces[Stream.STDERR]))


def nap() -> str:
    """A number of seconds that no other process sleeps for."""
    return f"{random.randint(3000, 9000)}.{random.randint(10**8, 10**9)}"


def alive(argument: str) -> list[int]:
    """Processes with this word in their arguments, zombies left out, as `ps` sees them."""
    rows = subprocess.run(["ps", "-A", "-o", "pid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    found = []
    for row in rows.splitlines():
        pid, state, arguments = row.split(None, 2)
        if argument in arguments.split() and not state.startswith("Z"):
            found.append(int(pid))
    return found


def await_end(pid: int, seconds: float = 60) -> None:
    """Return when a process has ended; a test that waits longer fails."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([descriptor], [], [], seconds)[0], f"process {pid} still lives"
    finally:
        os.close(descriptor)


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


class TransportContract:
    """Promises of base.py. `site` comes from the subclass."""

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

    def test_output_of_any_bytes_arrives_as_it_is(self, site: Site) -> None:
        octal = "".join(f"\\{byte:03o}" for byte in range(256))
        told = site.run(f"printf '{octal}'")
        assert told.stdout == bytes(range(256))

    def test_output_that_is_not_utf_8_arrives_as_it_is(self, site: Site) -> None:
        assert site.run(r"printf '\377\376caf\351'").stdout == b"\xff\xfecaf\xe9"

    def test_output_without_a_last_newline_arrives_whole(self, site: Site) -> None:
        assert site.run("printf 'no newline'; printf 'here neither' >&2") == Told(
            Exited(0), b"no newline", b"here neither"
        )

    def test_8_mb_of_output_arrive_unharmed(self, site: Site) -> None:
        self._much_output(site, 8_000_000)

    @pytest.mark.long
    def test_100_mb_of_output_arrive_unharmed(self, site: Site) -> None:
        self._much_output(site, 100_000_000)

    def _much_output(self, site: Site, size: int) -> None:
        digest, count = hashlib.sha256(), 0

        def sink(stream: Stream, data: bytes, at: datetime) -> None:
            nonlocal count
            digest.update(data)
            count += len(data)

        # openssl's keystream: incompressible, the same on both sides
        spec = CommandSpec(
            script=f"head -c {size} /dev/zero | openssl enc -aes-128-ctr -nosalt -k deployx -md sha256 2>/dev/null"
        )
        assert run(site.transport, site.endpoint, spec, sink, Event(), CONNECT) == Exited(0)
        expected = subprocess.run(["sh", "-c", spec.script + " | sha256sum"], capture_output=True, check=True).stdout
        assert count == size
        assert digest.hexdigest() == expected.split()[0].decode()

    def test_output_comes_while_the_command_still_runs(self, site: Site) -> None:
        """The command waits for a line that is written only when its first output has arrived."""
        sink = Recorder(b"first")
        folder = Path(f"/tmp/deployx-{os.getpid()}-{random.getrandbits(64):x}")
        folder.mkdir()
        os.mkfifo(folder / "go")
        writer = threading.Thread(target=lambda: (sink.seen.wait(60), (folder / "go").write_text("second\n")))
        writer.start()
        try:
            spec = CommandSpec(script=f"echo first; cat {folder / 'go'}")
            outcome = run(site.transport, site.endpoint, spec, sink, Event(), CONNECT)
        finally:
            writer.join()
            shutil.rmtree(folder)
        assert outcome == Exited(0)
        assert sink.pieces[Stream.STDOUT] == b"first\nsecond\n"
        assert all(at.tzinfo is UTC for at in sink.arrivals)

    def test_a_sink_that_blocks_slows_the_command_down(self, site: Site, tmp_path: Path) -> None:
        """Of 64 MB, the command can't have written all while the sink has not taken its first piece."""
        written = tmp_path / "written"
        release, blocked = Event(), Event()

        def sink(stream: Stream, data: bytes, at: datetime) -> None:
            blocked.set()
            release.wait(60)

        spec = CommandSpec(script=f"head -c 64000000 /dev/zero; echo all > {written}")
        result: list[Outcome] = []
        arguments = (site.transport, site.endpoint, spec, sink, Event(), CONNECT)
        runner = threading.Thread(target=lambda: result.append(run(*arguments)))
        runner.start()
        assert blocked.wait(60)
        # another whole run on the same machine takes longer than 64 MB would, if they were buffered here
        assert site.run("head -c 64000000 /dev/zero | cksum").outcome == Exited(0)
        assert not written.exists()
        release.set()
        runner.join()
        assert result == [Exited(0)]
        assert written.exists()

    def test_an_exception_of_the_sink_passes_through(self, site: Site) -> None:
        class DiskFull(Exception):
            pass

        def sink(stream: Stream, data: bytes, at: datetime) -> None:
            raise DiskFull

        with pytest.raises(DiskFull):
            run(site.transport, site.endpoint, CommandSpec(script="echo x"), sink, Event(), CONNECT)
        assert site.run("echo next").stdout == b"next\n"

    def test_a_script_of_many_lines_with_a_here_document(self, site: Site) -> None:
        told = site.run("x=1\nif [ $x = 1 ]; then\n  cat <<'E'\n$x `y` \\z\nE\nfi\n# the end")
        assert told == Told(Exited(0), b"$x `y` \\z\n", b"")

    def test_a_script_may_use_a_here_document_and_standard_input(self, site: Site) -> None:
        assert site.run("cat <<E\nhere\nE\ncat", stdin=b"there\n") == Told(Exited(0), b"here\nthere\n", b"")

    def test_a_syntax_error_is_an_exit_code_and_a_message(self, site: Site) -> None:
        told = site.run("echo before\nif then")
        assert isinstance(told.outcome, Exited)
        assert told.outcome.code != 0
        assert told.stdout in (b"", b"before\n")  # shells differ in how much they read before they run
        assert b"yntax" in told.stderr

    @pytest.mark.parametrize("size", [29_999, 30_000, 30_001, 89_000, 131_072, 200_000, 700_000])
    @pytest.mark.parametrize("shell", [Shell.SH, Shell.BASH])
    def test_a_large_script_runs_whole(self, site: Site, size: int, shell: Shell) -> None:
        head, tail = "echo 'begun €'\n: ", "\necho ended"
        script = head + "x" * (size - len(head) - len(tail)) + tail
        assert site.run(script, shell=shell) == Told(Exited(0), "begun €\nended\n".encode(), b"")

    def test_a_script_that_no_shell_could_take_is_refused(self, site: Site) -> None:
        for script in ("#" * 800_000, "echo a\0b"):
            outcome = site.run(script).outcome
            assert isinstance(outcome, Refused)
            assert outcome.remedy

    def test_an_empty_script_succeeds(self, site: Site) -> None:
        assert site.run("") == Told(Exited(0), b"", b"")

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

    def test_a_background_child_that_holds_the_output_is_left_alone(self, site: Site) -> None:
        seconds = nap()
        told = site.run(f"sleep {seconds} & echo started; exit 4")
        children = alive(seconds)
        try:
            assert told == Told(Exited(4, background=True), b"started\n", b"")
            assert len(children) == 1
        finally:
            for pid in children:
                os.kill(pid, 9)

    def test_a_background_child_that_lets_go_of_the_output_is_not_waited_for(self, site: Site) -> None:
        seconds = nap()
        told = site.run(f"sleep {seconds} </dev/null >/dev/null 2>&1 & echo started")
        children = alive(seconds)
        try:
            assert told == Told(Exited(0), b"started\n", b"")
            assert len(children) == 1
        finally:
            for pid in children:
                os.kill(pid, 9)

    def test_what_a_background_child_writes_after_the_end_still_arrives(self, site: Site) -> None:
        told = site.run("(sleep 0.3; echo late) & echo early; exit 0")
        assert told.stdout == b"early\nlate\n"

    @pytest.mark.parametrize(
        "script",
        [
            "echo ready; sleep {0}",
            "echo ready; exec sleep {0}",
            "sleep {0} | cat | cat & echo ready; wait",
            "sleep {0} & sleep {0} & (sleep {0} & sleep {0}) & echo ready; wait",
            "setsid sleep {0} & echo ready; sleep {0}",
            "(setsid sh -c 'sleep {0} & sleep {0} & wait' &) ; echo ready; sleep {0}",
            "sleep {0} & kill -STOP $!; echo ready; wait",
            "trap 'echo cleaning; exit 0' TERM; echo ready; sleep {0} & wait",
            'sh -c \'sh -c "sh -c \\"echo ready; sleep {0}; :\\"; :"; :\'; :',
        ],
        ids=["plain", "exec", "pipeline", "background", "setsid", "daemon", "stopped", "handler", "nested"],
    )
    def test_a_cancel_ends_everything_that_the_command_started(self, site: Site, script: str) -> None:
        seconds = nap()
        told = site.run(script.format(seconds), cancel_at=b"ready")
        assert isinstance(told.outcome, Killed)
        assert told.outcome.kill.verdict is KillVerdict.KILLED
        assert alive(seconds) == []
        assert told.stdout.startswith(b"ready\n")

    @pytest.mark.parametrize("timeout", [None, LONG], ids=["no deadline", "deadline"])
    def test_a_cancel_ends_what_ignores_term(self, site: Site, timeout: timedelta | None) -> None:
        seconds = nap()
        script = f"trap '' TERM HUP INT; echo ready; sleep {seconds}; sleep {seconds}"
        told = site.run(script, cancel_at=b"ready", grace=timedelta(seconds=1), timeout=timeout)
        assert isinstance(told.outcome, Killed)
        assert told.outcome.kill.verdict is KillVerdict.KILLED
        assert alive(seconds) == []

    def test_the_last_words_of_a_cancelled_command_arrive(self, site: Site) -> None:
        script = "trap 'echo cleaning; exit 3' TERM; echo ready; while :; do sleep 0.05; done"
        told = site.run(script, cancel_at=b"ready")
        assert isinstance(told.outcome, Killed)
        assert told.stdout == b"ready\ncleaning\n"

    def test_a_cancel_leaves_other_runs_alone(self, site: Site) -> None:
        mine, other = nap(), nap()
        bystander = subprocess.Popen(["sleep", other])
        try:
            site.run(f"echo ready; sleep {mine}", cancel_at=b"ready")
            assert alive(mine) == []
            assert alive(other) == [bystander.pid]
        finally:
            bystander.kill()
            bystander.wait()

    def test_a_cancel_during_endless_output_is_heeded(self, site: Site) -> None:
        told = site.run("yes ready", cancel_at=b"ready")
        assert isinstance(told.outcome, Killed)
        assert told.outcome.kill.verdict is KillVerdict.KILLED

    def test_a_deadline_ends_the_command_and_keeps_its_output(self, site: Site) -> None:
        seconds = nap()
        told = site.run(f"echo begun; sleep {seconds} | cat", timeout=timedelta(seconds=1))
        assert isinstance(told.outcome, TimedOut)
        assert told.outcome.kill.verdict is KillVerdict.KILLED
        assert told.stdout == b"begun\n"
        assert alive(seconds) == []

    def test_a_command_that_ends_before_its_deadline_leaves_nothing_of_ours(self, site: Site) -> None:
        told = site.run("echo $$; echo done", timeout=LONG)
        assert told.outcome == Exited(0)
        # the watch may sleep for up to 5 s; it holds no stream and is no member of anybody's run
        assert told.stdout.endswith(b"done\n")

    def test_the_deadline_holds_on_the_target_when_nobody_is_connected(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("deployx_tui.transports.posix.wrapper._WATCH_AFTER", 0)
        seconds = nap()
        connection = site.transport.connect(site.endpoint, CONNECT, Event())
        assert not isinstance(connection, Unreached)
        spec = CommandSpec(script=f"sleep {seconds}; :", timeout=timedelta(seconds=1), grace=timedelta(seconds=1))
        process = connection.start(spec)
        assert not isinstance(process, Refused | Unknown)
        connection.close()
        site.transport.release(connection)
        await_end(process.handle.pid)
        for pid in alive(seconds):
            await_end(pid)
        assert alive(seconds) == []

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
