"""The socket below a connection: bursts, what goes out together, and what the kernel has taken."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from deployx_tui.transports.ssh.wire import Wire


class Ends:
    def __init__(self) -> None:
        ours, self.theirs = socket.socketpair()
        self.sleeps = 0
        self.wire = Wire(ours, 0.01, self.count)
        self.theirs.settimeout(10)

    def count(self) -> None:
        self.sleeps += 1

    def came(self) -> bytes:
        """What came to the far end until now."""
        self.theirs.setblocking(False)
        try:
            return self.theirs.recv(65536)
        except BlockingIOError:
            return b""
        finally:
            self.theirs.setblocking(True)


@pytest.fixture
def ends() -> Iterator[Ends]:
    ends = Ends()
    yield ends
    ends.wire.close()
    ends.theirs.close()


def test_a_burst_is_read_in_pieces_of_any_size_with_one_look(ends: Ends) -> None:
    sent = bytes(range(256)) * 4
    ends.theirs.sendall(sent)
    got = b""
    for size in (16, 100, 1, 500, 407):
        got += ends.wire.recv(size)
    assert got == sent
    assert ends.sleeps == 1


def test_silence_is_a_time_out_and_the_next_reading_works(ends: Ends) -> None:
    with pytest.raises(TimeoutError):
        ends.wire.recv(16)
    ends.theirs.sendall(b"late")
    assert ends.wire.recv(16) == b"late"


def test_the_end_of_the_peer_is_an_empty_reading(ends: Ends) -> None:
    ends.theirs.close()
    assert ends.wire.recv(16) == b""


def test_what_the_reading_thread_writes_goes_out_when_it_flushes(ends: Ends) -> None:
    ends.theirs.sendall(b"ab")
    ends.wire.recv(1)
    ends.wire.send(b"one ")
    ends.wire.send(b"two")
    assert ends.came() == b""
    assert ends.wire.flush()
    assert ends.came() == b"one two"


def test_another_threads_write_takes_along_what_is_held_and_keeps_the_order(ends: Ends) -> None:
    ends.theirs.sendall(b"ab")
    ends.wire.recv(1)
    ends.wire.send(b"first ")
    other = threading.Thread(target=ends.wire.send, args=(b"second",))
    other.start()
    other.join()
    assert ends.came() == b"first second"


def test_what_belongs_together_goes_out_at_the_end(ends: Ends) -> None:
    with ends.wire.together():
        ends.wire.send(b"one ")
        ends.wire.send(b"two")
        assert ends.came() == b""
    assert ends.came() == b"one two"
    ends.wire.send(b"three")
    assert ends.came() == b"three"


def test_a_flush_on_a_broken_line_says_that_not_all_was_taken(ends: Ends) -> None:
    ends.theirs.sendall(b"ab")
    ends.wire.recv(1)
    ends.theirs.close()
    ends.wire.send(b"lost")
    assert not ends.wire.flush()
    with pytest.raises(OSError, match="Broken pipe"), ends.wire.together():
        ends.wire.send(b"also")
