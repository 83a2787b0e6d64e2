"""What every transport tells of a device when it is asked."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

import pytest

from deployx_tui.model.device import TestStepName
from deployx_tui.model.facts import Facts
from deployx_tui.transports.base import Exited, Unreached
from deployx_tui.transports.facts import NoFacts, TellsFacts
from deployx_tui.transports.posix import facts as posix_facts
from tests.contract.transport.site import CONNECT, Site, Told


class FactsContract:
    """Part of TransportContract."""

    def test_a_device_tells_what_it_is(self, site: Site) -> None:
        with _connected(site) as connection:
            _is_this_machine(connection.facts(Event()))

    def test_the_first_command_after_it_runs_as_ever(self, site: Site) -> None:
        with _connected(site) as connection:
            assert isinstance(connection.facts(Event()), Facts)
            assert site.run("echo after") == Told(Exited(0), b"after\n", b"")

    def test_a_device_that_does_not_answer_told_nothing_and_is_left_alone(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(posix_facts, "SCRIPT", "exit 3\n")
        with _connected(site) as connection:
            found = connection.facts(Event())
        assert isinstance(found, NoFacts)
        assert "exit code 3" in found.message

    def test_asking_ends_when_nobody_wants_to_know_any_more(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(posix_facts, "SCRIPT", "sleep 999\n")
        stop = Event()
        stop.set()
        with _connected(site) as connection:
            assert isinstance(connection.facts(stop), NoFacts)

    def test_an_answer_without_end_is_read_to_its_bound(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        endless = "printf 'uname A B C\\n'; head -c 3000000 /dev/zero | tr '\\0' x; exit 0\n"
        monkeypatch.setattr(posix_facts, "SCRIPT", endless)
        with _connected(site) as connection:
            found = connection.facts(Event())
        assert found == Facts(
            kernel="A", kernel_release="B", os_id="a", arch="C", boot_id=getattr(found, "boot_id", "")
        )

    def test_a_connection_test_brings_the_facts(self, site: Site) -> None:
        last = list(site.transport.test(site.endpoint, CONNECT))[-1]
        assert last.name is TestStepName.RUN
        assert last.facts is not None
        _is_this_machine(last.facts)
        assert f"{platform.system()}" in last.message


def _is_this_machine(found: Facts | NoFacts) -> None:
    assert isinstance(found, Facts), found
    assert (found.kernel, found.kernel_release, found.arch) == (
        platform.system(),
        platform.release(),
        platform.machine(),
    )
    release = platform.freedesktop_os_release()
    assert (found.os_id, found.os_version) == (release["ID"], release.get("VERSION_ID"))
    assert found.os_name == release["PRETTY_NAME"]
    assert found.sh == os.path.realpath(shutil.which("sh") or "")
    assert found.cpus is not None
    assert found.memory == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert found.root is not None
    assert found.root.total == shutil.disk_usage("/").total
    assert found.temporary is not None
    assert found.temporary.free > 0


@contextmanager
def _connected(site: Site) -> Iterator[TellsFacts]:
    """A connection of the site that can be asked."""
    found = site.transport.connect(site.endpoint, CONNECT, Event())
    assert not isinstance(found, Unreached), found
    try:
        assert isinstance(found, TellsFacts)
        yield found
    finally:
        site.transport.release(found)
