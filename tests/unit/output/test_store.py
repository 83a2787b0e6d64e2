"""Outputs: every byte once, at its offset, from memory, database or file, also after a death."""

from __future__ import annotations

import errno
import hashlib
import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select

from deployx_tui.errors import NotFound
from deployx_tui.model.execution import OutputGap, OutputSlice, Stream
from deployx_tui.model.ids import DeviceId, ExecutionId, TargetId
from deployx_tui.output.mask import NO_SECRETS, TOKEN, SecretSet
from deployx_tui.output.segments import SegmentWriter
from deployx_tui.output.store import OutputStore
from deployx_tui.output.writer import INLINE_LIMIT, Caps, OutputTotals, OutputWriter
from deployx_tui.store import schema
from deployx_tui.store.database import Database

AT = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
RUN, DEVICE = ExecutionId(1), DeviceId(1)
OUT, ERR, BOTH = Stream.STDOUT, Stream.STDERR, Stream.BOTH


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    tmp_path.chmod(0o700)
    database = Database.open(f"sqlite:///{tmp_path / 'deployx.db'}")
    with database.write() as c:
        c.execute(insert(schema.users).values(id=1, username="ann", role="admin", created_at=0))
        c.execute(
            insert(schema.executions).values(
                id=1, task_name="t", fire_key="k", trigger="ad_hoc", status="running", owner_id=1, started_by="ann",
                due_at=0, created_at=0, draft="{}",
            )
        )  # fmt: skip
        c.execute(insert(schema.execution_batches).values(id=1, execution_id=1, number=1, status="running"))
        for number in range(1, 21):
            c.execute(
                insert(schema.devices).values(
                    id=number, device_name=f"web{number}", address="127.0.0.1", transport="local", owner_id=1,
                    created_at=0, updated_at=0,
                )
            )  # fmt: skip
            c.execute(
                insert(schema.execution_targets).values(
                    id=number, execution_id=1, batch_id=1, batch=1, device_id=number, device_name=f"web{number}",
                    state="running",
                )
            )  # fmt: skip
    yield database
    database.close()


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Iterator[OutputStore]:
    store = OutputStore(database, tmp_path / "output")
    yield store
    store.close()


def begin(
    store: OutputStore, target: int = 1, secrets: SecretSet = NO_SECRETS, caps: Caps | None = None
) -> OutputWriter:
    return store.writer(TargetId(target), RUN, DEVICE, secrets, caps)


def finish(database: Database, store: OutputStore, writer: OutputWriter) -> OutputTotals:
    totals = writer.close(AT)
    with database.write() as c:
        store.keep(c, writer.target, totals)
        c.execute(
            schema.execution_targets.update()
            .where(schema.execution_targets.c.id == writer.target)
            .values(state="succeeded")
        )
    store.forget(writer.target)
    return totals


def joined(read: OutputSlice) -> bytes:
    return b"".join(chunk.data for chunk in read.chunks)


def everything(store: OutputStore, stream: Stream = BOTH, target: int = 1, limit: int = 70_000) -> bytes:
    """All of it as a client gets it: in slices."""
    data, offset = b"", 0
    while True:
        read = store.read(RUN, TargetId(target), stream, offset, limit)
        data += joined(read)
        if read.next_offset == offset:
            return data
        offset = read.next_offset


def test_a_small_output_lies_in_the_database_and_makes_no_file(
    database: Database, store: OutputStore, tmp_path: Path
) -> None:
    writer = begin(store)
    writer.write(OUT, b"hello\n", AT)
    writer.write(ERR, b"oh\n", AT)
    totals = finish(database, store, writer)
    assert (totals.stdout_bytes, totals.stderr_bytes, totals.cut) == (6, 3, False)
    assert list((tmp_path / "output").iterdir()) == []
    read = store.read(RUN, TargetId(1))
    assert [(c.stream, c.offset, c.data, c.at) for c in read.chunks] == [
        (OUT, 0, b"hello\n", AT),
        (ERR, 6, b"oh\n", AT),
    ]
    assert (read.next_offset, read.total, read.complete) == (9, 9, True)


