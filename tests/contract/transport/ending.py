"""How a command ends that does not end by itself: its children, a cancel, a deadline.

A sleep in these scripts has a number that nothing else on the machine sleeps for, so `ps` finds it.
"""

from __future__ import annotations

import os
import subprocess
from datetime import timedelta
from threading import Event

import pytest

from deployx_tui.model.execution import KillVerdict
from deployx_tui.transports.base import (
    CommandSpec,
    Exited,
    Killed,
    Refused,
    TimedOut,
    Unknown,
    Unreached,
)
from tests.contract.transport.site import CONNECT, LONG, Site, Told, alive, await_end, nap


class EndingContract:
    """Part of TransportContract."""

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

    def test_the_last_words_and_the_code_of_a_cancelled_command_arrive(self, site: Site) -> None:
        script = "trap 'echo cleaning; exit 3' TERM; echo ready; while :; do sleep 0.05; done"
        told = site.run(script, cancel_at=b"ready")
        assert isinstance(told.outcome, Killed)
        assert told.outcome.exited == 3
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
        monkeypatch.setattr("deployx_tui.transports.posix.wrapper.WATCH_AFTER", 0)
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
