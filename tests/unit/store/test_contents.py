"""Contents on the disk: kept once, found changed before they are sent, read once for all who want them."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deployx_tui.errors import InvalidInput, TooLarge
from deployx_tui.store.contents import source
from deployx_tui.store.contents.folder import ContentFolder, Limits
from deployx_tui.store.contents.source import Contents


@pytest.fixture
def folder(tmp_path: Path) -> ContentFolder:
    return ContentFolder(tmp_path / "artifacts")


@pytest.fixture
def contents(folder: ContentFolder) -> Contents:
    return Contents(folder, lambda sha256: f"artifact x ({sha256[:4]})")


def put(folder: ContentFolder, data: bytes) -> str:
    incoming = folder.begin()
    try:
        sha256, size = incoming.take(io.BytesIO(data).read, "x")
        assert size == len(data)
        incoming.publish()
        incoming.keep()
    finally:
        incoming.close()
    return sha256


def opened() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


def lying(folder: ContentFolder) -> list[str]:
    """Every file below the folder, relative."""
    return sorted(str(path.relative_to(folder.folder)) for path in folder.folder.rglob("*") if path.is_file())


def test_equal_content_lies_there_once_and_for_its_owner_alone(folder: ContentFolder) -> None:
    data = os.urandom(3 << 20)
    sha256 = put(folder, data)
    assert put(folder, data) == sha256 == hashlib.sha256(data).hexdigest()
    assert lying(folder) == [f"{sha256[:2]}/{sha256}"]
    path = folder.path(sha256)
    assert path.read_bytes() == data
    assert path.stat().st_mode & 0o777 == 0o600
    assert {each.stat().st_mode & 0o777 for each in (path.parent, folder.folder, folder.folder / "incoming")} == {0o700}
    assert folder.sizes() == {sha256: len(data)}


def test_fifty_readers_of_one_content_read_and_hash_it_once(
    folder: ContentFolder, contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(8 << 20)
    sha256 = put(folder, data)
    read, hashed = [], []
    read_at, new = source.read_at, hashlib.sha256

    def counted(descriptor: int, size: int, offset: int) -> bytes:
        read.append(size)
        return read_at(descriptor, size, offset)

    def digest(data: bytes = b"") -> object:
        hashed.append(data)
        return new(data)

    monkeypatch.setattr(source, "read_at", counted)
    monkeypatch.setattr(hashlib, "sha256", digest)
    all_ready = threading.Barrier(50)

    def target() -> str:
        all_ready.wait()
        content = contents.content(sha256)
        mine = new()
        for at in range(0, content.size, 300_000):
            mine.update(content.read(at, 300_000))
        return mine.hexdigest()

    with ThreadPoolExecutor(50) as threads:
        found = [future.result() for future in [threads.submit(target) for _ in range(50)]]
    assert set(found) == {sha256}
    assert sum(read) == len(data)
    assert len(hashed) == 1


def test_what_was_hashed_is_not_hashed_again_while_the_file_is_the_same(
    folder: ContentFolder, contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = put(folder, b"some content")
    assert contents.content(sha256).read(0, 100) == b"some content"
    monkeypatch.setattr(source.OpenContent, "prefix_sha256", lambda *_: pytest.fail("hashed again"))
    assert contents.content(sha256).read(5, 100) == b"content"


def _overwritten(path: Path) -> None:
    path.write_bytes(b"Some content")


def _with_its_time_put_back(path: Path) -> None:
    before = path.stat()
    path.write_bytes(b"Some content")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _replaced(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"Some content")
    other.rename(path)


def _a_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


def _a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("change", [_overwritten, _with_its_time_put_back, _replaced, Path.unlink, _a_link, _a_pipe])
def test_what_changed_on_the_disk_is_named_before_a_byte_of_it_is_sent(
    folder: ContentFolder, contents: Contents, change: Callable[[Path], None]
) -> None:
    sha256 = put(folder, b"some content")
    contents.content(sha256)
    change(folder.path(sha256))
    with pytest.raises(InvalidInput) as refused:
        contents.content(sha256)
    assert refused.value.problems[0].field == "artifact"
    assert f"artifact x ({sha256[:4]})" in refused.value.problems[0].message
    if not folder.path(sha256).is_symlink():
        assert put(folder, b"some content") == sha256  # the remedy
        assert contents.content(sha256).read(0, 100) == b"some content"


def test_a_file_that_changes_while_it_is_read_is_found(folder: ContentFolder, contents: Contents) -> None:
    sha256 = put(folder, b"x" * (40 << 20))
    content = contents.content(sha256)
    with folder.path(sha256).open("r+b") as file:
        file.write(b"y")
    with pytest.raises(InvalidInput, match="changes on the disk"):
        content.read(0, 10)  # its block went from memory: 40 are more than are kept


def test_a_prefix_has_its_own_hash_for_going_on_after_a_break(folder: ContentFolder, contents: Contents) -> None:
    data = os.urandom((2 << 20) + 77)
    content = contents.content(put(folder, data))
    for size in (0, 1, 1 << 20, (1 << 20) + 1, len(data), len(data) + 5):
        assert content.prefix_sha256(size) == hashlib.sha256(data[:size]).hexdigest()


def test_a_content_that_nobody_reads_is_closed(folder: ContentFolder, contents: Contents) -> None:
    sha256 = put(folder, b"some content")
    before = opened()
    content = contents.content(sha256)
    content.read(0, 5)
    assert opened() == before + 1
    del content
    assert opened() == before


@pytest.mark.parametrize("limits", [Limits(one=1000), Limits(total=1000), Limits(free=1 << 60)])
def test_more_than_a_setting_allows_is_refused_by_its_name_and_nothing_is_kept(tmp_path: Path, limits: Limits) -> None:
    folder = ContentFolder(tmp_path / "artifacts", limits)
    with pytest.raises(TooLarge) as refused:
        put(folder, b"x" * 1001)
    setting = {1000: "artifact_file", 50 << 30: "artifact_free"}
    named = "artifact_space" if limits.total == 1000 else setting[limits.one if limits.one == 1000 else limits.total]
    assert named in refused.value.problems[0].message
    assert lying(folder) == []
    assert list((folder.folder / "incoming").iterdir()) == []


def test_the_whole_quota_counts_what_lies_there_and_what_arrives(tmp_path: Path) -> None:
    folder = ContentFolder(tmp_path / "artifacts", Limits(total=1000))
    put(folder, b"x" * 600)
    again = ContentFolder(tmp_path / "artifacts", Limits(total=1000))
    first = again.begin()
    first.take(io.BytesIO(b"y" * 300).read, "y")
    with pytest.raises(TooLarge):
        put(again, b"z" * 101)
    first.close()
    put(again, b"z" * 101)
    with pytest.raises(TooLarge):
        put(again, b"w" * 300)


def test_a_failed_upload_takes_nothing_from_one_that_brought_the_same(folder: ContentFolder) -> None:
    first, second = folder.begin(), folder.begin()
    sha256, _ = first.take(io.BytesIO(b"same").read, "x")
    first.publish()
    second.take(io.BytesIO(b"same").read, "x")
    second.publish()
    second.keep()
    second.close()
    first.close()  # its row was not committed
    assert folder.sizes() == {sha256: 4}


def test_an_upload_that_is_not_kept_is_gone(folder: ContentFolder) -> None:
    incoming = folder.begin()
    incoming.take(io.BytesIO(b"content").read, "x")
    incoming.publish()
    incoming.close()
    assert lying(folder) == []
