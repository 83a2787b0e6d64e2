"""A plain file is read whole; nothing else is, and nothing without an end."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread

import pytest

from deployx_tui.plain_file import NotPlain, read_plain


def test_a_plain_file_is_read_whole_also_over_a_link(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\0\xff" * 500)
    (tmp_path / "link").symlink_to("file")
    assert read_plain(tmp_path / "link", 1000) == b"\0\xff" * 500


def test_what_has_no_size_of_its_own_is_read_to_its_end() -> None:
    assert read_plain(Path("/proc/self/status")).startswith(b"Name:")


def test_more_than_is_wanted_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 1001)
    with pytest.raises(NotPlain, match="more than 1000 bytes") as refused:
        read_plain(tmp_path / "file", 1000)
    assert refused.value.remedy


def test_no_device_no_pipe_and_no_folder_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    for path, kind in ((Path("/dev/zero"), "device"), (tmp_path / "link", "device"), (tmp_path, "folder")):
        with pytest.raises(NotPlain, match=kind) as refused:
            read_plain(path, 1000)
        assert str(refused.value).startswith(str(path))
    with pytest.raises(NotPlain, match="pipe"):
        read_plain(tmp_path / "pipe")
    with pytest.raises(NotPlain, match="null"):
        read_plain(tmp_path / "a\0b")


def test_the_null_device_is_an_empty_file() -> None:
    """ssh's own idiom: UserKnownHostsFile /dev/null."""
    assert read_plain(Path(os.devnull)) == b""


def test_a_pipe_is_waited_for_where_that_was_asked_for_and_bounded_too(tmp_path: Path) -> None:
    reading, writing = os.pipe()

    def say() -> None:
        for word in (b"one", b"two"):
            os.write(writing, word)
        os.close(writing)

    writer = Thread(target=say)
    writer.start()
    assert read_plain(Path(f"/proc/self/fd/{reading}"), pipe=True) == b"onetwo"
    writer.join()
    os.close(reading)
    reading, writing = os.pipe()
    os.write(writing, b"x" * 1001)
    with pytest.raises(NotPlain, match="more than"):
        read_plain(Path(f"/proc/self/fd/{reading}"), 1000, pipe=True)
    os.close(reading)
    os.close(writing)
