"""Files and folders of this machine as streams of bytes."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployx_tui.errors import InvalidInput
from deployx_tui.service import upload
from deployx_tui.service.upload import look, stream

names = st.text(st.characters(exclude_characters="/\x00", exclude_categories=["Cs"]), min_size=1, max_size=40).filter(
    lambda name: name not in (".", "..") and len(name.encode()) < 200
)


async def sent(path: Path) -> bytes:
    return b"".join([piece async for piece in stream(look(path), lambda done, total: None)])


async def test_a_file_goes_as_it_is_and_says_how_far_it_is(tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(os.urandom((2 << 20) + 7))
    told: list[tuple[int, int]] = []
    got = b"".join([piece async for piece in stream(look(path), lambda done, total: told.append((done, total)))])
    assert got == path.read_bytes()
    assert told[-1] == ((2 << 20) + 7, (2 << 20) + 7)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@settings(max_examples=40, deadline=None)
@given(tree=st.dictionaries(names, st.binary(max_size=1500), max_size=6), folder=names)
async def test_a_folder_goes_as_a_tar_that_holds_it(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, bytes], folder: str
) -> None:
    root = tmp_path_factory.mktemp("tree")
    (root / folder).mkdir()
    for name, content in tree.items():
        (root / folder / name).write_bytes(content)
    (root / folder).chmod(0o750)
    with tarfile.open(fileobj=io.BytesIO(await sent(root))) as tar:
        found = {member.name: member for member in tar}
        assert set(found) == {folder, *(f"{folder}/{name}" for name in tree)}
        assert found[folder].mode == 0o750
        for name, content in tree.items():
            held = tar.extractfile(found[f"{folder}/{name}"])
            assert held is not None
            assert held.read() == content


async def test_links_go_as_links_and_equal_folders_are_equal_streams(tmp_path: Path) -> None:
    streams = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "b").write_text("b")
        (folder / "a").symlink_to("b")
        os.utime(folder / "b", (1, 1 if name == "one" else 99))
        streams.append(await sent(folder))
    assert streams[0] == streams[1]
    with tarfile.open(fileobj=io.BytesIO(streams[0])) as tar:
        assert [(member.name, member.linkname) for member in tar] == [("a", "b"), ("b", "")]


@pytest.mark.parametrize("kind", ["gone", "pipe", "pipe inside"])
def test_what_is_no_file_and_no_folder_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "it"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "pipe inside":
        path.mkdir()
        os.mkfifo(path / "queue")
    with pytest.raises(InvalidInput) as refused:
        look(path)
    assert refused.value.problems[0].field == "file"
    assert str(path) in refused.value.problems[0].message


@pytest.mark.parametrize("by", [-1, 1])
async def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, by: int) -> None:
    path = tmp_path / "log"
    path.write_bytes(bytes(100))
    source = look(path)
    path.write_bytes(bytes(100 + by))
    with pytest.raises(InvalidInput, match="changed while it was read"):
        _ = [piece async for piece in stream(source, lambda done, total: None)]


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_a_stream_that_is_left_closes_its_file(tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(bytes(3 << 20))
    before = open_files()
    pieces = stream(look(path), lambda done, total: None)
    assert len(await anext(pieces)) == upload._READ
    await pieces.aclose()
    assert open_files() == before
