"""Frames come back as they were; a torn tail is where reading ends."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deployx_tui.model.execution import Stream
from deployx_tui.output.frames import Frame, decode, encode

frames = st.builds(
    Frame,
    sequence=st.integers(0, 2**32 - 1),
    at_ms=st.integers(-(2**40), 2**45),
    stream=st.sampled_from([Stream.STDOUT, Stream.STDERR]),
    raw_start=st.integers(0, 2**63),
    raw_length=st.integers(0, 2**63),
    data=st.binary(max_size=100),
)
gaps = st.builds(
    Frame,
    sequence=st.integers(0, 9),
    at_ms=st.just(0),
    stream=st.sampled_from([Stream.STDOUT, Stream.STDERR]),
    raw_start=st.integers(0, 2**50),
    raw_length=st.integers(0, 2**50),
    data=st.just(b""),
    missing=st.integers(1, 2**50),
)


def encoded(some: list[Frame]) -> bytes:
    return b"".join(part for frame in some for part in encode(frame))


@given(st.lists(frames | gaps, max_size=6))
def test_frames_come_back_as_they_were(some: list[Frame]) -> None:
    assert list(decode(encoded(some))) == some


@given(st.lists(frames | gaps, min_size=1, max_size=4), st.data())
def test_a_torn_tail_gives_the_whole_frames_before_it(some: list[Frame], data: st.DataObject) -> None:
    whole, last = encoded(some[:-1]), encoded(some[-1:])
    torn = data.draw(st.integers(0, len(last) - 1))
    assert list(decode(whole + last[:torn])) == some[:-1]


@given(st.lists(frames, min_size=1, max_size=3), st.data())
def test_a_damaged_byte_is_never_given_out_as_output(some: list[Frame], data: st.DataObject) -> None:
    stored = bytearray(encoded(some))
    place = data.draw(st.integers(0, len(stored) - 1))
    stored[place] ^= data.draw(st.integers(1, 255))
    read = list(decode(bytes(stored)))
    assert read == some[: len(read)]
    assert len(read) < len(some)


def test_a_gap_moves_the_offset_by_what_is_missing() -> None:
    gap = Frame(3, 0, Stream.STDERR, 100, 5000, b"", 4800)
    assert gap.length == 4800
    assert gap.raw_end == 5100
    assert next(decode(encoded([gap]))) == gap
