"""One session channel: what is left to the connection's reader, and what is known of it when the line breaks."""

from __future__ import annotations

import struct

import pytest
from paramiko.message import Message
from paramiko.ssh_exception import SSHException

from deployx_tui.model.execution import Stream
from deployx_tui.transports.base import Exited, Signalled
from deployx_tui.transports.ssh.session import LEFT_TO_READER, PIECE, Alarm, Session
from deployx_tui.transports.ssh.window import WINDOW

EOF, CLOSE, FAILURE, DATA, ADJUST = 96, 97, 100, 94, 93


class Line:
    """A connection: records what it was given to send."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.is_whole = True
        self.stirred: list[Alarm] = []

    def send(self, payload: bytes) -> None:
        self.sent.append(payload)

    post = send

    def flush(self) -> bool:
        return self.is_whole

    def stir(self, alarm: Alarm) -> None:
        self.stirred.append(alarm)

    @property
    def kinds(self) -> list[int]:
        return [payload[0] for payload in self.sent]

    @property
    def data(self) -> bytes:
        return b"".join(payload[9:] for payload in self.sent if payload[0] == DATA)


def opened(line: Line, window: int = 0, largest: int = 32768) -> Session:
    session = Session(line)
    session._set_remote_channel(7, window, largest)
    session.set()
    return session


def number(value: int) -> Message:
    return Message(struct.pack(">I", value))


def text(data: bytes) -> Message:
    return Message(struct.pack(">I", len(data)) + data)


def request(kind: bytes, wants_reply: bool, rest: bytes = b"") -> Message:
    return Message(struct.pack(">I", len(kind)) + kind + bytes([wants_reply]) + rest)


def test_a_text_for_a_shut_window_goes_out_when_the_server_opens_it() -> None:
    line = Line()
    session = opened(line)
    assert session.offer(memoryview(b"text")) == 4
    assert line.sent == []
    session._on_adjust(number(1000))
    assert line.data == b"text"
    assert not session.take_back()


def test_a_text_larger_than_the_window_goes_out_in_its_steps() -> None:
    line = Line()
    session = opened(line, largest=3)
    session.offer(memoryview(b"0123456789"))
    for more, out in ((4, b"0123"), (1, b"01234"), (100, b"0123456789")):
        assert line.data != out
        session._on_adjust(number(more))
        assert line.data == out


def test_a_text_that_was_not_wholly_sent_can_be_taken_back_and_is_not_sent_later() -> None:
    line = Line()
    session = opened(line)
    session.offer(memoryview(b"text"))
    session._on_adjust(number(3))
    assert session.take_back()
    session._on_adjust(number(100))
    assert line.data == b"tex"


def test_a_line_that_breaks_under_the_text_is_known_to_have_carried_a_part_at_most() -> None:
    line = Line()
    line.is_whole = False
    session = opened(line)
    session.offer(memoryview(b"text"))
    session._on_adjust(number(100))
    assert session.take_back()
    assert line.stirred == [session.news]


def test_the_end_of_input_follows_the_text_that_was_left() -> None:
    line = Line()
    session = opened(line)
    session.offer(memoryview(b"text"))
    session.end_input()
    assert line.sent == []
    session._on_adjust(number(100))
    assert line.kinds == [DATA, EOF]
    session.end_input()
    assert line.kinds == [DATA, EOF]


def test_a_long_text_is_not_left_to_the_reader() -> None:
    session = opened(Line())
    assert session.offer(memoryview(bytes(LEFT_TO_READER + 1))) == 0


def test_no_more_than_the_window_is_sent() -> None:
    line = Line()
    session = opened(line, window=5)
    assert session.offer(memoryview(bytes(LEFT_TO_READER + 1))) == 5
    assert line.data == bytes(5)


def test_a_closed_session_takes_nothing() -> None:
    session = opened(Line(), window=100)
    session._on_close(Message())
    with pytest.raises(OSError, match="closed"):
        session.offer(memoryview(b"text"))


def test_each_side_says_close_once() -> None:
    for first, second in ((Session.close, Session._on_close), (Session._on_close, Session.close)):
        line = Line()
        session = opened(line)
        for act in (first, second):
            act(session, Message()) if act is Session._on_close else session.close()
        assert line.kinds == [CLOSE]


def test_a_session_that_opens_after_it_was_given_up_is_closed() -> None:
    line = Line()
    session = Session(line)
    session.close()
    session._set_remote_channel(7, 0, 32768)
    assert line.kinds == [CLOSE]


def test_output_is_read_in_its_order_and_joined_by_stream() -> None:
    session = opened(Line())
    for data in (b"a", b"b"):
        session._on_data(text(data))
    session._on_extended(Message(struct.pack(">I", 1) + text(b"c").asbytes()))
    session._on_extended(Message(struct.pack(">I", 2) + text(b"unknown kind").asbytes()))
    session._on_data(text(b"d"))
    assert [session.read() for _ in range(4)] == [
        (Stream.STDOUT, b"ab"),
        (Stream.STDERR, b"c"),
        (Stream.STDOUT, b"d"),
        None,
    ]


def test_a_reading_is_bounded() -> None:
    session = opened(Line())
    for size in (32768, 32768, 32768, 1):
        session._on_data(text(bytes(size)))
    assert [len((session.read() or (None, b""))[1]) for _ in range(3)] == [PIECE, 32769, 0]


def test_two_streams_that_say_a_byte_each_in_turns_cost_no_memory() -> None:
    session = opened(Line())
    for _ in range(WINDOW // 2):
        session._on_data(text(b"o"))
        session._on_extended(Message(struct.pack(">I", 1) + text(b"e").asbytes()))
    assert len(session._pieces) < 2000
    said = {Stream.STDOUT: b"", Stream.STDERR: b""}
    for stream, data in iter(session.read, None):
        said[stream] += data
    assert said == {Stream.STDOUT: b"o" * (WINDOW // 2), Stream.STDERR: b"e" * (WINDOW // 2)}


def test_a_byte_beyond_the_window_ends_the_connection() -> None:
    session = opened(Line())
    session._on_data(text(bytes(WINDOW)))
    with pytest.raises(SSHException, match="more than it was allowed"):
        session._on_extended(Message(struct.pack(">I", 2) + text(b"1").asbytes()))


def test_what_was_read_may_come_again() -> None:
    line = Line()
    session = opened(line)
    for _ in range(100):
        session._on_data(text(bytes(WINDOW)))
        session.grant(WINDOW)
    assert set(line.kinds) == {ADJUST}
    session.close()


def test_a_sign_of_life_is_answered() -> None:
    line = Line()
    opened(line)._on_request(request(b"keepalive@openssh.com", True))
    assert line.kinds == [FAILURE]


@pytest.mark.parametrize(
    ("kind", "rest", "status"),
    [(b"exit-status", struct.pack(">I", 3), Exited(3)), (b"exit-signal", text(b"TERM").asbytes(), Signalled("TERM"))],
)
def test_how_it_ended_is_kept(kind: bytes, rest: bytes, status: Exited | Signalled) -> None:
    session = opened(Line())
    session._on_request(request(kind, False, rest))
    assert session.status == status


def test_an_alarm_that_rang_before_the_wait_is_not_lost_and_one_that_was_hushed_is() -> None:
    alarm = Alarm()
    alarm.ring()
    alarm.ring()
    alarm.wait(60)
    alarm.ring()
    alarm.hush()
    assert not alarm._quiet.acquire(blocking=False)
