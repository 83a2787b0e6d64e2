"""A cancel of what another account runs leaves no process, or does not say so: each claim is looked at with `ps`.

Every POSIX shell as the target's `sh`, every way to the other account, everything that processes do to get away. The
whole matrix is long; a part of it runs always.
"""

from __future__ import annotations

import dataclasses
import itertools
import shutil
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from deployx_tui.model.execution import KillVerdict
from deployx_tui.model.payload import BecomeMethod
from deployx_tui.model.secret import Secret
from deployx_tui.transports.base import Become, CommandSpec, Killed, run
from deployx_tui.transports.posix.wrapper import quote
from deployx_tui.transports.ssh.transport import SshTransport
from tests.contract.transport.site import CONNECT, Recorder, alive, nap
from tests.support.accounts import Accounts
from tests.support.require import require_program
from tests.support.ssh import Fleets, endpoint_of, transport_to

PASSWORD = "correct horse 9 staple"

#: {0}: how long to sleep; it says `ready` when everything has begun
SCRIPTS = {
    "plain": "echo ready; sleep {0}",
    "pipeline": "sleep {0} | cat | cat & echo ready; wait",
    "background": "sleep {0} & (sleep {0} & sleep {0}) & echo ready; wait",
    "ignores TERM": "trap '' TERM; sleep {0} & echo ready; sleep {0}; sleep {0}",
    "setsid": "setsid sleep {0} & echo ready; sleep {0}",
    "daemon": "(setsid sh -c 'sleep {0} & sleep {0} & wait' &); echo ready; sleep {0}",
}
SHELLS = ("dash", "bash", "busybox")
#: whom the command runs as, by what, and whether its sudo uses a pseudo terminal
WAYS = (
    "sudo to root",
    "sudo to root, use_pty",
    "sudo to root, use_pty, terminal",
    "sudo to another",
    "sudo to another, use_pty, terminal",
    "sudo of the command",
    "sudo of the command, use_pty",
    "su to another",
    "doas to root",
)
CELLS = [*itertools.product(SHELLS, WAYS, SCRIPTS)]
#: every way, shell and script at least once
SAMPLE = [(SHELLS[i % 3], way, [*SCRIPTS][(i + i // 6) % 6]) for i, way in enumerate(WAYS)]


class Target:
    """An sshd behind which `sh` is one of the shells, also for sudo, and accounts that may use it."""

    def __init__(self, accounts: Accounts, fleets: Fleets, shell: str, folder: Path) -> None:
        found = require_program(shell)
        self._programs = Path(tempfile.mkdtemp(prefix="deployx-sh-"))
        self._programs.chmod(0o755)  # for the accounts; pytest's own folders are private
        (self._programs / "sh").symlink_to(found)
        path = f"{self._programs}:/usr/local/bin:/usr/bin:/bin"
        self.plain, self.pty, self.app = (accounts.add(PASSWORD) for _ in range(3))
        for login in (self.plain, self.pty):
            accounts.allow(f"{login} ALL=(ALL) NOPASSWD: ALL", f'Defaults:{login} secure_path="{path}"')
        accounts.allow(f"Defaults:{self.pty} use_pty")
        fleet = fleets.get({"ForceCommand": f'PATH={path}; export PATH; eval "$SSH_ORIGINAL_COMMAND"'})
        self._transport: SshTransport = transport_to(fleet, folder)
        self._endpoint = endpoint_of(fleet.hosts[0])
        self._accounts = accounts

    def cancelled(self, way: str, script: str) -> Killed:
        """What a cancel says of it, after it said that it is ready."""
        become = None
        if way.startswith("sudo to"):
            become = Become(user=self.app if "another" in way else "root", password=Secret.of(PASSWORD))
        elif way.startswith("su "):
            become = Become(method=BecomeMethod.SU, user=self.app, password=Secret.of(PASSWORD))
        elif way.startswith("doas"):
            self._accounts.allow_doas(f"permit {self.plain}")
            become = Become(method=BecomeMethod.DOAS, password=Secret.of(PASSWORD))
        else:
            script = f"sudo sh -c {quote(script)}; exit"
        return self.cancelled_as(self.pty if "use_pty" in way else self.plain, script, become, tty="terminal" in way)

    def cancelled_as(self, login: str, script: str, become: Become | None = None, *, tty: bool = False) -> Killed:
        spec = CommandSpec(script=script, become=become, tty=tty, grace=timedelta(seconds=1))
        sink = Recorder(b"ready")
        endpoint = dataclasses.replace(self._endpoint, user=login)
        outcome = run(self._transport, endpoint, spec, sink, sink.seen, CONNECT)
        assert isinstance(outcome, Killed), (outcome, sink.pieces)
        return outcome

    def close(self) -> None:
        self._transport.shutdown()
        shutil.rmtree(self._programs)


class Targets:
    """By shell, each made when it is wanted."""

    def __init__(self, accounts: Accounts, fleets: Fleets, folder: Path) -> None:
        self._accounts, self._fleets, self._folder = accounts, fleets, folder
        self._made: dict[str, Target] = {}

    def of(self, shell: str) -> Target:
        if shell not in self._made:
            folder = self._folder / shell
            folder.mkdir()
            self._made[shell] = Target(self._accounts, self._fleets, shell, folder)
        return self._made[shell]

    def close(self) -> None:
        for target in self._made.values():
            target.close()


@pytest.fixture(scope="module")
def accounts() -> Iterator[Accounts]:
    with Accounts() as accounts:
        yield accounts


@pytest.fixture(scope="module")
def targets(accounts: Accounts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Targets]:
    with Fleets() as fleets:
        targets = Targets(accounts, fleets, tmp_path_factory.mktemp("kill"))
        yield targets
        targets.close()


def check(targets: Targets, accounts: Accounts, cell: tuple[str, str, str]) -> None:
    shell, way, kind = cell
    seconds = nap()
    try:
        killed = targets.of(shell).cancelled(way, SCRIPTS[kind].format(seconds))
        left = alive(seconds)
        if kind == "daemon" and way.startswith("sudo of the command"):
            # without mark, session and parents: only that it is so can be known
            assert killed.kill.verdict is not KillVerdict.KILLED or not left
        else:
            assert (killed.kill.verdict, left) == (KillVerdict.KILLED, [])
    finally:
        accounts.kill(seconds)


@pytest.mark.parametrize("cell", SAMPLE, ids=" - ".join)
def test_a_cancel_leaves_nothing_of_another_account(
    targets: Targets, accounts: Accounts, cell: tuple[str, str, str]
) -> None:
    check(targets, accounts, cell)


@pytest.mark.long
@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell not in SAMPLE], ids=" - ".join)
def test_every_cancel_leaves_nothing_of_another_account(
    targets: Targets, accounts: Accounts, cell: tuple[str, str, str]
) -> None:
    check(targets, accounts, cell)


def test_what_a_commands_own_sudo_left_is_not_called_dead_unseen(accounts: Accounts, targets: Targets) -> None:
    """Here root may not look: the login's account has no sudo without a password."""
    target = targets.of("dash")
    login = accounts.add(PASSWORD)
    accounts.allow(f"{login} ALL=(ALL) ALL")
    seconds = nap()
    script = f"echo {quote(PASSWORD)} | sudo -S sh -c 'trap : TERM; echo ready; sleep {seconds}; sleep {seconds}'"
    try:
        killed = target.cancelled_as(login, script)
        assert killed.kill.verdict is not KillVerdict.KILLED
        assert alive(seconds)
    finally:
        accounts.kill(seconds)
