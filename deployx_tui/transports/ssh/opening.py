"""From an endpoint to an authenticated connection, step by step: resolve, connect, host key, authenticate.

The order is fixed: nothing is proved to a server before its host key was checked (paramiko's own `Transport.connect`
and SSHClient do otherwise and are not used). Each step returns, or raises Failed with what is known and what helps.
"""

from __future__ import annotations

import contextlib
import random
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace

from deployx_tui.model.device import OfferedKey
from deployx_tui.model.execution import Cause
from deployx_tui.transports.base import Endpoint, Unreached
from deployx_tui.transports.hostkeys import KnownHosts, name_of
from deployx_tui.transports.ssh import algorithms, auth
from deployx_tui.transports.ssh.interview import Interview
from deployx_tui.transports.ssh.limits import Failed, Limits
from deployx_tui.transports.ssh.link import KEEPALIVE, WAKE, Link
from deployx_tui.transports.ssh.reaching import HostKey, Proofs, Way
from deployx_tui.transports.ssh.route import Hop
from deployx_tui.transports.ssh.wire import Line

#: what a server calls itself -> it has no POSIX shell
_WINDOWS = "for_windows"

#: a server that is too busy for us (MaxStartups, PerSourceMaxStartups) is asked again after so many seconds
_AGAIN_IF_BUSY = (0.2, 0.5, 1.0, 2.0)
#: older ones close without a word, and so does what is no SSH server
_AGAIN_IF_SILENT = (0.2, 0.5)
_BUSY = (b"Exceeded MaxStartups", b"Not allowed at this time")
#: (endpoint, the key): a key was kept because the policy is accept-new; for the audit
KeyKept = Callable[[Endpoint, OfferedKey], None]


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

    def __init__(self, hop: Hop, tools: Tools, limits: Limits, way: Way) -> None:
        self._hop, self._tools, self._limits, self._way = hop, tools, limits, way
        self._settings = hop.settings
        self.link: Link | None = None

    def resolve(self) -> str:
        return self._way.resolve()

    def approach(self) -> str:
        """A line to the port, and the handshake; afterwards `link` knows the server's host key."""
        for tries in range(len(_AGAIN_IF_BUSY) + 1):
            line, reached = self._way.connect()
            link = self.link = self._new_link(line)
            wrong = self._greet(link)
            if wrong is None:
                break
            # it had not even said its version: nothing was sent that could have run
            pauses = _pauses(link.first_words)
            if self._limits.left <= 0 or len(pauses) <= tries:
                raise self._no_handshake(link, wrong)
            self.close()
            # not all at once again
            self._limits.cancel.wait(min(pauses[tries] * random.uniform(0.5, 1.5), self._limits.left))  # noqa: S311 - keeps no secret
            self._limits.check(f"{self._settings.hostname} was too busy to talk")
        objection = algorithms.objection(link)
        if objection is not None:
            raise Failed(Unreached(Cause.UNREACHABLE, f"{self._where}: {objection}", "update the SSH server there"))
        return f"{reached}, {algorithms.summary(link)}"

    def _new_link(self, line: Line) -> Link:
        link = Link(line, wake=self._tools.wake, keepalive=self._tools.keepalive)
        settings, known = self._settings, self._tools.known_hosts
        with contextlib.suppress(OSError):  # an unreadable file is told, and refused, when the key is judged
            where = (settings.key_name, settings.key_port, settings.known_hosts)
            algorithms.restrict(link, known.key_types(*where))
            link.wants_certificate = known.has_authority(*where)
        return link

    def _greet(self, link: Link) -> str | None:
        """Versions and keys are exchanged. Returns what went wrong."""
        wrong = link.greet(max(0.1, self._limits.left), self._limits.cancel.is_set)
        if wrong == "":
            self._limits.check(f"{self._where} exchanged keys")
            wrong = "it did not answer in time"
        return wrong

    def _no_handshake(self, link: Link, wrong: str) -> Failed:
        cause = Cause.CONNECT_TIMEOUT if self._limits.left <= 0 else Cause.UNREACHABLE
        said = link.first_words.strip().decode("utf-8", "replace")
        if link.first_words.startswith(_BUSY):
            return Failed(
                Unreached(
                    cause,
                    f"no SSH handshake with {self._where}: the server is too busy: {said}",
                    "run it again later; see MaxStartups and PerSourceMaxStartups in its sshd_config",
                )
            )
        remedy = "see that an SSH server listens there"
        if not link.first_words and (why := self._way.why()):
            wrong, remedy = why, "mend ProxyCommand in ~/.ssh/config, and try it by hand"
        return Failed(Unreached(cause, f"no SSH handshake with {self._where}: {wrong}", remedy))

    @property
    def _where(self) -> str:
        return f"{self._settings.hostname} port {self._settings.port}"

    def verify(self) -> str:
        """The host key is the known one, or the policy takes it."""
        link, settings, known = self._linked(), self._settings, self._tools.known_hosts
        key = link.get_remote_server_key()
        kind, blob, certificate = key.get_name(), key.asbytes(), link.host_certificate
        name, port, beside = settings.key_name, settings.key_port, settings.known_hosts
        verdict = known.judge(
            self._hop.endpoint.host_key_policy, name, port, kind, blob, beside, certificate=certificate
        )
        if verdict.keep:
            try:
                kept = known.keep(name, port, kind, blob, beside)
            except OSError as error:
                message = f"the host key can't be written to {known.ours}: {error}"
                raise Failed(Unreached(Cause.HOST_KEY, message, "check the folder's owner and mode")) from error
            if not kept:  # another connection kept another key a moment ago
                verdict = known.judge(self._hop.endpoint.host_key_policy, name, port, kind, blob, beside)
            elif self._tools.key_kept is not None:
                self._tools.key_kept(self._hop.endpoint, self._marked(verdict.offered))
        if not verdict.accepted:
            # known_hosts knows hosts, the command names devices
            name = shlex.quote(self._hop.endpoint.name)
            remedy = re.sub(r"deployx device trust\b", lambda found: f"{found[0]} {name}", verdict.remedy)
            raise Failed(Unreached(Cause.HOST_KEY, verdict.message, remedy, self._marked(verdict.offered)))
        return verdict.message

    def authenticate(self) -> str:
        link = self._linked()
        self._limits.check("logging in")
        endpoint, settings = self._hop.endpoint, self._settings
        interview = Interview(endpoint.asker, endpoint.name, self._hop.label, settings.user, self._limits)
        allowed = auth.log_in(link, settings, self._tools.keys, self._limits, endpoint.login, interview)
        if isinstance(allowed, auth.Denied):
            self._limits.check("logging in")
            raise Failed(Unreached(Cause.AUTH, allowed.message, allowed.remedy))
        link.keep_alive()
        return f"{self._settings.user} is let in with {allowed}"

    def close(self) -> None:
        if self.link is not None:
            self.link.end()

    @property
    def label(self) -> str:
        return self._hop.label

    @property
    def is_windows(self) -> bool:
        return _WINDOWS in self._linked().remote_version.lower()

    @property
    def host_key(self) -> HostKey:
        link = self._linked()
        return HostKey(link.get_remote_server_key().asbytes(), link.host_certificate)

    @property
    def proofs(self) -> Proofs:
        """The host keys of the way, this one's last."""
        return (*self._way.proofs, (self._settings, self.host_key))

    def _marked(self, offered: OfferedKey) -> OfferedKey:
        """With the name of the host, where it is one on the way to a device."""
        if not self._hop.is_jump:
            return offered
        return replace(offered, host=name_of(self._settings.key_name, self._settings.key_port))

    def _linked(self) -> Link:
        if self.link is None:
            raise RuntimeError("approach comes first")
        return self.link


def _pauses(first_words: bytes) -> tuple[float, ...]:
    if first_words.startswith(_BUSY):
        return _AGAIN_IF_BUSY
    return () if first_words else _AGAIN_IF_SILENT
