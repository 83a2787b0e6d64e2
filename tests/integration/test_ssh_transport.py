"""The contract over SSH to a real sshd, and with a server that allows one session per connection."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployx_tui.demo.fleet import Fleet
from deployx_tui.transports.base import Exited
from tests.contract.transport import TransportContract
from tests.contract.transport.site import Site, Told, alive, nap
from tests.support.ssh import Fleets, endpoint_of, transport_to


@pytest.fixture(scope="module")
def fleets() -> Iterator[Fleets]:
    with Fleets() as fleets:
        yield fleets


class TestSsh(TransportContract):
    @pytest.fixture(scope="class")
    @classmethod
    def site(cls, fleets: Fleets, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
        fleet = fleets.get()
        transport = transport_to(fleet, tmp_path_factory.mktemp("ssh"))
        yield Site(transport, endpoint_of(fleet.hosts[0]))
        transport.shutdown()


@pytest.mark.long
class TestSshWithOneSession(TransportContract):
    """Spare and side channels are refused: a cancel, and a second command, come by connections of their own."""

    @pytest.fixture(scope="class")
    @classmethod
    def site(cls, fleets: Fleets, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
        fleet = fleets.get({"MaxSessions": "1"})
        transport = transport_to(fleet, tmp_path_factory.mktemp("ssh"))
        yield Site(transport, endpoint_of(fleet.hosts[0]))
        transport.shutdown()


@pytest.mark.long
class TestSshWithoutPool(TransportContract):
    """Every command on a connection of its own."""

    @pytest.fixture
    def site(self, fleets: Fleets, tmp_path: Path) -> Iterator[Site]:
        fleet = fleets.get()
        transport = transport_to(fleet, tmp_path, cap=0)
        yield Site(transport, endpoint_of(fleet.hosts[0]))
        transport.shutdown()


@pytest.mark.long
class TestSshToAsyncssh(TransportContract):
    """The demo's fleet where OpenSSH's server is missing."""

    @pytest.fixture(scope="class")
    @classmethod
    def site(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
        folder = tmp_path_factory.mktemp("asyncssh")
        with Fleet.start(1, folder / "fleet", "asyncssh") as fleet:
            transport = transport_to(fleet, folder)
            yield Site(transport, endpoint_of(fleet.hosts[0]))
            transport.shutdown()

    def test_a_background_child_that_holds_the_output_is_left_alone(self, site: Site) -> None:
        """This server closes the session a second after the command's end, so nobody sees that it was held."""
        seconds = nap()
        told = site.run(f"sleep {seconds} & echo started; exit 4")
        children = alive(seconds)
        for pid in children:
            os.kill(pid, 9)
        assert told == Told(Exited(4), b"started\n", b"")
        assert len(children) == 1
