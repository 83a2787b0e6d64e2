"""The contract over SSH to a real sshd, and with a server that allows one session per connection."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from deployx_tui.demo.fleet import Fleet
from deployx_tui.model.facts import Facts
from deployx_tui.transports.base import Exited
from deployx_tui.transports.facts import NoFacts
from deployx_tui.transports.ssh.connection import SshConnection
from deployx_tui.transports.ssh.link import Link
from deployx_tui.transports.ssh.session import Session
from tests.contract.transport import TransportContract
from tests.contract.transport.files import FilesContract
from tests.contract.transport.site import CONNECT, Site, Told, alive, nap
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

    @pytest.mark.parametrize(("refusals", "kind"), [(2, Facts), (3, NoFacts)])
    def test_a_device_is_asked_though_the_session_before_counts_for_a_moment(
        self, site: Site, monkeypatch: pytest.MonkeyPatch, refusals: int, kind: type
    ) -> None:
        connection = site.transport.connect(site.endpoint, CONNECT, Event())
        assert isinstance(connection, SshConnection)
        ask, refused = Link.ask_for_session, iter(range(refusals))
        monkeypatch.setattr(Link, "ask_for_session", lambda link: ask(link) if next(refused, None) is None else _No())
        assert isinstance(connection.facts(Event()), kind)
        assert next(refused, None) is None
        connection.close()


class _No(Session):
    """A session that the server refused."""

    was_refused = True
    is_open = False

    def __init__(self) -> None:
        pass

    def await_answer(self, seconds: float) -> bool:
        return True


class TestSshWithoutSftp(FilesContract):
    """Files go by sh."""

    @pytest.fixture(scope="class")
    @classmethod
    def site(cls, fleets: Fleets, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
        fleet = fleets.get({"Subsystem": "none /bin/false"})
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