def test_a_large_output_lies_in_one_private_segment_file_for_all_targets(
    database: Database, store: OutputStore, tmp_path: Path
) -> None:
    said = {target: random.Random(target).randbytes(INLINE_LIMIT + 1) for target in range(1, 6)}
    for writer in [begin(store, target) for target in said]:
        writer.write(OUT, said[writer.target], AT)
        assert finish(database, store, writer).inline is None
    files = sorted((tmp_path / "output").iterdir())
    assert [file.name for file in files] == ["1.idx", "1.seg"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert (tmp_path / "output").stat().st_mode & 0o777 == 0o700
    with database.read() as c:
        assert c.scalar(select(func.count()).select_from(schema.outputs)) == 0
    for target, data in said.items():
        assert everything(store, target=target) == data


def test_what_a_running_target_said_is_read_at_once(store: OutputStore) -> None:
    writer = begin(store)
    writer.write(OUT, b"first\n", AT)
    read = store.read(RUN, TargetId(1))
    assert (joined(read), read.complete, read.next_offset) == (b"first\n", False, 6)
    writer.write(OUT, b"x" * 300_000, AT + timedelta(seconds=1))
    writer.write(OUT, b"last\n", AT + timedelta(seconds=2))
    assert joined(store.read(RUN, TargetId(1), offset=300_000)) == b"x" * 6 + b"last\n"
    assert everything(store) == b"first\n" + b"x" * 300_000 + b"last\n"
    assert joined(store.read(RUN, TargetId(1), tail=8)) == b"xxxlast\n"


def test_waiting_for_more_ends_with_the_next_byte_and_with_the_end(database: Database, store: OutputStore) -> None:
    writer = begin(store)
    assert not store.wait(TargetId(1), 0, timedelta(0))
    thread = Thread(target=writer.write, args=(OUT, b"x", AT))
    thread.start()
    assert store.wait(TargetId(1), 0, timedelta(seconds=30))
    thread.join()
    thread = Thread(target=finish, args=(database, store, writer))
    thread.start()
    assert store.wait(TargetId(1), 1, timedelta(seconds=30))
    thread.join()
    assert store.wait(TargetId(1), 1, timedelta(0))  # over: there is nothing to wait for


def test_the_last_bytes_of_one_stream_are_found_behind_much_of_the_other(
    database: Database, store: OutputStore
) -> None:
    writer = begin(store)
    writer.write(ERR, b"the reason", AT)
    for _ in range(10):
        writer.write(OUT, b"o" * 60_000, AT)
    assert joined(store.read(RUN, TargetId(1), ERR, tail=6)) == b"reason"
    finish(database, store, writer)
    assert joined(store.read(RUN, TargetId(1), ERR, tail=6)) == b"reason"
    assert joined(store.read(RUN, TargetId(1), ERR, tail=999)) == b"the reason"
    assert joined(store.read(RUN, TargetId(1), OUT, tail=7)) == b"ooooooo"


def test_equal_outputs_have_equal_digests_and_the_streams_count_apart(database: Database, store: OutputStore) -> None:
    def digest(target: int, out: list[bytes], err: list[bytes]) -> str:
        writer = begin(store, target)
        for piece in out:
            writer.write(OUT, piece, AT)
        for piece in err:
            writer.write(ERR, piece, AT)
        return finish(database, store, writer).sha256

    assert digest(1, [b"ab", b"c"], [b"d"]) == digest(2, [b"abc"], [b"d"])
    assert digest(3, [b"abcd"], []) != digest(4, [b"abc"], [b"d"])
    out, err = hashlib.sha256(b"abc").digest(), hashlib.sha256(b"d").digest()
    assert digest(5, [b"abc"], [b"d"]) == hashlib.sha256(out + err).hexdigest()


def test_the_search_samples_are_the_first_and_last_two_kib(database: Database, store: OutputStore) -> None:
    writer = begin(store)
    data = random.Random(7).randbytes(50_000)
    for at in range(0, len(data), 777):
        writer.write(OUT, data[at : at + 777], AT)
    totals = finish(database, store, writer)
    assert (totals.head, totals.tail) == (data[:2048], data[-2048:])
    short = begin(store, 2)
    short.write(OUT, b"short", AT)
    totals = finish(database, store, short)
    assert (totals.head, totals.tail) == (b"short", b"")


def test_above_the_cap_head_and_tail_stay_and_offsets_do_not_shift(database: Database, store: OutputStore) -> None:
    writer = begin(store, caps=Caps(target=400_000, tail=100_000))
    data = random.Random(1).randbytes(2_000_000)
    for at in range(0, len(data), 10_000):
        writer.write(ERR if at == 1_000_000 else OUT, data[at : at + 10_000], AT)
    live = store.read(RUN, TargetId(1), tail=1000)
    assert joined(live) == data[-1000:]
    totals = finish(database, store, writer)
    assert totals.cut
    assert totals.stdout_bytes + totals.stderr_bytes == len(data)
    offset, kept = 0, 0
    gaps: list[OutputGap] = []
    while offset < len(data):
        read = store.read(RUN, TargetId(1), offset=offset, limit=30_000)
        for chunk in read.chunks:
            assert chunk.data == data[chunk.offset : chunk.offset + len(chunk.data)]
            kept += len(chunk.data)
        gaps.extend(read.gaps)
        assert read.next_offset > offset
        offset = read.next_offset
    missing = sum(gap.size for gap in gaps)
    assert kept + missing == len(data)
    assert 300_000 <= kept <= 400_000
    assert joined(store.read(RUN, TargetId(1), offset=0, limit=100)) == data[:100]
    assert joined(store.read(RUN, TargetId(1), tail=50_000)) == data[-50_000:]
    assert hashlib.sha256(data).hexdigest() != totals.sha256  # two streams


def test_the_cap_of_a_run_leaves_each_target_its_beginning_and_its_end(database: Database, store: OutputStore) -> None:
    caps = Caps(run=500_000, floor=20_000)
    for target in range(1, 11):
        writer = begin(store, target, caps=caps)
        for at in range(100):
            writer.write(OUT, b"%d %06d" % (target, at) + b"." * 1992, AT + timedelta(seconds=at))
        finish(database, store, writer)
    for target in range(1, 11):
        assert joined(store.read(RUN, TargetId(target), limit=8)) == (b"%d 000000" % target)[:8]
        assert b" 000099" in joined(store.read(RUN, TargetId(target), tail=2001))
    size = sum(len(everything(store, target=target)) for target in range(1, 11))
    assert 500_000 < size < 500_000 + 10 * 2 * 20_000 + 20_000


def test_a_disk_that_refuses_cuts_the_output_and_ends_no_thread(
    database: Database, store: OutputStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = begin(store)
    writer.write(OUT, b"a" * 100_000, AT)
    refusing = True
    write = SegmentWriter.append

    def append(self: SegmentWriter, *args: object) -> None:
        if refusing:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(self, *args)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(SegmentWriter, "append", append)
    for _ in range(20):
        writer.write(OUT, b"b" * 100_000, AT)
    writer.write(OUT, b"the end", AT)
    refusing = False
    totals = finish(database, store, writer)
    assert totals.cut
    assert "No space left" in totals.trouble
    assert joined(store.read(RUN, TargetId(1), limit=10)) == b"a" * 10
    assert joined(store.read(RUN, TargetId(1), tail=8)) == b"bthe end"


def test_a_secret_is_masked_before_it_is_stored_anywhere(
    database: Database, store: OutputStore, tmp_path: Path
) -> None:
    writer = begin(store, secrets=SecretSet([b"hunter2hunter2"]))
    for _ in range(2_000):
        writer.write(OUT, b"the password is hunter2", AT)
        assert not joined(store.read(RUN, TargetId(1), tail=7)).endswith(b"hunter2")
        writer.write(OUT, b"hunter2\n", AT)
    writer.write(ERR, b"hunter2hunter2", AT)
    totals = finish(database, store, writer)
    assert everything(store) == (b"the password is " + TOKEN + b"\n") * 2_000 + TOKEN
    files = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert not any(b"hunter2hunter2" in content for content in (*files, totals.head, totals.tail))


def test_what_was_said_a_second_before_a_death_is_kept(database: Database, store: OutputStore, tmp_path: Path) -> None:
    small, large = begin(store, 1), begin(store, 2)
    small.write(OUT, b"small", AT)
    large.write(OUT, b"L" * 20_000, AT)
    large.write(OUT, b"arge", AT + timedelta(seconds=1))
    with database.write() as c:
        store.save_unfinished(c, older_than=0)
    after = OutputStore(database, tmp_path / "output")  # the engine died, another one reads
    assert everything(after, target=1) == b"small"
    assert everything(after, target=2) == b"L" * 20_000 + b"arge"
    assert not after.read(RUN, TargetId(2)).complete
    after.close()


@pytest.mark.parametrize("torn", [1, 20, 47, 48, 60])
def test_a_torn_tail_is_ignored_and_written_over_by_nobody(
    database: Database, store: OutputStore, tmp_path: Path, torn: int
) -> None:
    writer = begin(store, 1)
    writer.write(OUT, b"a" * 200_000, AT)
    first = len(everything(store))
    writer.write(OUT, b"b" * 200_000, AT)
    finish(database, store, writer)
    index = tmp_path / "output" / "1.idx"
    os.truncate(index, index.stat().st_size - torn)
    after = OutputStore(database, tmp_path / "output")
    kept = everything(after)
    assert (b"a" * 200_000 + b"b" * 200_000).startswith(kept)
    assert len(kept) < first + 200_000
    other = begin(after, 2)
    other.write(OUT, b"c" * 20_000, AT)
    finish(database, after, other)
    assert everything(after, target=2) == b"c" * 20_000
    assert everything(after) == kept
    after.close()


def test_an_unknown_target_is_not_found(store: OutputStore) -> None:
    with pytest.raises(NotFound):
        store.read(RUN, TargetId(999))


def test_a_deleted_run_leaves_no_file(database: Database, store: OutputStore, tmp_path: Path) -> None:
    writer = begin(store)
    writer.write(OUT, b"x" * 20_000, AT)
    finish(database, store, writer)
    everything(store)
    store.delete(RUN)
    assert list((tmp_path / "output").iterdir()) == []


pieces = st.lists(
    st.tuples(st.sampled_from([OUT, ERR]), st.sampled_from([0, 1, 7, 300, 5_000, 70_000, 200_000]), st.integers(0, 30)),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(pieces, st.lists(st.tuples(st.integers(0, 300_000), st.integers(1, 100_000)), max_size=5), st.booleans())
def test_any_range_is_the_same_bytes_while_running_and_afterwards(
    tmp_path_factory: pytest.TempPathFactory,
    said: list[tuple[Stream, int, int]],
    ranges: list[tuple[int, int]],
    saved: bool,
) -> None:
    store = OutputStore(_Finished(), tmp_path_factory.mktemp("output"))  # type: ignore[arg-type]  # reads nothing
    writer = begin(store)
    whole: dict[Stream, bytes] = {OUT: b"", ERR: b"", BOTH: b""}
    at, source = AT, random.Random(3)
    for stream, size, pause in said:
        at += timedelta(milliseconds=pause)
        data = source.randbytes(size)
        writer.write(stream, data, at)
        whole[stream] += data
        whole[BOTH] += data
        if saved:
            writer.save(0)
    for closed in (False, True):
        if closed:
            writer.close(at)
        for stream, expected in whole.items():
            assert everything(store, stream) == expected
            for size in (1, 100, 80_000):
                assert joined(store.read(RUN, TargetId(1), stream, tail=size)) == expected[-size:]
        for offset, limit in ranges:
            read = store.read(RUN, TargetId(1), BOTH, offset, limit)
            assert joined(read) == whole[BOTH][offset : offset + limit]
            assert read.total == len(whole[BOTH])
            assert read.complete == (closed and read.next_offset == read.total)
    store.forget(TargetId(1))
    store.close()


class _Finished:
    """A database that is never asked: the target is live throughout."""
