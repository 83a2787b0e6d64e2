"""How files are put on a target and fetched from it; what lies there is seen by this machine's own eyes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from deployx_tui.model.execution import Cause
from deployx_tui.transports.base import (
    Broke,
    CommandSpec,
    Connection,
    Exited,
    FileMover,
    Refused,
    Sent,
    Unknown,
    Unreached,
)
from tests.contract.transport.site import CONNECT, Recorder, Site
from tests.support.disks import small_disk
from tests.support.sources import Source, content, nothing

SIZES = [0, 1, 32_639, 32_640, 32_641, 261_119, 261_120, 261_121, 2 << 20, (2 << 20) + 1, 5 << 20]
NAMES = [
    "plain",
    "two words",
    'it\'s "quoted" $HOME `id` \\n * ? [a] !x',
    "a line\nand another",
    " -rf",
    "-n",
    "Grüße 日本 👍🏽 e\u0301",
    "not utf-8 \udcff\udc81\udc88x",
    "tab\tand \x01\x1b[31m",
    "#;&|<>(){}~",
]


class FilesContract:
    """Part of TransportContract."""

    @pytest.mark.parametrize("size", SIZES)
    def test_every_byte_goes_there_and_comes_back(self, site: Site, tmp_path: Path, size: int) -> None:
        file = tmp_path / "file"
        file.touch()
        told: list[int] = []
        back = bytearray()
        with _connected(site) as mover:
            sent = mover.put(Source(size), str(file), 0, told.append, Event())
            assert isinstance(sent, Sent)
            assert sent.size == size
            assert file.read_bytes() == content(0, size)
            assert mover.get(str(file), 0, back.extend, Event()) == Sent(size, "local" if sent.way == "local" else "sh")
        assert bytes(back) == content(0, size)
        assert told == sorted(told)
        assert told[-1] == size

    @pytest.mark.parametrize("offset", [1, 32_640, 261_121, 1 << 20])
    def test_what_is_there_already_is_gone_on_with(self, site: Site, tmp_path: Path, offset: int) -> None:
        file = tmp_path / "file"
        before = b"." * offset  # nobody writes there again
        file.write_bytes(before)
        source, back = Source(1 << 20), bytearray()
        with _connected(site) as mover:
            sent = mover.put(source, str(file), offset, nothing, Event())
            fetched = mover.get(str(file), offset, back.extend, Event())
        assert isinstance(sent, Sent)
        assert sent.size == source.bytes_read == (1 << 20) - offset
        assert file.read_bytes() == before + content(offset, (1 << 20) - offset)
        assert isinstance(fetched, Sent)
        assert bytes(back) == content(offset, (1 << 20) - offset)

    def test_a_file_has_the_same_rights_and_number_as_before(self, site: Site, tmp_path: Path) -> None:
        file = tmp_path / "file"
        file.touch(0o640)
        before = file.stat()
        with _connected(site) as mover:
            assert isinstance(mover.put(Source(70_000), str(file), 0, nothing, Event()), Sent)
        assert (file.stat().st_mode, file.stat().st_ino) == (before.st_mode, before.st_ino)

    @pytest.mark.parametrize("name", NAMES)
    def test_a_name_may_hold_anything(self, site: Site, tmp_path: Path, name: str) -> None:
        folder = tmp_path / name
        folder.mkdir()
        file = folder / name
        file.touch()
        back = bytearray()
        with _connected(site) as mover:
            assert isinstance(mover.put(Source(300), str(file), 0, nothing, Event()), Sent)
            assert isinstance(mover.put(Source(400), str(file), 300, nothing, Event()), Sent)
            assert isinstance(mover.get(str(file), 100, back.extend, Event()), Sent)
        assert file.read_bytes() == content(0, 400)
        assert bytes(back) == content(100, 300)
        assert [path.name for path in folder.iterdir()] == [name]

    def test_what_is_not_there_is_not_made(self, site: Site, tmp_path: Path) -> None:
        with _connected(site) as mover:
            folder = tmp_path / "folder"
            folder.mkdir()
            for path in (folder / "file", folder / "no folder" / "file"):
                for told in (
                    mover.put(Source(10), str(path), 0, nothing, Event()),
                    mover.get(str(path), 0, _never, Event()),
                ):
                    assert isinstance(told, Refused)
                    assert told.cause is Cause.EXIT
                    assert "there is no file" in told.message
                    assert told.remedy
        assert list(folder.iterdir()) == []

    @pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
    def test_what_is_no_plain_file_is_refused_at_once(self, site: Site, tmp_path: Path, kind: str) -> None:
        path = Path("/dev/null") if kind == "device" else tmp_path / kind
        if kind == "folder":
            path.mkdir()
        elif kind == "pipe":
            os.mkfifo(path)
        with _connected(site) as mover:
            for told in (
                mover.get(str(path), 0, _never, Event()),
                mover.put(Source(10), str(path), 0, nothing, Event()),
            ):
                assert isinstance(told, Refused)
                assert "not a plain file" in told.message

    @pytest.mark.parametrize("path", ["relative", "", "/nul\0", "/\ud800"])
    def test_what_is_no_path_is_refused_with_a_remedy(self, site: Site, path: str) -> None:
        with _connected(site) as mover:
            told = mover.put(Source(10), path, 0, nothing, Event()), mover.get(path, 0, _never, Event())
        for one in told:
            assert isinstance(one, Refused)
            assert one.remedy

    @pytest.mark.parametrize("found", [0, 99, 101])
    def test_a_file_of_another_size_is_not_written(self, site: Site, tmp_path: Path, found: int) -> None:
        file = tmp_path / "file"
        file.write_bytes(b"." * found)
        with _connected(site) as mover:
            told = mover.put(Source(500), str(file), 100, nothing, Event())
        assert isinstance(told, Refused)
        assert f"has {found} bytes" in told.message
        assert file.read_bytes() == b"." * found

    def test_a_file_system_that_takes_nothing_refuses(self, site: Site, tmp_path: Path) -> None:
        with small_disk(tmp_path / "disk", "size=1m") as disk:
            file = disk / "file"
            file.touch()
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
            with _connected(site) as mover:
                told = mover.put(Source(10), str(file), 0, nothing, Event())
            assert isinstance(told, Refused)
            assert told.cause is Cause.EXIT
            assert "can't be opened" in told.message

    def test_a_full_disk_is_told_in_the_targets_words(self, site: Site, tmp_path: Path) -> None:
        with small_disk(tmp_path / "disk", "size=1m") as disk:
            file = disk / "file"
            file.touch()
            with _connected(site) as mover:
                told = mover.put(Source(20 << 20), str(file), 0, nothing, Event())
            assert isinstance(told, Broke)
            assert told.cause is Cause.EXIT
            assert "No space left" in told.message or " 0 bytes are free" in told.message
            # what is there is the beginning of it: it can be gone on with
            assert file.read_bytes() == content(0, file.stat().st_size)

    def test_a_disk_that_is_full_at_the_last_byte_is_not_a_success(self, site: Site, tmp_path: Path) -> None:
        with small_disk(tmp_path / "disk", "size=1m") as disk:
            file = disk / "file"
            file.touch()
            with _connected(site) as mover:
                assert isinstance(mover.put(Source((1 << 20) + 1), str(file), 0, nothing, Event()), Broke)

    def test_a_cancel_ends_a_put_and_leaves_the_connection_whole(self, site: Site, tmp_path: Path) -> None:
        file = tmp_path / "file"
        file.touch()
        stop = Event()
        source = Source(64 << 20, lambda offset: stop.set() if offset > 5 << 20 else None)
        with _connected(site) as mover:
            told = mover.put(source, str(file), 0, nothing, stop)
            assert isinstance(told, Broke)
            assert told.cause is Cause.KILLED
            _answers(mover)
        assert file.stat().st_size < 64 << 20
        assert source.bytes_read < 8 << 20

    def test_a_cancel_ends_a_get_and_leaves_the_connection_whole(self, site: Site, tmp_path: Path) -> None:
        file = tmp_path / "file"
        with file.open("wb") as made:
            made.truncate(64 << 20)
        stop = Event()
        came = bytearray()

        def sink(data: bytes) -> None:
            came.extend(data)
            stop.set()

        with _connected(site) as mover:
            told = mover.get(str(file), 0, sink, stop)
            assert isinstance(told, Broke)
            assert told.cause is Cause.KILLED
            _answers(mover)
        assert 0 < len(came) < 8 << 20

    def test_what_is_cancelled_before_it_begins_touches_nothing(self, site: Site, tmp_path: Path) -> None:
        file = tmp_path / "file"
        file.touch()
        stop = Event()
        stop.set()
        with _connected(site) as mover:
            told = mover.put(Source(10), str(file), 0, nothing, stop)
            assert isinstance(told, Broke)
            assert told.cause is Cause.KILLED
        assert file.read_bytes() == b""

    def test_what_source_and_sink_raise_passes_through(self, site: Site, tmp_path: Path) -> None:
        file = tmp_path / "file"
        file.touch()

        def fail(_: object) -> None:
            raise OverflowError("enough")

        with _connected(site) as mover:
            with pytest.raises(OverflowError):
                mover.put(Source(10, fail), str(file), 0, nothing, Event())
            file.write_bytes(b"something")
            with pytest.raises(OverflowError):
                mover.get(str(file), 0, fail, Event())
            _answers(mover)

    def test_a_source_that_ends_early_is_no_success(self, site: Site, tmp_path: Path) -> None:
        file = tmp_path / "file"
        file.touch()
        source = Source(1000)
        source.read = lambda offset, size: content(offset, min(size, max(0, 500 - offset)))  # type: ignore[method-assign]
        with _connected(site) as mover:
            told = mover.put(source, str(file), 0, nothing, Event())
        assert isinstance(told, Broke)
        assert "ended at byte 500" in told.message

    def test_several_files_and_commands_go_over_one_connection_at_once(self, site: Site, tmp_path: Path) -> None:
        files = [tmp_path / str(number) for number in range(3)]
        for file in files:
            file.touch()
        with _connected(site) as mover, ThreadPoolExecutor(3) as threads:

            def put(file: Path) -> object:
                # a command starts, answers and ends while the file is half over
                asked = Event()

                def at(offset: int) -> None:
                    if offset > 1 << 20 and not asked.is_set():
                        asked.set()
                        _answers(mover)

                return mover.put(Source(5 << 20, at), str(file), 0, nothing, Event())

            told = list(threads.map(put, files))
        assert all(isinstance(one, Sent) for one in told), told
        for file in files:
            assert file.read_bytes() == content(0, 5 << 20)


class _Mover(FileMover, Connection):
    """What `_connected` gives."""


@contextmanager
def _connected(site: Site) -> Iterator[_Mover]:
    connection = site.transport.connect(site.endpoint, CONNECT, Event())
    assert not isinstance(connection, Unreached)
    assert isinstance(connection, FileMover)
    yield connection  # type: ignore[misc]  # it is both
    site.transport.release(connection)


def _answers(connection: Connection) -> None:
    """A command runs over it."""
    process = connection.start(CommandSpec(script="echo here"))
    assert not isinstance(process, Refused | Unknown), process
    assert process.stream(Recorder(), Event()) == Exited(0)


def _never(data: bytes) -> None:
    raise AssertionError(f"{data[:20]!r} came")
