"""The event stream of a database: numbered, stored, resumable; the same for followers in any process."""

from __future__ import annotations

import threading
import time

from deployx_tui.errors import Unavailable
from deployx_tui.model.event import Event, EventId, Reset
from deployx_tui.store import events
from deployx_tui.store.database import Database

#: how often another process's commits are looked for; our own wake followers at once
POLL_SECONDS = 0.25


class EventStream:
    """Reads the stream. Threads share it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.read() as c:
            self._uuid = events.stream_uuid(c)
        self._commits = 0
        self._changed = threading.Condition()
        self._closed = False
        #: the newest event's number, and the database's version before it was read
        self._seen: tuple[int | None, int] = (None, -1)
        self._forget = database.on_commit(self._committed)

    def position(self) -> EventId:
        """Of the newest event. What is read from the store after this call holds at least everything up to it."""
        with self._database.read() as c:
            return EventId(self._uuid, events.newest(c))

    def read(self, after: EventId, limit: int = 1000) -> tuple[Event | Reset, ...]:
        """Events after `after`, in order; () when there are none yet.

        One `Reset` when `after` belongs to another stream, or lies before what is still kept, or after the end
        (a restored backup): the follower reads everything again and goes on from its id.
        """
        with self._database.read() as c:
            if after.stream == self._uuid:
                found = events.after(c, self._uuid, after.number, limit)
                # numbers may have holes (rolled back transactions on PostgreSQL); then a needless Reset is harmless
                if found and (found[0].id.number == after.number + 1 or events.oldest(c) <= after.number + 1):
                    return found
                if not found and after.number <= events.newest(c):
                    return ()
            return (Reset(EventId(self._uuid, events.newest(c))),)

    def wait(self, after_number: int, timeout: float) -> bool:
        """Wait until there is an event after this number, at most `timeout` seconds. False: there is none yet."""
        deadline = time.monotonic() + timeout
        while True:
            with self._changed:
                seen = self._commits
            if self._newest() > after_number:
                return True
            left = deadline - time.monotonic()
            with self._changed:
                if self._closed or left <= 0:
                    return False
                if self._commits == seen:
                    self._changed.wait(min(left, POLL_SECONDS))

    @property
    def is_closed(self) -> bool:
        """No wait will find anything any more."""
        return self._closed

    def close(self) -> None:
        """End every wait."""
        self._forget()
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _newest(self) -> int:
        # read first: what is committed meanwhile makes the next look read again
        version = self._database.version()
        seen_version, seen = self._seen
        if version is not None and version == seen_version:
            return seen
        try:
            with self._database.read() as c:
                newest = events.newest(c)
            self._seen = (version, newest)
            return newest
        except Unavailable:
            return -1  # a follower outlives a database that is away for a moment

    def _committed(self) -> None:
        with self._changed:
            self._commits += 1
            self._changed.notify_all()
