"""Connections to jump hosts, shared: one authenticated connection carries the lines to many devices."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from deployx_tui.transports.base import Unreached
from deployx_tui.transports.pool import Pool
from deployx_tui.transports.ssh.limits import LOOK, Asked, Failed, Limits
from deployx_tui.transports.ssh.link import Link
from deployx_tui.transports.ssh.opening import Opening
from deployx_tui.transports.ssh.reaching import Proofs
from deployx_tui.transports.ssh.route import Route

#: sshd's MaxStartups is 10:30:100: from the tenth connection that has not logged in yet, some are dropped
HANDSHAKES = 8


@dataclass(frozen=True, slots=True)
class Care:
    """What a Bastions needs of the transport."""

    #: a connection to the last host of a route, logged in; raises Failed
    open: Callable[[Route, Limits], Opening]
    #: the host keys are still the known ones
    are_known: Callable[[Proofs], bool]
    #: seconds
    idle: float
    silence: float


class Bastions:
    """One connection for each route, made when it is first wanted and closed when it was idle. Thread-safe."""

    def __init__(self, care: Care) -> None:
        self._care = care
        self._lock = threading.Lock()
        #: in use
        self._shared: defaultdict[Hashable, list[_Shared]] = defaultdict(list)
        #: being made
        self._attempts: dict[Hashable, _Attempt] = {}
        self._doors: defaultdict[Hashable, threading.BoundedSemaphore] = defaultdict(
            lambda: threading.BoundedSemaphore(HANDSHAKES)
        )
        self._idle: Pool[Hashable, _Shared] = Pool(idle=care.idle)

    def to(self, route: Route) -> Jump:
        """Where connections to the last host of a route come from; see Lender."""
        return Jump(self, route)

    def take(self, route: Route, limits: Limits) -> _Lease:
        """Raises Failed. Who comes while a connection is made waits for it, and shares its failure too."""
        key = tuple(hop.key for hop in route)
        while True:
            found = self._in_use(key)
            if found is not None:
                return _Lease(self, key, found)
            with self._lock:
                attempt = self._attempts.get(key)
                leads = attempt is None
                if attempt is None:
                    attempt = self._attempts[key] = _Attempt(limits.asked)
            if leads:
                return self._lead(key, route, limits, attempt)
            while not attempt.is_done.wait(LOOK):
                if attempt.asked.stands:  # a person is asked, on behalf of all who wait
                    limits.asked.add(LOOK)
                limits.check(f"the jump host {route[-1].label} was connected to")
            if attempt.failure is not None:
                raise Failed(attempt.failure)

    def shutdown(self) -> None:
        self._idle.shutdown()
        with self._lock:
            left = [shared for each in self._shared.values() for shared in each]
            self._shared.clear()
        for shared in left:
            shared.close()

    def _in_use(self, key: Hashable) -> _Shared | None:
        with self._lock:
            candidates = [shared for shared in self._shared.get(key, ()) if not shared.is_spoilt]
        for shared in candidates:
            if shared.is_usable and self._care.are_known(shared.proofs):
                with self._lock:
                    if shared.users:  # else its last user has just let go of it
                        shared.users += 1
                        return shared
            else:
                shared.is_spoilt = True
        return None

    def _lead(self, key: Hashable, route: Route, limits: Limits, attempt: _Attempt) -> _Lease:
        """Make the connection that others wait for."""
        try:
            shared = self._idle_one(key) or self._open(route, limits)
            with self._lock:
                self._shared[key].append(shared)
            return _Lease(self, key, shared)
        except Failed as failed:
            if not limits.cancel.is_set():  # else somebody who still wants it tries it
                attempt.failure = failed.unreached
            raise
        finally:
            with self._lock:
                del self._attempts[key]
            attempt.is_done.set()

    def _idle_one(self, key: Hashable) -> _Shared | None:
        while (shared := self._idle.take(key)) is not None:
            if self._care.are_known(shared.proofs):
                shared.users = 1
                return shared
            shared.close()
        return None

    def _open(self, route: Route, limits: Limits) -> _Shared:
        last = route[-1]
        try:
            with self._door((last.settings.hostname, last.settings.port), limits):
                opening = self._care.open(route, limits)
        except Failed as failed:
            why = failed.unreached
            raise Failed(replace(why, message=f"the jump host {last.label}: {why.message}")) from failed
        link = opening.link
        if link is None:
            raise RuntimeError("the connection was not opened")
        return _Shared(link, opening.proofs, self._care.silence)

    @contextmanager
    def _door(self, host: Hashable, limits: Limits) -> Iterator[None]:
        with self._lock:
            door = self._doors[host]
        while not door.acquire(timeout=LOOK):
            limits.check("other connections to the jump host were made")
        try:
            yield
        finally:
            door.release()

    def _release(self, key: Hashable, shared: _Shared) -> None:
        with self._lock:
            shared.users -= 1
            if shared.users:
                return
            held = self._shared[key]
            if shared in held:
                held.remove(shared)
            if not held:
                del self._shared[key]
        self._idle.give(key, shared)


class Jump:
    """See Lender."""

    def __init__(self, bastions: Bastions, route: Route) -> None:
        self._bastions, self._route = bastions, route
        self.name = route[-1].label

    def take(self, limits: Limits) -> _Lease:
        return self._bastions.take(self._route, limits)


@dataclass(slots=True)
class _Attempt:
    #: of who makes it
    asked: Asked
    is_done: threading.Event = field(default_factory=threading.Event)
    #: what came of it; None: a connection, or who made it gave up
    failure: Unreached | None = None


@dataclass(slots=True, eq=False)
class _Shared:
    link: Link
    proofs: Proofs
    silence: float
    users: int = 1
    #: it carries no further lines
    is_spoilt: bool = False

    @property
    def is_usable(self) -> bool:
        heard = time.monotonic() - self.link.heard < self.silence
        return not self.is_spoilt and bool(self.link.is_active()) and heard

    def close(self) -> None:
        self.link.end()


class _Lease:
    """See Lease."""

    def __init__(self, bastions: Bastions, key: Hashable, shared: _Shared) -> None:
        self._bastions, self._key, self._shared = bastions, key, shared
        self.link, self.proofs = shared.link, shared.proofs

    def spoil(self) -> None:
        self._shared.is_spoilt = True

    def release(self) -> None:
        self._bastions._release(self._key, self._shared)
