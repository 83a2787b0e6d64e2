"""Durable runs over SSH to a real sshd: the contract, broken connections of every kind, and any login shell."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from deployx_tui.model.execution import KillVerdict
from deployx_tui.transports.base import Detached, Exited, Killed, Signalled
from tests.contract.durable import DurableContract
from tests.contract.durable.site import CHATTER, CHATTER_DIGEST, Durable, Lose, Spool, When, digest
from tests.contract.transport.site import Site, Told, alive, nap
from tests.integration.test_ssh_shells import LOGIN_SHELLS, site_behind
from tests.support.proxy import Proxy
from tests.support.require import require_program
from tests.support.ssh import Fleets, endpoint_of, transport_to


@pytest.fixture(scope="module")
def fleets() -> Iterator[Fleets]:
    with Fleets() as fleets:
        yield fleets


@pytest.fixture
def proxy(fleets: Fleets) -> Iterator[Proxy]:
    host = fleets.get().hosts[0]
    with Proxy(host.address, host.port) as proxy:
        yield proxy


@pytest.fixture
def site(fleets: Fleets, proxy: Proxy, tmp_path: Path) -> Iterator[Site]:
    """Through a proxy that a test can break."""
    fleet = fleets.get()
    with (tmp_path / "known_hosts").open("a") as known_hosts:
        known_hosts.write(f"[{proxy.address}]:{proxy.port} {fleet.hosts[0].host_key}\n")
    transport = transport_to(fleet, tmp_path, silence=8.0, keepalive=1, wake=1.0)
    endpoint = dataclasses.replace(endpoint_of(fleet.hosts[0]), address=proxy.address, port=proxy.port)
    yield Site(transport, endpoint)
    transport.shutdown()


@pytest.fixture
def durable(site: Site, tmp_path: Path) -> Durable:
    base = tmp_path / "spools"
    base.mkdir()
    return Durable(site, base)


class TestDurableSsh(DurableContract):
    @pytest.fixture
    def lose(self, proxy: Proxy) -> Lose:
        return lambda spool: proxy.cut()


def test_a_killed_sshd_costs_no_byte(durable: Durable) -> None:
    """The process of sshd that serves this connection: the supervisor's parent."""
    spec = durable.spec(CHATTER)

    def kill() -> None:
        supervisor = durable.spool(spec).supervisor
        parent = subprocess.run(
            ["ps", "-o", "ppid=", "-p", str(supervisor)], capture_output=True, text=True, check=True
        )
        os.kill(int(parent.stdout), signal.SIGKILL)

    told = durable.run(spec, When(b"5 line 1000\n", kill))
    assert told.outcome == Exited(7)
    assert digest(told) == CHATTER_DIGEST


def test_a_connection_that_stands_still_is_given_up_and_made_again(durable: Durable, proxy: Proxy) -> None:
    """Bytes are dropped without a word; then the way opens for new connections only."""
    spec = durable.spec(CHATTER)
    told = durable.run(spec, When(b"5 line 1000\n", proxy.drop))
    assert told.outcome == Exited(7)
    assert digest(told) == CHATTER_DIGEST


@pytest.mark.parametrize("breaks", [3, pytest.param(25, marks=pytest.mark.long)])
def test_many_breaks_of_one_run_cost_no_byte(durable: Durable, proxy: Proxy, breaks: int) -> None:
    spec = durable.spec(CHATTER.replace("sleep 0.05", "sleep 0.2"))
    left = iter(range(breaks))

    class Breaking(When):
        def __call__(self, stream, data, at) -> None:  # type: ignore[no-untyped-def]  # as the one it overrides
            super().__call__(stream, data, at)
            if next(left, None) is not None:
                proxy.cut()

    told = durable.run(spec, Breaking(b"never", lambda: None))
    assert told.outcome == Exited(7)
    assert digest(told) == CHATTER_DIGEST


@pytest.mark.parametrize("cut_after", [500, 4_000, 8_000, 9_500])
def test_a_start_that_breaks_off_never_runs_twice(
    durable: Durable, fleets: Fleets, tmp_path: Path, cut_after: int
) -> None:
    """The text is cut somewhere: either nothing has run, or it has and is followed to its end."""
    fleet = fleets.get()
    oracle = tmp_path / "oracle"
    spec = durable.spec(f"echo ran >>{oracle}; echo out")
    with Proxy(fleet.hosts[0].address, fleet.hosts[0].port, cut_after=cut_after, cuts_once=True) as cutting:
        with (tmp_path / "known_hosts").open("a") as known_hosts:
            known_hosts.write(f"[{cutting.address}]:{cutting.port} {fleet.hosts[0].host_key}\n")
        there = dataclasses.replace(durable.site.endpoint, address=cutting.address, port=cutting.port)
        try:
            told = Durable(Site(durable.site.transport, there), durable.base).run(spec)
        except AssertionError:  # not even connected
            told = None
    ran = oracle.read_text().count("ran") if oracle.exists() else 0
    assert ran <= 1
    if told is not None and isinstance(told.outcome, Exited):
        assert (ran, told.stdout) == (1, b"out\n")


@pytest.mark.parametrize(
    "shell", [*LOGIN_SHELLS[:2], *(pytest.param(s, marks=pytest.mark.long) for s in LOGIN_SHELLS[2:])]
)
def test_any_login_shell_will_do(fleets: Fleets, tmp_path: Path, shell: str) -> None:
    require_program(shell.split(maxsplit=1)[0])
    site = site_behind(fleets, f'exec {shell} -c "$SSH_ORIGINAL_COMMAND"', tmp_path)
    durable = Durable(site, tmp_path / "spools")
    durable.base.mkdir()
    value = 'it\'s "$HOME" `x` \\ \n é'
    told = durable.run(durable.spec('printf %s "$V"; echo err >&2; exit 3', environment={"V": value}))
    assert told == Told(Exited(3), value.encode(), b"err\n")
    assert durable.run(durable.spec("kill -TERM $$")).outcome == Signalled("TERM")
    spec = durable.spec(CHATTER)
    first = durable.begin(spec, until=b"3 line 500\n")
    assert first.outcome == Detached()
    rest = durable.attach(spec, len(first.stdout), len(first.stderr))
    assert isinstance(rest, Told)
    assert digest(Told(rest.outcome, first.stdout + rest.stdout, first.stderr + rest.stderr)) == CHATTER_DIGEST
    seconds = nap()
    told = _cancelled(durable, f"sleep {seconds} | cat & setsid sleep {seconds} & echo ready; wait")
    assert isinstance(told.outcome, Killed)
    assert told.outcome.kill.verdict is KillVerdict.KILLED
    assert alive(seconds) == []
    assert list(durable.base.iterdir()) == []
    site.transport.shutdown()


def _cancelled(durable: Durable, script: str) -> Told:
    from threading import Event

    stop = Event()
    return durable.run(durable.spec(script, grace=timedelta(seconds=2)), When(b"ready", stop.set), cancel=stop)


__all__ = ["Spool"]
