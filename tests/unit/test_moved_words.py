"""Who waits for a run hears now and then how far its files are over."""

from __future__ import annotations

import pytest

from deployx_tui.cli.following import MOVED_SECONDS, Moved
from deployx_tui.cli.invocation import Invocation
from deployx_tui.model.event import Event, EventId
from tests.support.world import NOW


def grew(target: int, **facts: int) -> Event:
    told = (("device_id", target), ("target_id", target), *facts.items())
    return Event(id=EventId("x", target), type="output.grew", at=NOW, facts=told)


def test_all_targets_together_are_told_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    call, moved = Invocation(), Moved()
    moved.tell(call, 0.0)
    moved.look(grew(1, offset=100))
    moved.tell(call, 0.0)
    assert capsys.readouterr().err == "", "a command moves nothing"
    moved.look(grew(1, done=1 << 20, total=4 << 20))
    moved.look(grew(2, done=1 << 20, total=4 << 20))
    moved.tell(call, 10.0)
    assert capsys.readouterr().err == "files to 2 targets: 25 % of 8 MiB\n"
    moved.look(grew(1, done=2 << 20, total=4 << 20))
    moved.tell(call, 10.0 + MOVED_SECONDS / 2)
    assert capsys.readouterr().err == "", "not with every event"
    moved.tell(call, 10.0 + MOVED_SECONDS)
    said = capsys.readouterr().err
    assert said == "files to 2 targets: 37 % of 8 MiB, 205 KiB/s, 25s left\n"
    moved.tell(call, 100.0)
    assert capsys.readouterr().err == "", "nothing has moved since"
    call.quiet = True
    moved.look(grew(1, done=4 << 20, total=4 << 20))
    moved.tell(call, 200.0)
    assert capsys.readouterr().err == ""
