"""A command whose streams have ended while its kill is still being verified is waited for, not spun on."""

from __future__ import annotations

import threading
from datetime import timedelta
from threading import Event

from deployx_tui.model.execution import KillReport, KillVerdict, Stream
from deployx_tui.transports.base import CommandSpec, Exited, Killed, RemoteHandle, Signalled
from deployx_tui.transports.posix.carrier import Carrier
from deployx_tui.transports.posix.process import PosixProcess, Started

#: of one look each: a wait of 0.2 s makes a few in the time that the verification takes here, a spin a hundred thousand
_MANY = 100


class OverCarrier:
    """A carrier on which everything has come: its `wait` returns at once, as the contract says."""

    def __init__(self) -> None:
        self.looks = 0
        self.is_watched = threading.Condition()

    def wait(self, seconds: float) -> None:
        with self.is_watched:
            self.looks += 1
            self.is_watched.notify_all()

    def read(self) -> tuple[Stream, bytes] | None:
        return None

    @property
    def ended(self) -> Exited | Signalled | None:
        return Signalled("TERM")

    @property
    def is_over(self) -> bool:
        return True

    def feed(self, data: bytes) -> None:
        raise AssertionError("nothing is fed")

    def take_back(self) -> bool:
        return False

    def end_input(self) -> None:
        raise AssertionError("nothing is fed")

    @property
    def lost(self) -> str | None:
        return None

    @property
    def was_refused(self) -> bool:
        return False

    def close(self) -> None:
        pass


def test_the_wait_for_a_verified_death_does_not_spin() -> None:
    carrier = OverCarrier()

    def side_door(terminal: bool) -> Carrier | None:
        # the verification takes as long as many looks would, or a moment
        with carrier.is_watched:
            carrier.is_watched.wait_for(lambda: carrier.looks > _MANY, 0.5)
        return None

    handle = RemoteHandle("0" * 32, 1, "1/1", "-")
    spec = CommandSpec(script="sleep 9", nonce="0" * 32, grace=timedelta(seconds=1))
    process = PosixProcess(carrier, spec, Started(handle, b"", b""), side_door, 1.0)
    cancel = Event()
    cancel.set()
    assert process.stream(lambda *_: None, cancel) == Killed(KillReport(KillVerdict.UNKNOWN))
    assert carrier.looks < _MANY
