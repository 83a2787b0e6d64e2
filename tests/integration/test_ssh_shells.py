"""Whatever shell an account logs in to: `exec sh` reaches sh, noise stays out, and where it does not, nothing runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from deployx_tui.model.device import TestStepName
from deployx_tui.model.execution import Cause, KillVerdict
from deployx_tui.transports.base import CommandSpec, Exited, Killed, Refused, Signalled, run
from tests.contract.transport.site import CONNECT, Recorder, Site, Told, alive, nap
from tests.support.require import require_program
from tests.support.ssh import Fleets, endpoint_of, transport_to


@pytest.fixture(scope="module")
def fleets() -> Iterator[Fleets]:
    with Fleets() as fleets:
        yield fleets


def site_behind(fleets: Fleets, command: str, folder: Path, patience: float = 20.0) -> Site:
    """An account whose log-in runs `command`, with the request in SSH_ORIGINAL_COMMAND."""
    fleet = fleets.get({"ForceCommand": command})
    return Site(transport_to(fleet, folder, patience=patience), endpoint_of(fleet.hosts[0]))


LOGIN_SHELLS = ["fish", "csh", "tcsh", "dash", "bash", "zsh", "ksh", "busybox sh"]


@pytest.mark.parametrize("shell", LOGIN_SHELLS)
def test_any_login_shell_will_do(fleets: Fleets, tmp_path: Path, shell: str) -> None:
    require_program(shell.split(maxsplit=1)[0])
    site = site_behind(fleets, f'exec {shell} -c "$SSH_ORIGINAL_COMMAND"', tmp_path)
    value = 'it\'s "$HOME" `x` \\ \n é'
    for _ in range(2):  # the first contact, and one that knows the account
        told = site.run('printf %s "$V"; echo err >&2; exit 3', environment={"V": value})
        assert told == Told(Exited(3), value.encode(), b"err\n")
    assert site.run("cat", stdin=b"a\0b\n").stdout == b"a\0b\n"
    assert site.run("kill -TERM $$").outcome == Signalled("TERM")
    seconds = nap()
    ended = site.run(f"sleep {seconds} | cat & echo ready; wait", cancel_at=b"ready").outcome
    assert isinstance(ended, Killed)
    assert ended.kill.verdict is KillVerdict.KILLED
    assert alive(seconds) == []
    site.transport.shutdown()


def test_what_login_files_print_is_not_output(fleets: Fleets, tmp_path: Path) -> None:
    noise = "echo Welcome; printf 'no newline'; echo Error >&2; printf 'here neither' >&2"
    site = site_behind(fleets, f'{noise}; eval "$SSH_ORIGINAL_COMMAND"', tmp_path)
    for _ in range(2):
        assert site.run("echo out; echo err >&2") == Told(Exited(0), b"out\n", b"err\n")
    site.transport.shutdown()


def test_a_login_file_that_reads_standard_input_runs_nothing(fleets: Fleets, tmp_path: Path) -> None:
    """Without the handshake it would swallow the first line, and the rest would be run."""
    oracle = tmp_path / "ran"
    site = site_behind(fleets, 'read line; eval "$SSH_ORIGINAL_COMMAND"', tmp_path, patience=1)
    outcome = site.run(f"echo ran >> {oracle}").outcome
    assert isinstance(outcome, Refused)
    assert outcome.cause is Cause.SHELL
    assert "standard input" in outcome.remedy
    assert not oracle.exists()
    site.transport.shutdown()


def test_a_shell_that_hangs_is_unsupported(fleets: Fleets, tmp_path: Path) -> None:
    site = site_behind(fleets, "exec sleep 1000", tmp_path, patience=1)
    outcome = site.run("echo ran").outcome
    assert isinstance(outcome, Refused)
    assert "unsupported shell" in outcome.message
    assert outcome.remedy
    step = list(site.transport.test(site.endpoint, timedelta(seconds=5)))[-1]
    assert (step.name, step.ok) == (TestStepName.RUN, False)
    assert step.remedy
    site.transport.shutdown()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("echo This account is currently not available.; exit 1", "not available"),
        ("/usr/sbin/nologin", ""),
        ("exec no-such-shell", "no-such-shell"),
        ("internal-sftp", ""),
    ],
    ids=["nologin", "real nologin", "missing", "sftp only"],
)
def test_an_account_without_a_shell_is_told_as_that(fleets: Fleets, tmp_path: Path, command: str, said: str) -> None:
    site = site_behind(fleets, command, tmp_path, patience=2)
    outcome = site.run("echo ran").outcome
    assert isinstance(outcome, Refused)
    assert outcome.cause is Cause.SHELL
    assert said in outcome.message
    assert outcome.remedy
    site.transport.shutdown()


def test_openssh_for_windows_is_named(fleets: Fleets, tmp_path: Path) -> None:
    fleet = fleets.get({"VersionAddendum": "OpenSSH_for_Windows_9.5"})
    transport = transport_to(fleet, tmp_path)
    sink = Recorder()
    outcome = run(transport, endpoint_of(fleet.hosts[0]), CommandSpec(script="echo ran"), sink, Event(), CONNECT)
    assert isinstance(outcome, Refused)
    assert "Windows" in outcome.message
    transport.shutdown()


def test_a_shell_that_stopped_answering_since_the_first_contact_is_unknown_then_greeted_again(
    fleets: Fleets, tmp_path: Path
) -> None:
    """After the first contact the whole text goes at once: it may still be read and run by a shell that is slow."""
    hang = tmp_path / "hang"
    site = site_behind(
        fleets, f'[ ! -e {hang} ] || exec sleep 1000; eval "$SSH_ORIGINAL_COMMAND"', tmp_path, patience=1
    )
    assert site.run("echo one").stdout == b"one\n"
    hang.touch()
    first, second = site.run("echo two").outcome, site.run("echo three").outcome
    assert type(first).__name__ == "Unknown"
    assert isinstance(second, Refused)
    hang.unlink()
    assert site.run("echo four").stdout == b"four\n"
    site.transport.shutdown()
