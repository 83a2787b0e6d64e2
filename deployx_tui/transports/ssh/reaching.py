"""The ways to a server's port: this one is straight over TCP; jumping.py has the one through a jump host."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import select
import socket
import threading
import time
from dataclasses import dataclass
from threading import Event
from typing import Protocol

from deployx_tui.model.execution import Cause
from deployx_tui.transports.base import Unreached
from deployx_tui.transports.ssh.config import HostSettings
from deployx_tui.transports.ssh.limits import LOOK, Failed, Limits
from deployx_tui.transports.ssh.wire import Line

#: a peer that acknowledges nothing for so long is gone; else the kernel tries for a quarter of an hour
_TCP_USER_TIMEOUT_MS = 90_000

#: (family, what connect takes: host, port, and for IPv6 flow and scope)
Resolved = tuple[socket.AddressFamily, tuple[str | int, ...]]


@dataclass(frozen=True, slots=True)
class HostKey:
    """What a host has shown."""

    blob: bytes
    certificate: bytes | None


#: what was seen of the hosts on the way: their settings, and what each showed
Proofs = tuple[tuple[HostSettings, HostKey], ...]


class Way(Protocol):
    """How the port of a server is reached. The steps raise Failed."""

    #: of the jump hosts; known when connected
    proofs: Proofs

    def resolve(self) -> str: ...

    def connect(self) -> tuple[Line, str]:
        """The line, and what was found. May be called again, when the server did not want to talk."""
        ...

    def why(self) -> str:
        """What the way itself knows of a line that broke before the server talked; "": nothing."""
        ...


class Direct:
    """See Way."""

    proofs: Proofs = ()

    def __init__(self, settings: HostSettings, limits: Limits) -> None:
        self._settings, self._limits = settings, limits
        self._addresses: list[Resolved] = []

    def resolve(self) -> str:
        host, port = self._settings.hostname, self._settings.port
        with contextlib.suppress(ValueError):
            literal = ipaddress.ip_address(host.partition("%")[0])
            if literal.version == 4:
                self._addresses = [(socket.AF_INET, (host, port))]
                return f"{host} is an address"
        answer = _Lookup(host, port, self._settings.family)
        while not answer.done.wait(LOOK):
            self._limits.check(f"the name {host} was looked up")
        if answer.error is not None or not answer.found:
            reason = answer.error or "no address of the wanted family"
            raise Failed(
                Unreached(Cause.NAME, f"the name {host} can't be resolved: {reason}", "check the address of the device")
            )
        self._addresses = answer.found
        return f"{host} is {', '.join(dict.fromkeys(str(address[0]) for _, address in answer.found))}"

    def connect(self) -> tuple[Line, str]:
        errors: list[tuple[Cause, str]] = []
        for number, (family, address) in enumerate(self._addresses):
            share = self._limits.left / (len(self._addresses) - number)
            attempt = self._reach(family, address, share)
            if isinstance(attempt, socket.socket):
                return attempt, f"{address[0]} port {address[1]} accepts connections"
            errors.append(attempt)
        cause, message = errors[-1]
        remedies = {
            Cause.REFUSED: "start the SSH server there, or correct the port (device edit NAME --address HOST:PORT)",
            Cause.CONNECT_TIMEOUT: "see that the host is up and no firewall drops the connection",
        }
        raise Failed(Unreached(cause, message, remedies.get(cause, "check the network and the address")))

    def why(self) -> str:
        return ""

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
                if poll.poll(min(left, LOOK) * 1000):
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
