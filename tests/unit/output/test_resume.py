"""An output that another engine goes on with is the same, byte for byte and masked, as if nobody had died."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from deployx_tui.model.execution import Stream
from deployx_tui.model.ids import DeviceId, ExecutionId, TargetId
from deployx_tui.output.frames import Frame, decode
from deployx_tui.output.mask import SecretSet
from deployx_tui.output.segments import SegmentReader, SegmentWriter
from deployx_tui.output.writer import Caps, OutputTotals, OutputWriter, RunBudget

AT = datetime(2026, 11, 23, tzinfo=UTC)
SECRETS = SecretSet([b"sesame-open", b"open-door"])
STREAMS = (Stream.STDOUT, Stream.STDERR)


class Target:
    """One target's output on disk, and one writer after the other."""

    def __init__(self, folder: Path, secrets: SecretSet = SECRETS) -> None:
        self.folder, self.secrets = folder, secrets
        self.inline: bytes = b""
        self.writer = self._new()

    def _new(self) -> OutputWriter:
        return OutputWriter(
            ExecutionId(1),
            TargetId(1),
            DeviceId(1),
            self.secrets,
            Caps(),
            RunBudget(1 << 30),
            lambda: SegmentWriter(self.folder, 1),
        )

    def frames(self) -> tuple[list[Frame], bool]:
        """What a next engine finds, and whether it lies in the segment file."""
        try:
            reader = SegmentReader(self.folder, 1)
        except FileNotFoundError:
            return list(decode(self.inline)), False
        found = [frame for block in reader.blocks(1) for frame in decode(reader.frames(block))]
        reader.release()
        return found, True

    def dies(self, bases: tuple[int, int] = (0, 0)) -> None:
        """What was not on disk is gone; another writer goes on."""
        frames, is_spilled = self.frames()
        self.writer = self._new()
        self.writer.resume(frames, bases, is_spilled=is_spilled)

    def save(self) -> None:
        frames = self.writer.save(0.0)
        if frames is not None:
            self.inline = frames

    def said(self) -> dict[Stream, bytes]:
        frames = self.frames()[0]
        return {stream: b"".join(frame.data for frame in frames if frame.stream is stream) for stream in STREAMS}

    def close(self) -> OutputTotals:
        totals = self.writer.close(AT)
        self.inline = totals.inline or b""
        return totals


pieces = st.lists(
    st.sampled_from(
        [b"sesame-open", b"sesame-op", b"en", b"open-door", b"sesame-open-door", b"-d", b"oor", b"x", b"\n", b"s" * 700]
    ),
    max_size=60,
).map(b"".join)


@settings(max_examples=150, deadline=None)
@given(out=pieces, err=pieces, deaths=st.lists(st.booleans(), max_size=6), data=st.data())
def test_masked_whole_is_masked_through_any_deaths(
    out: bytes, err: bytes, deaths: list[bool], data: st.DataObject
) -> None:
    raw = {Stream.STDOUT: out, Stream.STDERR: err}
    with tempfile.TemporaryDirectory() as folder:
        target = Target(Path(folder))
        for is_saved in deaths:
            for stream in STREAMS:
                begin = target.writer.raw_offset(stream)
                end = data.draw(st.integers(begin, len(raw[stream])))
                cut = data.draw(st.integers(begin, end))
                for piece in (raw[stream][begin:cut], raw[stream][cut:end]):
                    if piece:
                        target.writer.write(stream, piece, AT)
            if is_saved:
                target.save()
            target.dies()
        for stream in STREAMS:
            rest = raw[stream][target.writer.raw_offset(stream) :]
            if rest:
                target.writer.write(stream, rest, AT)
        totals = target.close()
        assert target.said() == {stream: SECRETS.mask(raw[stream]) for stream in STREAMS}
    with tempfile.TemporaryDirectory() as folder:
        whole = Target(Path(folder))
        for stream in STREAMS:
            whole.writer.write(stream, raw[stream], AT)
        expected = whole.close()
    assert (totals.sha256, totals.stdout_bytes, totals.stderr_bytes) == (
        expected.sha256,
        expected.stdout_bytes,
        expected.stderr_bytes,
    )


def test_a_step_that_is_settled_is_whole_and_the_next_one_begins_behind_it(tmp_path: Path) -> None:
    target = Target(tmp_path)
    target.writer.write(Stream.STDOUT, b"one sesame", AT)  # could begin a secret
    frames = target.writer.settle(AT)
    assert frames is not None
    target.inline = frames
    bases = target.writer.raw_offset(Stream.STDOUT), target.writer.raw_offset(Stream.STDERR)
    assert bases == (10, 0)
    target.dies(bases)
    assert target.writer.raw_offset(Stream.STDOUT) == 10
    target.writer.write(Stream.STDOUT, b"two", AT)
    target.close()
    assert target.said()[Stream.STDOUT] == b"one sesametwo"


def test_what_an_engine_had_heard_and_could_not_keep_is_a_cut(tmp_path: Path) -> None:
    """Its spool is gone, so it can't be had again."""
    target = Target(tmp_path)
    target.writer.resume([], (5000, 0), is_spilled=False)
    assert target.writer.raw_offset(Stream.STDOUT) == 5000
    target.writer.write(Stream.STDOUT, b"rest", AT)
    assert target.close().cut
