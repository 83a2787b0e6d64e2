"""The contracts over SSH to a real sshd: six login shells, each with three kinds of `sh`."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.durable import DurableContract
from tests.contract.transport import TransportContract
from tests.contract.transport.site import Site
from tests.support.require import require_program
from tests.support.ssh import Fleets, endpoint_of, transport_to

LOGIN_SHELLS = {"dash": "dash", "bash": "bash", "fish": "fish", "tcsh": "tcsh", "zsh": "zsh", "ash": "busybox ash"}
SHELLS = ("dash", "bash", "busybox")
CELLS = [*itertools.product(LOGIN_SHELLS, SHELLS)]


class Sites:
    """By cell, each made when it is wanted; a context manager."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="deployx-cells-"))
        self._folder.chmod(0o755)
        self._fleets = Fleets()
        self._made: dict[tuple[str, str], Site] = {}

    def of(self, login_shell: str, shell: str) -> Site:
        if (login_shell, shell) not in self._made:
            self._made[login_shell, shell] = self._make(login_shell, shell)
        return self._made[login_shell, shell]

    def programs(self, login_shell: str, shell: str) -> Path:
        """The folder in which `sh` is what the cell says."""
        return self._folder / f"{login_shell}-{shell}" / "bin"

    def _make(self, login_shell: str, shell: str) -> Site:
        login = LOGIN_SHELLS[login_shell]
        require_program(login.split()[0])
        programs = self.programs(login_shell, shell)
        programs.mkdir(parents=True)
        (programs / "sh").symlink_to(require_program(shell))
        command = f'PATH={programs}:$PATH; export PATH; exec {login} -c "$SSH_ORIGINAL_COMMAND"'
        fleet = self._fleets.get({"ForceCommand": command})
        return Site(transport_to(fleet, programs.parent), endpoint_of(fleet.hosts[0]))

    def __enter__(self) -> Sites:
        self._fleets.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        for site in self._made.values():
            site.transport.shutdown()
        self._fleets.__exit__(None, None, None)
        shutil.rmtree(self._folder)


@pytest.fixture(scope="module")
def sites() -> Iterator[Sites]:
    with Sites() as sites:
        yield sites


@pytest.fixture(params=CELLS, ids="-".join)
def site(sites: Sites, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Site:
    site = sites.of(*request.param)
    # the contract compares the target's `sh` with the one that is found here
    monkeypatch.setenv("PATH", str(sites.programs(*request.param)), prepend=":")
    return site


class TestDirect(TransportContract):
    """A direct run, whose command is sshd's own child."""


class TestDurable(DurableContract):
    """A durable run, which a supervisor on the target follows to its end."""


def test_the_sh_of_a_cell_is_the_one_it_is_called_by(site: Site, request: pytest.FixtureRequest) -> None:
    shell = request.node.callspec.params["site"][1]
    assert site.run("readlink -f /proc/$$/exe").stdout.decode().rstrip().endswith(f"/{shell}")
