"""Our reader of tars against the standard library's writer, and against what a writer never makes."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployx_tui.errors import InvalidInput
from deployx_tui.store.contents.tar import Kind, Tar

names = st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=120).map(
    lambda name: f"{name}/{name}" if len(name) % 2 else name
)


@settings(max_examples=150, deadline=None)
@given(
    members=st.lists(
        st.tuples(
            names,
            st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE]),
            st.binary(max_size=2000),
            names,
            st.integers(0, 0o7777),
        ),
        max_size=6,
    ),
    form=st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
    piece=st.integers(1, 3000),
)
def test_what_the_standard_library_writes_is_read(
    members: list[tuple[str, bytes, bytes, str, int]], form: int, piece: int
) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as archive:
        for name, kind, content, target, mode in members:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = kind, mode
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                entry.linkname = target
            if kind == tarfile.REGTYPE:
                entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    made.seek(0)
    tar = Tar(lambda size: made.read(min(size, piece)))
    found = []
    for member in tar:
        content = b""
        while more := tar.read(777):
            content += more
        found.append((member, content))
    assert len(found) == len(members)
    kinds = {tarfile.REGTYPE: Kind.FILE, tarfile.DIRTYPE: Kind.FOLDER, tarfile.SYMTYPE: Kind.LINK}
    for (member, content), (name, kind, written, target, mode) in zip(found, members, strict=True):
        assert member.path.rstrip("/") == name.rstrip("/")
        assert member.kind is kinds.get(kind, Kind.OTHER)
        assert member.mode == mode
        assert content == (written if kind == tarfile.REGTYPE else b"")
        assert member.target == (target if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else "")


def header(**fields: bytes) -> bytes:
    entry = bytearray(tarfile.TarInfo("it").tobuf(tarfile.USTAR_FORMAT))
    places = {"size": (124, 12), "type": (156, 1), "mode": (100, 8)}
    for name, value in fields.items():
        at, width = places[name]
        entry[at : at + width] = value.ljust(width, b"\0")
    entry[148:156] = b" " * 8
    entry[148:156] = b"%06o\0 " % sum(entry)
    return bytes(entry)


def test_what_follows_the_end_of_an_archive_has_an_end() -> None:
    zeros = bytes(1 << 20)
    with pytest.raises(InvalidInput, match="does not end"):
        list(Tar(lambda size: zeros[:size]))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no tar" * 200,
        header(size=b"00000001000"),  # ends too early
        header(type=b"x", size=b"77777777777"),  # eight GiB of a header
        header(type=b"L", size=b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"),
        header(size=b"\xff" * 12),
        header(size=b"9" * 11),
        header(type=b"x", size=b"00000000011") + b"99 path=x".ljust(512, b"\0"),
        header(type=b"x", size=b"00000000011") + b"0 path=xx".ljust(512, b"\0"),
        header(type=b"x", size=b"00000000015") + b"13 size=-100\n".ljust(512, b"\0") + header(),
        bytes(512)[:-1],
    ],
)
def test_what_is_no_tar_is_refused_without_taking_its_word(data: bytes) -> None:
    asked: list[int] = []

    def counted(read: Callable[[int], bytes]) -> Callable[[int], bytes]:
        def inner(size: int) -> bytes:
            asked.append(size)
            return read(size)

        return inner

    tar = Tar(counted(io.BytesIO(data).read))
    with pytest.raises(InvalidInput) as refused:
        for _ in tar:
            while tar.read():
                pass
    assert refused.value.problems[0].field == "artifact"
    assert max(asked, default=0) <= 1 << 20
