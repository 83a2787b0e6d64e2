"""TRUST, "Targets are hostile": whatever a tar of a target says, nothing lands outside of its folder."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployx_tui.errors import InvalidInput
from deployx_tui.service.landing import BadName, Landing, TooMuch, parts_of, stays_inside


def tar_of(*members: tuple[str, bytes, str], content: bytes = b"hostile") -> bytes:
    """(name, type, link target) each, as they are given."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, type_, target in members:
            header = tarfile.TarInfo()
            header.name, header.type, header.linkname = name, type_, target
            header.size = len(content) if type_ == tarfile.REGTYPE else 0
            tar.addfile(header, io.BytesIO(content))
    return made.getvalue()


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def land(folder: Path, data: bytes, *, overwrite: bool = True, most: int = 1 << 20) -> Landing:
    with Landing(folder, overwrite=overwrite, most=most) as landing:
        landing.tree("top", io.BytesIO(data).read)
    return landing


FILE, LINK, HARD, FOLDER = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE


@pytest.mark.parametrize(
    "members",
    [
        [("../escaped", FILE, "")],
        [("a/../../escaped", FILE, "")],
        [("/escaped", FILE, "")],
        [("..", FOLDER, "")],
        [("../escaped", FOLDER, "")],
        [("link", LINK, ".."), ("link/escaped", FILE, "")],
        [("link", LINK, "/"), ("link/escaped", FILE, "")],
        [("link", LINK, "."), ("link/../../escaped", FILE, "")],
        [("d", FOLDER, ""), ("d/l", LINK, ".."), ("m", LINK, "d/l/.."), ("m/escaped", FILE, "")],
        [("../escaped", LINK, "x")],
        [("../escaped", HARD, "x")],
        [("x", HARD, "../../secret")],
        [("x", HARD, "/secret")],
        [("l", LINK, "../../secret"), ("x", HARD, "l")],
        [("null", tarfile.CHRTYPE, "")],
        [("pipe", tarfile.FIFOTYPE, "")],
        [("", FILE, "")],
        [(".", FILE, "")],
        [("a\nb", FILE, ""), ("\x1b]0;x\x07", FILE, ""), ("\udcff", FILE, "")],
        [("n" * 256, FILE, "")],
    ],
)
def test_nothing_lands_outside_and_it_is_told(tmp_path: Path, members: list[tuple[str, bytes, str]]) -> None:
    (tmp_path / "secret").write_text("secret")
    host = tmp_path / "host"
    landed = land(host, tar_of(*members, ("good", FILE, ""))).landed
    assert landed.refused_count
    assert (host / "top" / "good").read_bytes() == b"hostile"
    assert names_in(tmp_path) == ["host", "secret"]
    assert names_in(host) == ["top"]
    for path in host.rglob("*"):
        assert path.is_symlink() or path.is_dir() or path.is_file()
        assert path.resolve().is_relative_to(host)
        assert path.is_dir() or path.read_bytes() == b"hostile"


def test_another_name_of_a_file_is_a_file_of_its_own(tmp_path: Path) -> None:
    landed = land(tmp_path / "host", tar_of(("a", FILE, ""), ("b", HARD, "./a"))).landed
    assert (landed.files, landed.refused_count) == (2, 0)
    assert (tmp_path / "host" / "top" / "b").read_bytes() == b"hostile"


def test_what_is_not_replaced_has_no_part_of_the_new(tmp_path: Path) -> None:
    host = tmp_path / "host"
    land(host, tar_of(("a", FILE, ""), ("l", LINK, "a"), content=b"old"))
    landed = land(host, tar_of(("a", FILE, ""), ("l", LINK, "b")), overwrite=False).landed
    assert (landed.files, landed.kept) == (0, ["top/a", "top/l"])
    assert (host / "top" / "a").read_bytes() == b"old"
    assert (host / "top" / "l").readlink() == Path("a")


def test_a_file_never_takes_the_place_of_a_folder(tmp_path: Path) -> None:
    landed = land(tmp_path / "host", tar_of(("a", FOLDER, ""), ("a", FILE, ""))).landed
    assert landed.refused_count == 1
    assert (tmp_path / "host" / "top" / "a").is_dir()


@pytest.mark.parametrize("cut", [100, 512, 700, 1100])
def test_a_tar_that_is_cut_leaves_whole_files_alone(tmp_path: Path, cut: int) -> None:
    with pytest.raises(InvalidInput):
        land(tmp_path / "host", tar_of(("a", FILE, ""), ("b", FILE, ""), content=b"x" * 600)[:cut])
    for path in (tmp_path / "host").rglob("*"):
        assert path.is_dir()


@pytest.mark.parametrize("entries", [1, 3])
def test_what_is_too_much_is_not_read_to_its_end(tmp_path: Path, entries: int) -> None:
    asked = 0
    data = io.BytesIO(tar_of(*((str(n), FILE, "") for n in range(entries)), content=b"x" * (1 << 20)))

    def read(size: int) -> bytes:
        nonlocal asked
        asked += size
        return data.read(size)

    with Landing(tmp_path / "host", overwrite=True, most=300_000) as landing, pytest.raises(TooMuch):
        landing.tree("top", read)
    assert asked < 2 << 20
    assert [path for path in (tmp_path / "host").rglob("*") if path.is_file()] == []


def test_a_file_that_is_not_whole_leaves_nothing(tmp_path: Path) -> None:
    is_whole: Callable[[], bool] = lambda: False  # noqa: E731 - as short as it is
    with Landing(tmp_path / "host", overwrite=True, most=100) as landing:
        landing.file("f", io.BytesIO(b"half").read, is_whole)
    assert names_in(tmp_path / "host") == []
    assert landing.landed.files == 0


_PARTS = st.lists(st.sampled_from(["..", ".", "", "a", "b", "link"]), max_size=6)


@given(_PARTS)
def test_a_name_has_parts_or_leads_out(parts: list[str]) -> None:
    path = "/".join(parts)
    try:
        found = parts_of(path)
    except BadName:
        assert path.startswith("/") or ".." in parts
    else:
        assert ".." not in found
        assert os.path.normpath("/top/" + "/".join(found)) == os.path.normpath(f"/top/{path}")


@given(_PARTS, st.integers(0, 3))
def test_a_link_stays_inside_as_the_text_says_too(parts: list[str], depth: int) -> None:
    target = "/".join(parts)
    if stays_inside(target, depth):
        place = "/top" + "/d" * depth
        assert (os.path.normpath(f"{place}/{target}") + "/").startswith("/top/")
