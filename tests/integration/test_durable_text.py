"""The texts of durable runs, cut anywhere, run and end nothing; what a follower sends is read in pieces of any size."""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployx_tui.model.execution import Stream
from deployx_tui.transports.base import CommandSpec, Refused, RemoteHandle
from deployx_tui.transports.posix import durable_text
from deployx_tui.transports.posix.durable_text import (
    Frames,
    Garbled,
    OtherBoot,
    Piece,
    Record,
    Removed,
    Restarted,
    Said,
)
from tests.integration.test_cut_text import SHELLS, feed, ran


def text_of(oracle: Path, base: Path) -> bytes:
    spec = CommandSpec(
        script=f"echo ran >> {oracle}\necho 'done'\nexit 0\n",
        environment={"A": "it's", "B": f"x\necho ran >> {oracle}\n"},
        working_directory="/",
        stdin=b"given\0",
        nonce=secrets.token_hex(16),
        durable=True,
        spool_bases=(str(base),),
    )
    text = durable_text.start_text(spec)
    assert not isinstance(text, Refused)
    return text


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "spools").mkdir()
    return tmp_path / "spools"


@pytest.mark.parametrize("shell", SHELLS)
def test_the_whole_text_runs_once_whoever_reads_its_answer(shell: str, tmp_path: Path, base: Path) -> None:
    answer = feed(shell, text_of(tmp_path / "ran", base))
    assert ran(tmp_path / "ran") == 1
    assert b"\nx 5 0 exit 0\n" in answer.stdout
    assert len(list(base.iterdir())) == 1, "not acknowledged"


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_text_cut_anywhere_runs_nothing(shell: str, tmp_path: Path, base: Path, data: st.DataObject) -> None:
    text = text_of(tmp_path / "ran", base)
    feed(shell, text[: data.draw(st.integers(0, len(text) - 2))])
    assert ran(tmp_path / "ran") == 0
    assert list(base.iterdir()) == []


@pytest.mark.long
@pytest.mark.parametrize("shell", SHELLS)
def test_a_text_cut_at_every_byte_runs_nothing(shell: str, tmp_path: Path, base: Path) -> None:
    text = text_of(tmp_path / "ran", base)
    for length in range(len(text) - 1):
        feed(shell, text[:length])
        assert ran(tmp_path / "ran") == 0, length
    assert list(base.iterdir()) == []


@pytest.mark.parametrize("shell", SHELLS)
def test_a_cut_text_neither_ends_a_run_nor_follows_it_from_elsewhere(shell: str, tmp_path: Path, base: Path) -> None:
    answer = feed(shell, text_of(tmp_path / "ran", base)).stdout
    nonce = answer.split()[1].decode()
    handle = RemoteHandle.of_durable(nonce, (str(base),))
    for text in (durable_text.attach_text(handle, 123, 45), durable_text.stop_text(handle, timedelta(seconds=1))):
        for length in (*range(0, len(text) - 45, 400), *range(len(text) - 45, len(text) - 1)):
            said = feed(shell, text[:length]).stdout
            assert said == b"", length
    assert (base / f"dx-{nonce}" / "exit").exists()


def test_bases_are_plain_absolute_paths() -> None:
    for bases in ((), ("relative",), ("/with space",), ("/a;b",), ("/a$b",)):
        with pytest.raises(ValueError, match="absolute"):
            durable_text.attach_text(RemoteHandle.of_durable("ab" * 16, bases), 0, 0)


SENT = (
    b"o 5\nhello"
    + b"e 3\n\n\no"
    + b"h\n"
    + b"c e\n"
    + b"o 300\n"
    + b"x 1\n" * 75
    + b"r\nx 305 3 exit 7 full timeout\ng\n"
)


@given(sizes=st.lists(st.integers(1, 40), min_size=1))
def test_frames_are_the_same_in_pieces_of_any_size(sizes: list[int]) -> None:
    frames, at = Frames(), 0
    said: list[Said] = []
    while at < len(SENT):
        for size in sizes:
            said += frames.read(SENT[at : at + size])
            at += size
    streams = {
        stream: b"".join(p.data for p in said if isinstance(p, Piece) and p.stream is stream) for stream in Stream
    }
    assert streams[Stream.STDOUT] == b"hello" + b"x 1\n" * 75
    assert streams[Stream.STDERR] == b"\n\no"
    assert [each for each in said if not isinstance(each, Piece)] == [
        Restarted(Stream.STDERR),
        OtherBoot(),
        Record("exit", "7", frozenset({"full", "timeout"})),
        Removed(),
    ]


@pytest.mark.parametrize("sent", [b"hello\n", b"o x\n", b"o -1\n", b"x\n", b"y" * 10_000])
def test_what_no_follower_says_is_garbled(sent: bytes) -> None:
    with pytest.raises(Garbled):
        list(Frames().read(sent))


@pytest.mark.parametrize("sent", [b"o 5\nhel", b"x 1 2 exit", b"o 1", b"g"])
def test_what_is_torn_says_no_more_than_came(sent: bytes) -> None:
    said = list(Frames().read(sent))
    assert said in ([], [Piece(Stream.STDOUT, b"hel")])
