"""Output becomes lines: whatever the cut, the streams and the bytes."""

from __future__ import annotations

import unicodedata
from datetime import UTC, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployx_tui.model.execution import OutputChunk, OutputGap, Stream
from deployx_tui.tui.render.output import LINE_CAP, OutputWindow, size
from deployx_tui.tui.render.output_rows import RowLook, plain_of, rows_of
from tests.support.output_source import START, chunks_of

OUT, ERR = Stream.STDOUT, Stream.STDERR


def window_of(*pieces: tuple[Stream, bytes], step: timedelta = timedelta(0)) -> OutputWindow:
    window = OutputWindow()
    for chunk in chunks_of(*pieces, step=step):
        window.feed(chunk)
    return window


def texts(window: OutputWindow) -> list[tuple[Stream, bytes]]:
    lines = [window.line(number) for number in range(window.first, window.end)]
    return [(line.stream, line.data) for line in lines]


def rows(window: OutputWindow, look: RowLook) -> list[str]:
    return [row.plain for n in range(window.first, window.end) for row in rows_of(window.line(n), look)]


def test_a_line_without_its_end_stands_last_and_is_completed_where_it_ends() -> None:
    window = window_of((OUT, b"one\ntw"), (ERR, b"bad\n"))
    assert texts(window) == [(OUT, b"one"), (ERR, b"bad"), (OUT, b"tw")]
    assert window.line(2).is_open
    window.feed(chunks_of((OUT, b"o\n"), start=window.next_offset)[0])
    assert texts(window) == [(OUT, b"one"), (ERR, b"bad"), (OUT, b"two")]
    assert not window.line(2).is_open


def test_a_line_has_the_time_of_its_first_byte() -> None:
    window = window_of((OUT, b"a"), (OUT, b"b\nc\n"), step=timedelta(seconds=2))
    assert [window.line(n).at for n in (0, 1)] == [START, START + timedelta(seconds=2)]


@given(st.binary(max_size=200), st.lists(st.integers(1, 7), max_size=60))
def test_any_cut_gives_the_same_lines_at_the_same_offsets(data: bytes, cuts: list[int]) -> None:
    data = data.replace(b"\r", b"")
    whole = window_of((OUT, data))
    pieces, at = OutputWindow(), 0
    for cut in [*cuts, len(data)]:
        pieces.feed(OutputChunk(stream=OUT, at=START, offset=at, data=data[at : at + cut]))
        at += len(data[at : at + cut])
    assert texts(pieces) == texts(whole)
    offsets = [pieces.offset_of(n) for n in range(pieces.end)]
    assert offsets == [whole.offset_of(n) for n in range(whole.end)]
    assert all(data[o:].startswith(line) for o, (_, line) in zip(offsets, texts(pieces), strict=True))
    assert all(pieces.number_at(offset) == n for n, offset in enumerate(offsets) if not pieces.line(n).is_open)


def test_a_progress_line_shows_its_last_state_and_says_that_it_was_overwritten() -> None:
    window = window_of((OUT, b"10%\r50%\r100%\r\ndone\r\n"))
    assert rows(window, RowLook(40, UTC, timestamps=False)) == ["␍100%", "done"]


def test_a_progress_line_that_never_ends_keeps_its_last_state_only() -> None:
    window = OutputWindow()
    for n in range(20_000):
        window.feed(OutputChunk(stream=OUT, at=START, offset=window.next_offset, data=b"fetched %6d\r" % n))
    assert rows(window, RowLook(40, UTC, timestamps=False)) == ["␍fetched  19999"]
    assert len(window.line(0).data) < 100


def test_a_huge_line_is_cut_and_says_by_how_much() -> None:
    window = window_of((OUT, b"x" * (LINE_CAP + 2500)), (OUT, b"y\nnext\n"))
    assert window.line(0).more == 2501
    assert len(window.line(0).data) == LINE_CAP
    assert rows_of(window.line(0), RowLook(10**6, UTC))[0].plain.endswith("x … 2.5 kB more on this line")
    assert window.offset_of(1) == LINE_CAP + 2502
    inside = window_of((OUT, b"a\n" + b"x" * (LINE_CAP + 7) + b"\nb\n"))
    assert [inside.line(n).more for n in range(3)] == [0, 7, 0]
    assert inside.offset_of(2) == LINE_CAP + 10


def test_what_the_store_did_not_keep_is_said_in_its_place() -> None:
    window = window_of((OUT, b"head\nhal"))
    window.feed(OutputChunk(stream=OUT, at=START, offset=5_000_008, data=b"tail\n"))
    assert texts(window) == [
        (OUT, b"head"),
        (OUT, b"hal"),
        (Stream.BOTH, b"5.0 MB of output were not kept"),
        (OUT, b"tail"),
    ]
    assert window.offset_of(3) == 5_000_008


