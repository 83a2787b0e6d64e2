"""How much time is left, and what does not count."""

from __future__ import annotations

import time
from dataclasses import replace
from threading import Event

import pytest

from deployx_tui.transports.ssh.limits import Failed, Limits


def test_the_time_that_a_person_takes_to_answer_counts_against_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    limits = Limits(110.0, Event())
    shorter = replace(limits, until=105.0)
    with limits.asking():
        now = 190.0
        assert (limits.left, shorter.left, limits.asked.stands) == (10.0, 5.0, True)
    now = 199.0
    assert (limits.left, limits.asked.stands) == (1.0, False)
    limits.check("waiting")
    with pytest.raises(Failed):
        shorter.check("waiting")
