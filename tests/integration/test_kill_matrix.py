"""A cancel as the account that logs in: every POSIX shell as the target's `sh`, and targets that lack a program.

Each claim is looked at with `ps`. Where grep and sed are missing the shell itself reads /proc; `setsid` is a program
that many systems lack, and nothing of ours may need it. What other accounts run is in `test_escalation_kill.py`, a host
that stops answering in `test_ssh_cut.py`. The whole matrix is long; a part of it runs always.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from deployx_tui.model.execution import KillVerdict
from deployx_tui.transports.base import Killed, TimedOut
from tests.contract.transport.site import Site, alive, nap
from tests.support.require import require_program
from tests.support.ssh import Fleets, endpoint_of, transport_to

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
PROGRAMS = frozenset({"cat", "grep", "sed", "setsid", "sleep"})
#: which of them the target lacks
LACKS = {"nothing": frozenset[str](), "setsid": frozenset({"setsid"}), "grep and sed": frozenset({"grep", "sed"})}
CELLS = [
    (shell, lack, script)
    for shell, lack, script in itertools.product(SHELLS, LACKS, SCRIPTS)
    if lack != "setsid" or "setsid" not in SCRIPTS[script]
]
#: every shell with every lack
SAMPLE = [(shell, lack, [*SCRIPTS][(i + j) % 4]) for i, shell in enumerate(SHELLS) for j, lack in enumerate(LACKS)]


class Targets:
    """By shell and what is lacking, each made when it is wanted."""

    def __init__(self, fleets: Fleets, folder: Path) -> None:
        self._fleets, self._folder = fleets, folder
        self._made: dict[tuple[str, str], Site] = {}

    def of(self, shell: str, lack: str) -> Site:
        if (shell, lack) not in self._made:
            folder = self._folder / shell / lack
            programs = folder / "programs"
            programs.mkdir(parents=True)
            (programs / "sh").symlink_to(require_program(shell))
            for name in PROGRAMS - LACKS[lack]:
                (programs / name).symlink_to(require_program(name))
            command = f'PATH="{programs}"; export PATH; exec sh -c "$SSH_ORIGINAL_COMMAND"'
            fleet = self._fleets.get({"ForceCommand": command})
            self._made[shell, lack] = Site(transport_to(fleet, folder), endpoint_of(fleet.hosts[0]))
        return self._made[shell, lack]

    def close(self) -> None:
        for site in self._made.values():
            site.transport.shutdown()


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Targets]:
    with Fleets() as fleets:
        targets = Targets(fleets, tmp_path_factory.mktemp("kill"))
        yield targets
        targets.close()


def check(targets: Targets, cell: tuple[str, str, str]) -> None:
    shell, lack, kind = cell
    seconds = nap()
    script = SCRIPTS[kind].format(seconds)
    outcome = targets.of(shell, lack).run(script, cancel_at=b"ready", grace=timedelta(seconds=1)).outcome
    assert isinstance(outcome, Killed), outcome
    left = alive(seconds)
    if lack == "grep and sed":
        # the mark in their environment finds those that left session and tree: where nothing reads it, nobody is
        # called dead, although what can be found is ended
        assert outcome.kill.verdict is KillVerdict.UNKNOWN
        assert left == [] or kind == "daemon"
        for pid in left:
            os.kill(pid, signal.SIGKILL)
    else:
        assert (outcome.kill.verdict, left) == (KillVerdict.KILLED, [])


@pytest.mark.parametrize("cell", SAMPLE, ids=" - ".join)
def test_a_cancel_leaves_nothing(targets: Targets, cell: tuple[str, str, str]) -> None:
    check(targets, cell)


@pytest.mark.long
@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell not in SAMPLE], ids=" - ".join)
def test_every_cancel_leaves_nothing(targets: Targets, cell: tuple[str, str, str]) -> None:
    check(targets, cell)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_deadline_leaves_nothing(targets: Targets, shell: str) -> None:
    seconds = nap()
    outcome = targets.of(shell, "nothing").run(f"sleep {seconds} | cat", timeout=timedelta(seconds=1)).outcome
    assert isinstance(outcome, TimedOut)
    assert (outcome.kill.verdict, alive(seconds)) == (KillVerdict.KILLED, [])


@pytest.mark.parametrize("lack", ["nothing", "grep and sed"])
def test_a_process_whose_name_looks_like_another_line_is_taken_for_what_it_is(
    targets: Targets, tmp_path: Path, lack: str
) -> None:
    """Names stand unescaped in /proc: this one has a line end, and what a state and parents look like."""
    mine, other = nap(), nap()
    program = tmp_path / "a) S 1\n2 (b) S"
    program.write_bytes(Path(require_program("sleep")).resolve().read_bytes())
    program.chmod(0o755)
    bystander = subprocess.Popen([program, other], start_new_session=True)
    try:
        script = f"'{program}' {mine} & ('{program}' {mine} &); echo ready; wait"
        outcome = targets.of("dash", lack).run(script, cancel_at=b"ready", grace=timedelta(seconds=1)).outcome
        assert isinstance(outcome, Killed)
        assert with_argument(mine) == []
        assert with_argument(other) == [bystander.pid]
    finally:
        bystander.kill()
        bystander.wait()


def with_argument(text: str) -> list[int]:
    """As `alive`, of a program whose path `ps` can't show on one line."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            if text.encode() in file.read_bytes().split(b"\0"):
                found.append(int(file.parent.name))
    return found
