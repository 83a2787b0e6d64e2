"""What a target may send ahead: little each, more for one that says much while few do."""

from __future__ import annotations

from deployx_tui.transports.ssh import window
from deployx_tui.transports.ssh.window import WINDOW, GrowingWindow


def test_a_lane_that_says_little_is_granted_in_quarters_of_its_little_window() -> None:
    lane = GrowingWindow()
    assert [lane.note(WINDOW // 8) for _ in range(4)] == [0, WINDOW // 4, 0, WINDOW // 4]
    lane.close()


def test_one_lane_that_says_much_gets_the_credit_and_gives_it_back() -> None:
    first, second, third = (GrowingWindow() for _ in range(3))
    assert first.note(WINDOW) == WINDOW + window._CREDIT
    assert second.note(WINDOW) == WINDOW
    first.close()
    assert second.note(WINDOW) == WINDOW + window._CREDIT
    second.close()
    assert third.note(WINDOW) == WINDOW + window._CREDIT
    third.close()


def test_what_was_read_is_granted_again_byte_for_byte() -> None:
    lane = GrowingWindow()
    read, granted = 0, 0
    for size in (1, 5000, 70_000, 33_333) * 50:
        read += size
        granted += lane.note(size)
        assert 0 <= read + window._CREDIT - granted <= (WINDOW + window._CREDIT) // 4 + window._CREDIT
    lane.close()
