"""How often a transfer tells how far it is."""

from __future__ import annotations

import pytest

from deployx_tui.transports.pace import Paced


def test_a_transfer_tells_ten_times_a_second_and_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now, told = 100.0, list[int]()
    monkeypatch.setattr("deployx_tui.transports.pace.time.monotonic", lambda: now)
    paced = Paced(told.append)
    for step in range(1, 1001):
        now = 100.0 + step / 1000
        paced(step)
    paced.end(1000)
    paced.end(1000)
    assert 10 <= len(told) <= 11
    assert told == sorted(set(told))
    assert told[-1] == 1000
