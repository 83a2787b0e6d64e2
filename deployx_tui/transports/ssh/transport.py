"""The SSH transport: opens connections or takes them from the pool, and tests them step by step."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from threading import Event

from deployx_tui.model.device import OfferedKey, TestStep, TestStepName
from deployx_tui.model.execution import Cause
from deployx_tui.model.facts import Facts
from deployx_tui.transports.base import Connection, Endpoint, Unreached
from deployx_tui.transports.facts import NoFacts
from deployx_tui.transports.hostkeys import KnownHosts, Standing, name_of
from deployx_tui.transports.pool import Pool
from deployx_tui.transports.ssh.auth import KeyRing
from deployx_tui.transports.ssh.bastions import Bastions, Care
from deployx_tui.transports.ssh.config import ConfigRefused, HostSettings, SshConfig
from deployx_tui.transports.ssh.connection import Acquaintances, Opened, SshConnection
from deployx_tui.transports.ssh.jumping import OwnJump, ThroughJump
from deployx_tui.transports.ssh.limits import Failed, Limits
from deployx_tui.transports.ssh.link import KEEPALIVE, SILENCE, WAKE
from deployx_tui.transports.ssh.opening import KeyKept, Opening, Tools
from deployx_tui.transports.ssh.proxying import ByCommand
from deployx_tui.transports.ssh.reaching import Direct, Proofs, Way
from deployx_tui.transports.ssh.route import Hop, Route, route


@dataclass(frozen=True, slots=True, kw_only=True)
class SshSettings:
    """What can be set about SSH as a whole. Times in seconds."""

    #: our known_hosts file; it and its folder are made when the first key is kept
    known_hosts: Path
    #: read beside ours, never written
    known_hosts_beside: tuple[Path, ...] = ()
    #: None: no configuration file is read
    config_file: Path | None = None
    #: a connection that nobody used for so long is closed
    idle: float = 120.0
    #: so many idle ones are kept
    cap: int = 1000
    #: at once; sshd's MaxStartups is 10:30:100, per server
    handshakes: int = 64
    #: files that are under way at once, to all hosts together
    transfers: int = 16
    #: so long may the target's shell take to answer
    patience: float = 20.0
    wake: float = WAKE
    keepalive: int = KEEPALIVE
    silence: float = SILENCE
    #: called when accept-new kept a key
    key_kept: KeyKept | None = None


class SshTransport:
    """See Transport."""

    def __init__(self, settings: SshSettings) -> None:
        self._settings = settings
        self._config = SshConfig(settings.config_file)
        self._known_hosts = KnownHosts(settings.known_hosts, settings.known_hosts_beside)
        self._tools = Tools(self._known_hosts, KeyRing(), settings.key_kept, settings.wake, settings.keepalive)
        self._pool: Pool[Hashable, _Pooled] = Pool(idle=settings.idle, cap=settings.cap)
        self._in_use: dict[int, _Pooled] = {}
        self._lock = threading.Lock()
        self._handshakes = threading.BoundedSemaphore(settings.handshakes)
        self._transfers = threading.BoundedSemaphore(settings.transfers)
        self._acquaintances = Acquaintances()
        self._bastions = Bastions(Care(self._log_in, self._are_still_known, settings.idle, settings.silence))

    def connect(self, endpoint: Endpoint, deadline: timedelta, cancel: Event) -> Connection | Unreached:
        try:
            way = route(self._config, endpoint)
        except ConfigRefused as error:
            return Unreached(Cause.UNREACHABLE, str(error), error.remedy)
        key = tuple(hop.key for hop in way)
        while (pooled := self._pool.take(key)) is not None:
            if self._are_still_known(pooled.proofs):
                break
            pooled.connection.close()
        if pooled is None:
            seconds = deadline.total_seconds()
            opened = self._open(way, seconds, cancel)
            if isinstance(opened, Unreached):
                return opened
            connection = SshConnection(
                opened,
                lambda: self._open(way, seconds, Event()),
                self._acquaintances,
                patience=self._settings.patience,
                silence=self._settings.silence,
                places=self._transfers,
            )
            pooled = _Pooled(key, connection, opened.proofs)
        with self._lock:
            self._in_use[id(pooled.connection)] = pooled
        return pooled.connection

    def release(self, connection: Connection) -> None:
        with self._lock:
            pooled = self._in_use.pop(id(connection), None)
        if pooled is None:
            connection.close()
        else:
            self._pool.give(pooled.key, pooled)

    def test(self, endpoint: Endpoint, deadline: timedelta) -> Iterator[TestStep]:
        limits = Limits(time.monotonic() + deadline.total_seconds(), Event())
        clock = _Clock()
        try:
            way = route(self._config, endpoint)
        except ConfigRefused as error:
            yield clock.step(TestStepName.RESOLVE, False, str(error), error.remedy)
            return
        openings: list[Opening] = []
        try:
            for hop in way:
                last = openings[-1] if openings else None
                opening = Opening(hop, self._tools, limits, self._own_way(hop, limits, last))
                openings.append(opening)
                for step in self._steps(hop, opening, limits, clock):
                    yield step
                    if not step.ok:
                        return
        finally:
            for opening in reversed(openings):
                opening.close()

    def _steps(self, hop: Hop, opening: Opening, limits: Limits, clock: _Clock) -> Iterator[TestStep]:
        """Of one host; the last of a route also runs a command."""
        not_read = hop.settings.not_read
        asked_for = hop.settings.asked_for
        how = f"; ~/.ssh/config as `ssh -G` resolves it, for {asked_for}" if asked_for else ""
        note = f"; not read from the configuration: {', '.join(not_read)}" if not_read else ""
        steps: list[tuple[TestStepName, Callable[[], str]]] = [
            (TestStepName.RESOLVE, lambda: f"{opening.resolve()}{how}"),
            (TestStepName.CONNECT, lambda: f"{opening.approach()}{note}"),
            (TestStepName.HOST_KEY, opening.verify),
            (TestStepName.AUTHENTICATE, opening.authenticate),
        ]
        label = hop.label if hop.is_jump else ""
        for name, act in steps:
            try:
                message = act()
            except Failed as failed:
                why = failed.unreached
                yield clock.step(name, False, why.message, why.remedy, why.offered_key, hop=label)
                return
            yield clock.step(name, True, message, hop=label)
        if hop.is_jump:
            return
        try:
            facts = self._try_shell(hop.settings, opening, limits)
        except Failed as failed:
            yield clock.step(TestStepName.RUN, False, failed.unreached.message, failed.unreached.remedy)
            return
        system = " ".join(filter(None, (facts.kernel, facts.kernel_release))) or "an unknown system"
        yield replace(clock.step(TestStepName.RUN, True, f"sh answers on {system}"), facts=facts)

    def trust(self, endpoint: Endpoint, offered: OfferedKey) -> tuple[str, ...]:
        """Keep this key as the known one of the host that showed it: the endpoint's, or a jump host on its way.

        Returns fingerprints that it replaced in our file. Raises ConfigRefused's text as ValueError, ValueError for a
        key that is none or of a host that is not on the way, OSError when the file can't be written.
        """
        try:
            way = route(self._config, endpoint)
        except ConfigRefused as error:
            raise ValueError(str(error)) from error
        for hop in way:
            host = hop.settings
            if offered.host == (name_of(host.key_name, host.key_port) if hop.is_jump else None):
                return self._known_hosts.trust(host.key_name, host.key_port, offered.key_type, offered.key)
        raise ValueError(f"{offered.host} is not on the way to {endpoint.name}")

    def shutdown(self) -> None:
        self._pool.shutdown()
        with self._lock:
            left = list(self._in_use.values())
            self._in_use.clear()
        for pooled in left:
            pooled.close()
        self._bastions.shutdown()

    def _open(self, way: Route, seconds: float, cancel: Event) -> Opened | Unreached:
        host = way[-1].settings
        limits = Limits(time.monotonic() + seconds, cancel)
        try:
            with self._handshake(limits):
                opening = self._log_in(way, limits)
        except Failed as failed:
            return failed.unreached
        return _opened(host, opening)

    def _log_in(self, way: Route, limits: Limits) -> Opening:
        """A connection to the last host of a route, over shared ones to those before it. Raises Failed."""
        hop = way[-1]
        if hop.settings.connect_timeout is not None:
            limits = replace(limits, until=min(limits.until, time.monotonic() + hop.settings.connect_timeout))
        through: Way
        if len(way) > 1:
            through = ThroughJump(hop.settings, limits, self._bastions.to(way[:-1]), self._settings.wake)
        else:
            through = _straight(hop, limits)
        opening = Opening(hop, self._tools, limits, through)
        try:
            opening.resolve()
            opening.approach()
            opening.verify()
            opening.authenticate()
        except BaseException:
            opening.close()
            raise
        return opening

    def _own_way(self, hop: Hop, limits: Limits, last: Opening | None) -> Way:
        """For a test: over the connection to the jump host that the test has made."""
        if last is None:
            return _straight(hop, limits)
        return ThroughJump(hop.settings, limits, OwnJump(last), self._settings.wake)

    @contextlib.contextmanager
    def _handshake(self, limits: Limits) -> Iterator[None]:
        """One of the places for handshakes; the wait for it is not counted against the deadline of the connection."""
        while not self._handshakes.acquire(timeout=0.2):
            if limits.cancel.is_set():
                limits.check("waiting for other connections")
        try:
            yield
        finally:
            self._handshakes.release()

    def _are_still_known(self, proofs: Proofs) -> bool:
        """Somebody may have replaced or revoked a key since the connection was made."""
        known = self._known_hosts
        try:
            return all(
                known.standing(host.key_name, host.key_port, key.blob, host.known_hosts, certificate=key.certificate)
                is Standing.KNOWN
                for host, key in proofs
            )
        except OSError:
            return False

    def _try_shell(self, host: HostSettings, opening: Opening, limits: Limits) -> Facts:
        """Ask the device about itself, as any command is run. Raises Failed."""
        connection = SshConnection(
            _opened(host, opening),
            lambda: Unreached(Cause.LOST, "the connection broke"),
            Acquaintances(),
            patience=max(0.1, min(limits.left, self._settings.patience)),
            silence=self._settings.silence,
        )
        found = connection.facts(limits.cancel)
        if isinstance(found, NoFacts):
            raise Failed(Unreached(found.cause, found.message, found.remedy))
        return found


def _straight(hop: Hop, limits: Limits) -> Way:
    """Through no other connection of ours."""
    command = hop.settings.proxy_command
    return Direct(hop.settings, limits) if command is None else ByCommand(hop.settings, command)


class _Pooled:
    """A connection and what the pool knows it by."""

    def __init__(self, key: Hashable, connection: SshConnection, proofs: Proofs) -> None:
        self.key, self.connection, self.proofs = key, connection, proofs

    @property
    def is_usable(self) -> bool:
        return self.connection.is_usable

    def close(self) -> None:
        self.connection.close()


class _Clock:
    """Times the steps of a test."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    def step(
        self,
        name: TestStepName,
        ok: bool,
        message: str,
        remedy: str = "",
        offered_key: OfferedKey | None = None,
        *,
        hop: str = "",
    ) -> TestStep:
        now = time.monotonic()
        elapsed, self._since = now - self._since, now
        return TestStep(
            name=name,
            ok=ok,
            message=message,
            remedy=remedy,
            elapsed_ms=int(elapsed * 1000),
            hop=hop,
            offered_key=offered_key,
        )


def _opened(host: HostSettings, opening: Opening) -> Opened:
    link = opening.link
    if link is None:
        raise RuntimeError("the connection was not opened")
    account = (host.hostname, host.port, host.user, opening.host_key.blob)
    return Opened(link, opening.is_windows, account, opening.proofs)
