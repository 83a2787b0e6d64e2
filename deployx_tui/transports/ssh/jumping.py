"""The way through a jump host: it resolves the name, and carries a line over a connection that others use too."""

from __future__ import annotations

from typing import Protocol

import paramiko

from deployx_tui.model.execution import Cause
from deployx_tui.transports.base import Unreached
from deployx_tui.transports.ssh.config import HostSettings
from deployx_tui.transports.ssh.limits import LOOK, Failed, Limits
from deployx_tui.transports.ssh.link import Link
from deployx_tui.transports.ssh.opening import Opening
from deployx_tui.transports.ssh.reaching import Proofs
from deployx_tui.transports.ssh.session import Session
from deployx_tui.transports.ssh.tunnel import Tunnel
from deployx_tui.transports.ssh.wire import Line


class Lease(Protocol):
    """A connection to a jump host that is used for one line. See bastions.py."""

    link: Link
    #: of this host and of those before it
    proofs: Proofs

    def release(self) -> None:
        """The line is not used any more. Called once."""
        ...

    def spoil(self) -> None:
        """It opens no further lines: nobody else shall get it."""
        ...


class Lender(Protocol):
    """Where connections to a jump host come from."""

    #: for messages
    name: str

    def take(self, limits: Limits) -> Lease:
        """Raises Failed, with the jump host's name in the message."""
        ...


class OwnJump:
    """See Lender: the one connection that a connection test has made, and closes itself."""

    def __init__(self, opening: Opening) -> None:
        if opening.link is None:
            raise RuntimeError("the connection to the jump host was not made")
        self.name = opening.label
        self.link, self.proofs = opening.link, opening.proofs

    def take(self, limits: Limits) -> Lease:
        return self

    def release(self) -> None:
        """The test closes it."""

    def spoil(self) -> None:
        """Nobody else gets it."""


#: RFC 4254 5.1
_PROHIBITED, _CONNECT_FAILED, _UNKNOWN_KIND, _SHORTAGE = 1, 2, 3, 4
#: what a server says of a connection that failed -> what it means
_CAUSES = (
    ("refused", Cause.REFUSED),
    ("timed out", Cause.CONNECT_TIMEOUT),
    ("not known", Cause.NAME),
    ("resolution", Cause.NAME),
    ("no address associated", Cause.NAME),
)
_REMEDIES = {
    Cause.REFUSED: "start the SSH server there, or correct the port (device edit NAME --address HOST:PORT)",
    Cause.CONNECT_TIMEOUT: "see that the host is up and no firewall drops the connection",
    Cause.NAME: "give the device an address that its jump host knows",
}


class ThroughJump:
    """See Way. The jump host resolves the name and makes the connection."""

    def __init__(self, settings: HostSettings, limits: Limits, lender: Lender, wake: float) -> None:
        self._settings, self._limits, self._lender, self._wake = settings, limits, lender, wake
        self.proofs: Proofs = ()

    def resolve(self) -> str:
        return f"{self._settings.hostname} is looked up by the jump host {self._lender.name}"

    def connect(self) -> tuple[Line, str]:
        # a connection that died, or that is full, is replaced once: nothing was sent
        host, port, name = self._settings.hostname, self._settings.port, self._lender.name
        for is_last in (False, True):
            lease = self._lender.take(self._limits)
            try:
                session = self._ask(lease.link, host, port)
            except BaseException:
                lease.release()
                raise
            if session is not None and session.is_open and not session.closed:
                self.proofs = lease.proofs
                line = Tunnel(session, self._wake, lease.release)
                return line, f"{host} port {port} accepts connections from {name}"
            refusal = None if session is None else session.refusal
            if refusal is None or refusal[0] == _SHORTAGE:
                lease.spoil()
            lease.release()
            if is_last or (refusal is not None and refusal[0] != _SHORTAGE):
                raise Failed(_refused(f"{host} port {port}", name, refusal))
        raise AssertionError("unreachable")

    def why(self) -> str:
        return ""

    def _ask(self, link: Link, host: str, port: int) -> Session | None:
        """The session with its answer; None: the connection to the jump host is gone."""
        try:
            session = link.ask_for_tunnel(host, port)
            while not session.await_answer(LOOK):
                try:
                    self._limits.check(f"{self._lender.name} connected to {host} port {port}")
                except Failed:
                    session.close()  # if it is opened all the same, it is closed at once
                    raise
        except (EOFError, OSError, paramiko.SSHException):
            return None
        return session


def _refused(where: str, name: str, refusal: tuple[int, str] | None) -> Unreached:
    """`refusal` None: the connection to the jump host broke."""
    if refusal is None:
        return Unreached(
            Cause.UNREACHABLE, f"the connection to the jump host {name} broke", f"look at {name}, then run it again"
        )
    reason, words = refusal
    if reason == _CONNECT_FAILED:
        said = words.lower()
        cause = next((cause for mark, cause in _CAUSES if mark in said), Cause.UNREACHABLE)
        remedy = _REMEDIES.get(cause, f"look at the network between {name} and the host")
        return Unreached(cause, f"{name} can't connect to {where}: {words or 'no reason given'}", remedy)
    if reason == _SHORTAGE:
        return Unreached(
            Cause.REFUSED,
            f"the jump host {name} has no room for another connection: {words}",
            f"see the load of {name}",
        )
    return Unreached(
        Cause.REFUSED,
        f"the jump host {name} does not carry connections to {where}: {words or 'refused'}",
        f"on {name}, see AllowTcpForwarding, DisableForwarding and PermitOpen in sshd_config, "
        "and restrict in authorized_keys",
    )
