"""From an endpoint to an authenticated connection, step by step: resolve, connect, host key, authenticate.

The order is fixed: nothing is proved to a server before its host key was checked (paramiko's own `Transport.connect`
and SSHClient do otherwise and are not used). Each step returns, or raises Failed with what is known and what helps.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import re
import select
import shlex
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

from deployx_tui.model.device import OfferedKey
from deployx_tui.model.execution import Cause
from deployx_tui.transports.base import Endpoint, Unreached
from deployx_tui.transports.hostkeys import KnownHosts
from deployx_tui.transports.ssh import algorithms, auth
from deployx_tui.transports.ssh.config import HostSettings
from deployx_tui.transports.ssh.link import KEEPALIVE, WAKE, Link

#: how late a cancel may be noticed
_LOOK = 0.2
#: a peer that acknowledges nothing for so long is gone; else the kernel tries for a quarter of an hour
_TCP_USER_TIMEOUT_MS = 90_000
#: what a server calls itself -> it has no POSIX shell
_WINDOWS = "for_windows"

#: (family, what connect takes: host, port, and for IPv6 flow and scope)
Resolved = tuple[socket.AddressFamily, tuple[str | int, ...]]
#: (endpoint, the key): a key was kept because the policy is accept-new; for the audit
KeyKept = Callable[[Endpoint, OfferedKey], None]


class Failed(Exception):
    """A step failed; `unreached` is what the caller of the transport gets."""

    def __init__(self, unreached: Unreached) -> None:
        super().__init__(unreached.message)
        self.unreached = unreached


@dataclass(frozen=True, slots=True)
class Limits:
    """Until when, and whether anybody still wants it."""

    #: monotonic time
    until: float
    cancel: Event

    @property
    def left(self) -> float:
        return self.until - time.monotonic()

    def check(self, doing: str) -> None:
        """Raise Failed when cancelled or too late."""
        if self.cancel.is_set():
            raise Failed(Unreached(Cause.KILLED, f"cancelled while {doing}; nothing was sent"))
        if self.left <= 0:
            raise Failed(
                Unreached(
                    Cause.CONNECT_TIMEOUT, f"no time was left while {doing}", "see that the host is up and answers"
                )
            )


@dataclass(frozen=True, slots=True)
class Tools:
    """What every opening of one transport shares."""

    known_hosts: KnownHosts
    keys: auth.KeyRing
    key_kept: KeyKept | None = None
    wake: float = WAKE
    keepalive: int = KEEPALIVE


class Opening:
    """One attempt. The steps are called in order; `close` ends it after a failure."""

    def __init__(self, endpoint: Endpoint, settings: HostSettings, tools: Tools, limits: Limits) -> None:
        self._endpoint, self._settings, self._tools, self._limits = endpoint, settings, tools, limits
        self._addresses: list[Resolved] = []
        self._socket: socket.socket | None = None
        self.link: Link | None = None

    def resolve(self) -> str:
        host, port = self._settings.hostname, self._settings.port
        with contextlib.suppress(ValueError):
            literal = ipaddress.ip_address(host.partition("%")[0])
            if literal.version == 4:
                self._addresses = [(socket.AF_INET, (host, port))]
                return f"{host} is an address"
        answer = _Lookup(host, port, self._settings.family)
        while not answer.done.wait(_LOOK):
            self._limits.check(f"the name {host} was looked up")
        if answer.error is not None or not answer.found:
            reason = answer.error or "no address of the wanted family"
            raise Failed(
                Unreached(Cause.NAME, f"the name {host} can't be resolved: {reason}", "check the address of the device")
            )
        self._addresses = answer.found
        return f"{host} is {', '.join(dict.fromkeys(str(address[0]) for _, address in answer.found))}"

    def connect(self) -> str:
        errors: list[tuple[Cause, str]] = []
        for number, (family, address) in enumerate(self._addresses):
            share = self._limits.left / (len(self._addresses) - number)
            attempt = self._reach(family, address, share)
            if isinstance(attempt, socket.socket):
                self._socket = attempt
                return f"{address[0]} port {address[1]} accepts connections"
            errors.append(attempt)
        cause, message = errors[-1]
        remedies = {
            Cause.REFUSED: "start the SSH server there, or correct the port (device edit NAME --address HOST:PORT)",
            Cause.CONNECT_TIMEOUT: "see that the host is up and no firewall drops the connection",
        }
        raise Failed(Unreached(cause, message, remedies.get(cause, "check the network and the address")))

    def greet(self) -> str:
        """Versions and keys are exchanged; afterwards `link` knows the server's host key."""
        sock, self._socket = self._socket, None
        if sock is None:
            raise RuntimeError("greet comes after connect")
        link = self.link = Link(sock, wake=self._tools.wake, keepalive=self._tools.keepalive)
        settings = self._settings
        known = self._tools.known_hosts
        with contextlib.suppress(OSError):  # an unreadable file is told, and refused, when the key is judged
            algorithms.restrict(link, known.key_types(settings.key_name, settings.port, settings.known_hosts))
        wrong = link.greet(max(0.1, self._limits.left), self._limits.cancel.is_set)
        where = f"{settings.hostname} port {settings.port}"
        if wrong == "":
            self._limits.check(f"{where} exchanged keys")
            wrong = "it did not answer in time"
        if wrong is not None:
            cause = Cause.CONNECT_TIMEOUT if self._limits.left <= 0 else Cause.UNREACHABLE
            raise Failed(
                Unreached(cause, f"no SSH handshake with {where}: {wrong}", "see that an SSH server listens there")
            )
        objection = algorithms.objection(link)
        if objection is not None:
            raise Failed(Unreached(Cause.UNREACHABLE, f"{where}: {objection}", "update the SSH server there"))
        return algorithms.summary(link)

    def verify(self) -> str:
        """The host key is the known one, or the policy takes it."""
        link, settings, known = self._linked(), self._settings, self._tools.known_hosts
        key = link.get_remote_server_key()
        kind, blob = key.get_name(), key.asbytes()
        name, port, beside = settings.key_name, settings.port, settings.known_hosts
        verdict = known.judge(self._endpoint.host_key_policy, name, port, kind, blob, beside)
        if verdict.keep:
            try:
                kept = known.keep(name, port, kind, blob, beside)
            except OSError as error:
                message = f"the host key can't be written to {known.ours}: {error}"
                raise Failed(Unreached(Cause.HOST_KEY, message, "check the folder's owner and mode")) from error
            if not kept:  # another connection kept another key a moment ago
                verdict = known.judge(self._endpoint.host_key_policy, name, port, kind, blob, beside)
            elif self._tools.key_kept is not None:
                self._tools.key_kept(self._endpoint, verdict.offered)
        if not verdict.accepted:
            # known_hosts knows hosts, the command names devices
            name = shlex.quote(self._endpoint.name)
            remedy = re.sub(r"deployx device trust\b", lambda found: f"{found[0]} {name}", verdict.remedy)
            raise Failed(Unreached(Cause.HOST_KEY, verdict.message, remedy, verdict.offered))
        return verdict.message

    def authenticate(self) -> str:
        link = self._linked()
        self._limits.check("logging in")
        allowed = auth.log_in(link, self._settings, self._tools.keys, self._limits.until, self._endpoint.login)
        if isinstance(allowed, auth.Denied):
            self._limits.check("logging in")
            raise Failed(Unreached(Cause.AUTH, allowed.message, allowed.remedy))
        link.keep_alive()
        return f"{self._settings.user} is let in with {allowed}"

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        if self.link is not None:
            self.link.end()

    @property
    def is_windows(self) -> bool:
        return _WINDOWS in self._linked().remote_version.lower()

    @property
    def host_key(self) -> bytes:
        return self._linked().get_remote_server_key().asbytes()

    def _linked(self) -> Link:
        if self.link is None:
            raise RuntimeError("greet comes first")
        return self.link

    def _reach(self, family: int, address: tuple[str | int, ...], seconds: float) -> socket.socket | tuple[Cause, str]:
        """Connect without blocking longer than a look, so that a cancel is noticed."""
        where = f"{address[0]} port {address[1]}"
        until = min(self._limits.until, time.monotonic() + seconds)
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _TCP_USER_TIMEOUT_MS)
            if self._settings.bind_address is not None:
                sock.bind((self._settings.bind_address, 0))
            sock.setblocking(False)
            code = sock.connect_ex(address)
            poll = select.poll()
            poll.register(sock, select.POLLOUT)
            while code == errno.EINPROGRESS:
                self._limits.check(f"connecting to {where}")
                left = until - time.monotonic()
                if left <= 0:
                    sock.close()
                    return Cause.CONNECT_TIMEOUT, f"{where} did not answer in time"
                if poll.poll(min(left, _LOOK) * 1000):
                    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        except OSError as error:
            sock.close()
            return Cause.UNREACHABLE, f"{where}: {error.strerror or error}"
        except Failed:
            sock.close()
            raise
        if code == 0:
            sock.setblocking(True)
            return sock
        sock.close()
        causes = {errno.ECONNREFUSED: Cause.REFUSED, errno.ETIMEDOUT: Cause.CONNECT_TIMEOUT}
        return causes.get(code, Cause.UNREACHABLE), f"{where}: {os.strerror(code)}"


class _Lookup:
    """getaddrinfo in a thread of its own: it can't be interrupted and may take half a minute."""

    def __init__(self, host: str, port: int, family: str) -> None:
        self.done = Event()
        self.found: list[Resolved] = []
        self.error: str | None = None
        families = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}
        arguments = (host, port, families.get(family, socket.AF_UNSPEC))
        threading.Thread(target=self._run, args=arguments, daemon=True, name="deployx-resolve").start()

    def _run(self, host: str, port: int, family: socket.AddressFamily) -> None:
        try:
            for found in socket.getaddrinfo(host, port, family, socket.SOCK_STREAM):
                # an address of bytes is Bluetooth's
                self.found.append((found[0], tuple(part for part in found[4] if not isinstance(part, bytes))))
        except (OSError, UnicodeError) as error:
            self.error = getattr(error, "strerror", None) or str(error)
        finally:
            self.done.set()
