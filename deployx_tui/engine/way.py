"""The way to one target that may break and be made again: which connection it has, and where the next comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from threading import Event

from deployx_tui.engine.attempt import contact, not_tried, release
from deployx_tui.engine.run import TargetJob
from deployx_tui.model.device import Contact, TransportKind
from deployx_tui.model.execution import TargetState
from deployx_tui.runners.command import RunFacts, unreached
from deployx_tui.transports.base import Connection, Endpoint, Transport, Unreached


@dataclass(eq=False)
class Way:
    """The connection that a job has at present, and where the next one comes from."""

    job: TargetJob
    transports: Mapping[TransportKind, Transport]
    patience: timedelta
    #: None: no attempt was made
    contact: Contact | None = None
    #: the connection that was had last
    last: Connection | None = None
    _held: tuple[Transport, Connection] | None = None

    def refusal(self) -> RunFacts | None:
        """Why the device can't be reached at all."""
        endpoint = self.job.endpoint
        if endpoint is None:
            return not_tried(TargetState.SKIPPED, "the device was deleted")
        if isinstance(endpoint, Unreached):
            # what runs there is not given up for that: it can be cancelled, and the next engine may know better
            return None if self.job.resumes is not None else unreached(endpoint)
        if endpoint.transport not in self.transports:
            return not_tried(TargetState.FAILED, f"this engine has no transport {endpoint.transport}")
        return None

    def connect(self, cancel: Event | None = None) -> Connection | Unreached:
        """Another connection; the one before is given back. `cancel`: instead of the job's."""
        self.close()
        endpoint = self._endpoint()
        if isinstance(endpoint, Unreached):
            return endpoint
        transport = self.transports[endpoint.transport]
        found = transport.connect(endpoint, self.patience, cancel or self.job.cancel)
        if isinstance(found, Unreached):
            self.contact = contact(found.cause)
            return found
        self._held, self.contact, self.last = (transport, found), Contact.OK, found
        return found

    def close(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            release(*held, self.job)

    def _endpoint(self) -> Endpoint | Unreached:
        if self.job.endpoint is None:
            raise RuntimeError("asked to connect to a deleted device")
        return self.job.endpoint
