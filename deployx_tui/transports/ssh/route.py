"""Over which hosts a device is reached: the jump hosts of its row, else what ProxyJump says, outermost first."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

from deployx_tui.model.device import HostKeyPolicy
from deployx_tui.model.hosts import JumpHost
from deployx_tui.transports.base import Endpoint
from deployx_tui.transports.ssh.config import ConfigRefused, HostSettings, SshConfig

#: a configuration with patterns can name ever new hosts
MOST_HOPS = 16


@dataclass(frozen=True, slots=True)
class Hop:
    """One host of a route, and what is said of it."""

    #: its `name` is that of the device that a remedy speaks of
    endpoint: Endpoint
    settings: HostSettings
    #: for messages
    label: str
    #: it is on the way only
    is_jump: bool

    @property
    def key(self) -> Hashable:
        """What makes two connections the same: host, account, and what proves it."""
        settings, login = self.settings, self.endpoint.login
        # by id and version: a connection that an old secret opened is nobody's any more
        secret = None if login is None else (login.credential_id, login.secret_version)
        return (settings.hostname, settings.port, settings.user, self.endpoint.key_file, settings.key_name, secret)


#: outermost first; the last one is the device
Route = tuple[Hop, ...]


def route(config: SshConfig, endpoint: Endpoint) -> Route:
    """Raises ConfigRefused, naming the keyword, the line, or the circle."""
    return _to(config, endpoint, endpoint.name, (endpoint.address,))


def _to(config: SshConfig, endpoint: Endpoint, label: str, way: tuple[str, ...]) -> Route:
    """The hops to an endpoint, itself the last. `way`: the addresses that led here, the device's first."""
    settings = config.settings(endpoint)
    last = Hop(endpoint, settings, label, is_jump=len(way) > 1)
    if endpoint.jumps:
        asked = [(each, each.name) for each in endpoint.jumps]
    elif settings.jumps:
        asked = [(_of_config(endpoint, jump), jump.host) for jump in settings.jumps]
    else:
        return (last,)
    # as in OpenSSH: the first of a list is reached as its own configuration says, each other through the one before it
    (first, name), *others = asked
    if first.address in way:
        circle = " > ".join((*way, first.address))
        raise ConfigRefused(f"the jump hosts go round in a circle: {circle}", "take one of the ProxyJump lines out")
    if len(way) + len(others) > MOST_HOPS:
        raise ConfigRefused(f"{label} is more than {MOST_HOPS} jump hosts away", "mend the ProxyJump lines")
    between = (Hop(each, config.settings(each), word, is_jump=True) for each, word in others)
    return (*_to(config, first, name, (*way, first.address)), *between, last)


def _of_config(endpoint: Endpoint, jump: JumpHost) -> Endpoint:
    """A host that only the configuration names: nobody said that a key of it may be taken unseen."""
    return replace(
        endpoint,
        address=jump.host,
        port=jump.port,
        user=jump.user,
        key_file=None,
        login=None,
        host_key_policy=HostKeyPolicy.ASK,
        jumps=(),
    )
