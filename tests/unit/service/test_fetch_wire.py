"""Frames of a fetch: the same pieces, however the stream is cut; what is none is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployx_tui.model.execution import Cause
from deployx_tui.model.fetch import FetchBegun, FetchEnded, FetchKind, FetchPiece
from deployx_tui.model.ids import DeviceId
from deployx_tui.service.fetching import folder_names
from deployx_tui.service.wire.fetching import Frames, to_frame
from deployx_tui.service.wire.values import Garbled

_PIECES = st.one_of(
    st.builds(FetchBegun, st.sampled_from(FetchKind)),
    st.binary(min_size=1, max_size=200),
    st.builds(FetchEnded, cause=st.none() | st.sampled_from(Cause), message=st.text(), remedy=st.text()),
)


@given(st.lists(_PIECES, max_size=6), st.integers(1, 64))
def test_pieces_come_out_as_they_went_in(pieces: list[FetchPiece], cut: int) -> None:
    data = b"".join(to_frame(piece) for piece in pieces)
    frames = Frames()
    found = [piece for at in range(0, len(data), cut) for piece in frames.feed(data[at : at + cut])]
    assert found == pieces
    assert frames.is_over == any(isinstance(piece, FetchEnded) for piece in pieces)


@pytest.mark.parametrize("data", [b"d\xff\xff\xff\xff", b"x\0\0\0\0", b"b\0\0\0\2{}", b"e\0\0\0\4null", b"e\0\0\0\1x"])
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(Garbled):
        list(Frames().feed(data))


@given(st.lists(st.text(min_size=1, max_size=30), unique=True, max_size=8))
def test_each_device_has_a_folder_of_its_own_that_is_one_name(names: list[str]) -> None:
    devices = [(DeviceId(number), name) for number, name in enumerate(names, 1)]
    found = folder_names(devices)
    assert len({name.casefold() for name in found.values()}) == len(names)
    for name in found.values():
        assert name
        assert "/" not in name
        assert "\0" not in name
        assert not name.startswith(".")
        assert len(name.encode()) <= 255


def test_a_usual_name_is_the_folders_name() -> None:
    names = ["web01", "db.example.org", "Grüße", "../..", "..", "a/b", "WEB01"]
    devices = [(DeviceId(number), name) for number, name in enumerate(names, 1)]
    assert [*folder_names(devices).values()] == ["web01", "db.example.org", "Grüße", "4", "5", "a-b", "WEB01-7"]
