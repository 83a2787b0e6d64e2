"""Named moments at which a crash test kills its engine. The product has no hooks: its functions are wrapped here."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from deployx_tui.engine import recovery
from deployx_tui.engine.engine import Engine
from deployx_tui.engine.starts import Starts
from deployx_tui.output.store import OutputStore
from deployx_tui.store import claims, endings, engines, executions, orphans, targets
from deployx_tui.transports.local import LocalConnection
from deployx_tui.transports.posix.durable import DurableProcess

#: name: (where the function lives, its name, whether it dies before or after the real one ran)
POINTS: dict[str, tuple[Any, str, str]] = {
    "registered, not committed": (engines, "register", "after"),
    "claim written, not committed": (claims, "write", "after"),
    "claim committed, nothing submitted": (Engine, "_claimed", "before"),
    "plan frozen, not committed": (executions, "freeze_plan", "after"),
    "set running, not committed": (executions, "set_running", "after"),
    "plan committed, nothing enqueued": (Engine, "_begin", "before"),
    "start written, not committed": (targets, "start_many", "after"),
    "start committed, nothing sent": (Starts, "start", "after"),
    "about to send": (LocalConnection, "start", "before"),
    "sent": (LocalConnection, "start", "after"),
    "durable one attached to": (LocalConnection, "attach", "after"),
    "how far it is kept, not told to the target": (Starts, "keep", "after"),
    "result kept, not acknowledged": (DurableProcess, "acknowledge", "before"),
    "acknowledged": (DurableProcess, "acknowledge", "after"),
    "result written, not committed": (targets, "finish_many", "after"),
    "execution ended, not committed": (endings, "finish", "after"),
    "result committed": (OutputStore, "forget", "before"),
    "beat": (engines, "beat", "after"),
    "durable target adopted, not committed": (orphans, "adopt_target", "after"),
    "targets lost, not committed": (orphans, "lose_targets", "after"),
    "execution adopted, not committed": (orphans, "adopt", "after"),
    "takeover written, not committed": (recovery, "_take_over", "after"),
    "takeover committed": (recovery, "sweep", "after"),
}

#: points that only the work of a dead engine leads to
AFTER_A_DEATH = frozenset(
    name for name, (where, what, _) in POINTS.items() if where in (recovery, orphans) or what == "attach"
)


def arm(point: str, nth: int, tell: Callable[[], None]) -> None:
    """This process dies by SIGKILL when it comes to `point` for the nth time that there is something in it."""
    where, name, moment = POINTS[point]
    real = getattr(where, name)
    left = nth

    def wrapped(*arguments: Any, **keywords: Any) -> Any:
        nonlocal left
        if moment == "before":
            left -= 1
            if left == 0:
                _die(tell)
            return real(*arguments, **keywords)
        result = real(*arguments, **keywords)
        if result is None or result:  # an empty claim or sweep changed nothing
            left -= 1
            if left == 0:
                _die(tell)
        return result

    setattr(where, name, wrapped)


def _die(tell: Callable[[], None]) -> None:
    tell()
    os.kill(os.getpid(), signal.SIGKILL)