def test_what_cant_be_read_is_said_in_its_place_also_when_it_is_all() -> None:
    window = window_of((OUT, b"head\nhal"))
    window.lose(OutputGap(8, 5_000_008, "the output file is damaged: /d/1.pack"))
    window.feed(OutputChunk(stream=OUT, at=START, offset=5_000_008, data=b"tail\n"))
    note = b"5.0 MB can't be read: the output file is damaged: /d/1.pack"
    assert texts(window) == [(OUT, b"head"), (OUT, b"hal"), (Stream.BOTH, note), (OUT, b"tail")]
    assert window.offset_of(3) == 5_000_008
    assert rows(window, RowLook(90, UTC))[2] == f"{'':11}… {note.decode()}"
    alone = OutputWindow(offset=7)
    alone.lose(OutputGap(7, 5_000_007, "the output file is damaged: /d/1.pack"))
    assert texts(alone) == [(Stream.BOTH, note)]


def test_a_window_from_the_middle_begins_at_a_line() -> None:
    window = OutputWindow(offset=100, line=7)
    window.feed(OutputChunk(stream=OUT, at=START, offset=100, data=b"half a line\nwhole\n"))
    assert texts(window) == [(OUT, b"whole")]
    assert window.true_number(window.first) == 8
    assert (window.number_of(7), window.number_of(8), window.number_of(9)) == (None, window.first, None)


def test_what_a_gap_cut_off_and_the_note_about_it_are_no_lines_of_the_output() -> None:
    window = window_of((OUT, b"one\nhal"))
    window.feed(OutputChunk(stream=OUT, at=START, offset=1000, data=b"f\nthree\n"))
    assert [window.line(n).data for n in range(window.end)] == [
        b"one", b"hal", b"993 B of output were not kept", b"f", b"three",
    ]  # fmt: skip
    assert [window.true_number(n) for n in range(window.end + 1)] == [0, 1, 1, 1, 2, 3]
    assert [window.number_of(line) for line in range(4)] == [0, 3, 4, None]


def test_a_window_from_the_middle_of_a_line_without_end_shows_it_all_the_same() -> None:
    window = OutputWindow(offset=100)
    for n in range(20):
        window.feed(OutputChunk(stream=OUT, at=START, offset=100 + n * 8192, data=b"z" * 8192))
    assert window.end == 1


def test_what_is_kept_is_bounded_and_numbers_stay() -> None:
    window = OutputWindow(cap=100_000)
    for n in range(5000):
        window.feed(OutputChunk(stream=OUT, at=START, offset=window.next_offset, data=b"line %05d\n" % n * 10))
        assert window.cost <= 100_000
    assert window.end == 50_000
    assert window.line(window.first).data == b"line %05d" % (window.first // 10)
    assert window.line(49_999).data == b"line 04999"
    with pytest.raises(IndexError):
        window.line(window.first - 1)


def test_empty_lines_count_too() -> None:
    window = OutputWindow(cap=1_000_000)
    for _ in range(50):
        window.feed(OutputChunk(stream=OUT, at=START, offset=window.next_offset, data=b"\n" * 10_000))
    assert window.end - window.first < 30_000


def test_a_search_finds_through_colours_and_by_case_only_when_asked() -> None:
    window = window_of((OUT, b"first\n\x1b[31mcon\x1b[0mnected\nConnected\n"))
    assert window.find("connected", 0) == 1
    assert window.find("Connected", 0) == 2
    assert window.find("connected", 2, -1) == 2
    assert window.find("connected", 1, -1) == 1
    assert window.find("absent", 0) is None


def test_rows_show_time_and_mark_standard_error() -> None:
    window = window_of((OUT, b"fine\n"), (ERR, b"Access is denied\n"))
    assert rows(window, RowLook(60, UTC)) == ["14:00:41.1 fine", "14:00:41.1 E Access is denied"]


def test_wrapped_rows_align_under_the_text_and_lose_nothing() -> None:
    window = window_of((OUT, ("äöü" * 20 + "日本" * 10).encode() + b"\n"))
    made = rows_of(window.line(0), RowLook(31, UTC, wrap=True))
    assert all(row.cell_len <= 31 for row in made)
    assert "".join(row.plain[11:] for row in made) == "äöü" * 20 + "日本" * 10
    assert {row.plain[:11] for row in made[1:]} == {" " * 11}


def test_a_shifted_row_begins_further_right() -> None:
    window = window_of((OUT, b"0123456789abcdef\n"))
    assert rows(window, RowLook(4, UTC, timestamps=False, shift=8)) == ["89ab"]


def harmless(text: str) -> bool:
    """No control, format, unassigned, surrogate or line-separating character."""
    return not {unicodedata.category(character) for character in text} & {"Cc", "Cf", "Cn", "Cs", "Zl", "Zp"}


@given(st.binary(max_size=300))
def test_no_byte_of_a_host_reaches_the_screen_as_control(data: bytes) -> None:
    window = window_of((OUT, data + b"\n"))
    for n in range(window.end):
        for row in rows_of(window.line(n), RowLook(50, UTC, wrap=True)):
            assert harmless(row.plain)
            assert row.cell_len <= 50
        assert harmless(plain_of(window.line(n)))


def test_bytes_that_are_no_utf8_are_shown_as_what_they_are() -> None:
    assert rows(window_of((OUT, b"caf\xe9 \xff\x00\n")), RowLook(60, UTC, timestamps=False)) == ["caf\\xe9 \\xff␀"]


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_960, "1.0 MB"), (2_500_000_000, "2.5 GB")]
)
def test_sizes_read_well(count: int, words: str) -> None:
    assert size(count) == words
