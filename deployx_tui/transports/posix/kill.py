"""The end of a run that does not end by itself: signals through a side door, and the look whether all are dead.

The look is taken as the account that the command runs as. A command's own sudo may have left processes of yet another
account, which neither can be signalled nor show their environment: then root looks, if `sudo -n` lets the login's
account do that. Where nobody could look who sees everything, the verdict is unknown, never killed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from deployx_tui.model.execution import KillReport, KillVerdict
from deployx_tui.transports.base import Become, CommandSpec
from deployx_tui.transports.posix import wrapper
from deployx_tui.transports.posix.carrier import Broken, Carrier
from deployx_tui.transports.posix.escalate import ROOT_UNASKED, escalate
from deployx_tui.transports.posix.heard import Heard

#: opens a Carrier to a fresh `sh` for the kill text, with a terminal if that is True; None when the target can't be
#: reached any more
SideDoor = Callable[[bool], Carrier | None]

_UNKNOWN = KillReport(KillVerdict.UNKNOWN)


@dataclass(frozen=True, slots=True)
class _Look:
    report: KillReport
    #: the run was over before anything was signalled
    was_over: bool = False
    #: some of it belongs to an account that this look has no power over
    saw_others: bool = False


def kill_through(side_door: SideDoor, text: bytes, spec: CommandSpec, patience: float) -> tuple[KillReport, bool]:
    """Send a kill text through a fresh Carrier: what became of the run, and whether it was over before."""
    if spec.durable:
        # its supervisor has to write down how it ended, and answers to its own account alone
        only = _look(side_door, text, spec, spec.become, patience)
        return (_UNKNOWN, False) if only is None else (only.report, only.was_over)
    # where others have to be killed too, it is left to who can: the tree that leads to them must stand until then
    look = _look(side_door, b"dx_ask=1\n" + text, spec, spec.become, patience)
    if look is None and spec.become is not None:
        # what the login's account can't see is not known to be dead
        look = _look(side_door, text, spec, None, patience)
        if look is not None and look.report.verdict is KillVerdict.KILLED:
            look = _Look(_UNKNOWN)
    elif look is not None and look.saw_others:
        look = _look(side_door, b"dx_su=1\n" + text, spec, ROOT_UNASKED, patience)
        if look is None:
            look = _look(side_door, text, spec, spec.become, patience)
    return (_UNKNOWN, False) if look is None else (look.report, look.was_over)


def _look(side_door: SideDoor, text: bytes, spec: CommandSpec, become: Become | None, patience: float) -> _Look | None:
    """None: nobody could look, or no answer came."""
    terminal = become is not None and become is spec.become and spec.needs_terminal
    door = side_door(terminal)
    if door is None:
        return None
    try:
        if escalate(door, become, patience, terminal=terminal) is not None:
            return None
        door.feed(text)
        door.end_input()
        heard = Heard()
        # grace, then 2 s of KILL and looks; scans of a busy machine take their time
        until = time.monotonic() + spec.grace.total_seconds() + 10 + patience
        while (report := wrapper.kill_report(bytes(heard.stdout), spec.nonce)) is None:
            if not heard.take(door, until):
                return None
        return _Look(*report, saw_others=wrapper.saw_others(bytes(heard.stdout), spec.nonce))
    except Broken:
        return None
    finally:
        door.close()


class Kill:
    """A kill under way, in a thread of its own, so that output is read meanwhile."""

    def __init__(self, kill: Callable[[], tuple[KillReport, bool]], *, by_deadline: bool) -> None:
        self.by_deadline = by_deadline
        self.report: tuple[KillReport, bool] = (_UNKNOWN, False)
        self._kill = kill
        self._thread = threading.Thread(target=self._run, daemon=True, name="deployx-kill")
        self._thread.start()

    def _run(self) -> None:
        self.report = self._kill()

    def wait(self, seconds: float) -> None:
        """Return when it is done, at the latest after so many seconds."""
        self._thread.join(seconds)

    @property
    def is_done(self) -> bool:
        return not self._thread.is_alive()
