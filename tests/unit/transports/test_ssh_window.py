"""What a target may send ahead: little each, more for one that says much while few do."""

from __future__ import annotations

from typing import Any

from deployx_tui.transports.ssh import window
from deployx_tui.transports.ssh.window import WINDOW, GrowingWindow


class Line:
    """A channel and its connection in one: records what was granted to the target beyond the first window."""

    remote_chanid = 0
    eof_received = closed = False

    def __init__(self) -> None:
        self.granted: list[int] = []

    def get_transport(self) -> Line:
        return self

    def _send_user_message(self, message: Any) -> None:
        message.rewind()
        assert message.get_byte() == b"\x5d"  # SSH_MSG_CHANNEL_WINDOW_ADJUST
        message.get_int()
        self.granted.append(message.get_int())


def of(line: Line) -> GrowingWindow:
    return GrowingWindow(line)  # type: ignore[arg-type]  # as far as it is used, a channel


def test_a_lane_that_says_little_keeps_its_little_window() -> None:
    line = Line()
    lane = of(line)
    lane.note(WINDOW - 1)
    assert line.granted == []
    lane.close()


def test_one_lane_that_says_much_gets_the_credit_and_gives_it_back() -> None:
    first, second, third = Line(), Line(), Line()
    lanes = [of(line) for line in (first, second, third)]
    for _ in range(3):
        lanes[0].note(WINDOW)
    assert first.granted == [window._CREDIT]
    lanes[1].note(WINDOW)
    assert second.granted == []
    lanes[0].close()
    lanes[1].note(WINDOW)
    assert second.granted == [window._CREDIT]
    lanes[1].close()
    lanes[2].note(WINDOW)
    assert third.granted == [window._CREDIT]
    lanes[2].close()
