"""A first host key that `accept-new` took is an entry in the audit and an event: nobody was there to see it."""

from __future__ import annotations

import logging
import uuid

from deployx_tui.errors import Unavailable
from deployx_tui.model.device import OfferedKey
from deployx_tui.model.ids import EngineId, UserId
from deployx_tui.model.user import Actor, Role
from deployx_tui.store import audit, events
from deployx_tui.store.clock import now_ms
from deployx_tui.store.database import Database
from deployx_tui.transports.base import Endpoint

log = logging.getLogger(__name__)


class KeptKeys:
    """Given to the SSH transport as `key_kept`; called in the thread that connects, before it logs in."""

    def __init__(self, database: Database) -> None:
        self._database = database
        #: set once the engine is there; keys are kept by its connections only
        self.engine_id = EngineId("")

    def __call__(self, endpoint: Endpoint, offered: OfferedKey) -> None:
        try:
            with self._database.write() as c:
                now = now_ms()
                audit.write(
                    c,
                    at_ms=now,
                    engine_id=self.engine_id,
                    actor=Actor(user_id=UserId(0), name="engine", role=Role.ADMIN, origin="accept-new"),
                    action="device.trust",
                    noun="device",
                    object_id=endpoint.device_id,
                    request_id=uuid.uuid4().hex,
                    after={"fingerprint": offered.fingerprint, "key_type": offered.key_type},
                )
                events.append(c, "device.changed", at_ms=now, facts=[("device_id", endpoint.device_id)])
        except Unavailable as error:
            # the key is in known_hosts already; a run must not hang on this
            log.error("keeping %s for %s is not in the audit: %s", offered.fingerprint, endpoint.name, error)
