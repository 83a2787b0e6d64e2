"""What a file is and says of itself: real packages, and files that were made to hurt."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import subprocess
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pip
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from deployx_tui.store.formats import look

SAMPLES = Path(__file__).parents[2] / "support" / "formats"
LAUNCHER = Path(pip.__file__).parent / "_vendor" / "distlib" / "w64.exe"
CONTROL = """Package: sample
Version: 1:1.2.3-4
Architecture: all
Maintainer: Somebody <somebody@example.org>
Depends: libc6 (>= 2.14),
 sed
Description: A sample of a package
 with more lines,
 Version: 9
"""


def deb(folder: Path, packing: str) -> Path:
    (folder / "it" / "DEBIAN").mkdir(parents=True)
    (folder / "it" / "DEBIAN" / "control").write_text(CONTROL)
    made = folder / f"{packing}.deb"
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", f"-Z{packing}", folder / "it", made], check=True)
    return made


def tar(count: int = 3, name: str = "") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for number in range(count):
            entry = tarfile.TarInfo(name or f"folder/{number}")
            entry.size = 1000
            archive.addfile(entry, io.BytesIO(bytes(1000)))
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
    return made.getvalue()


def wheel() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sample/__init__.py", "")
        archive.writestr(
            "sample-1.2.dist-info/METADATA", "Metadata-Version: 2.1\nName: sample\nVersion: 1.2\n\nName: x\n"
        )
    return made.getvalue()


@pytest.mark.parametrize("packing", ["gzip", "xz", "zstd", "none"])
def test_a_debian_package_however_it_is_packed(tmp_path: Path, packing: str) -> None:
    looked = look(deb(tmp_path, packing))
    assert looked.media_type == "application/vnd.debian.binary-package"
    said = dict(looked.metadata)
    assert (said["package"], said["version"], said["architecture"]) == ("sample", "1:1.2.3-4", "all")
    assert said["description"] == "A sample of a package"


def test_an_rpm_an_msi_and_a_program_of_windows() -> None:
    rpm = look(SAMPLES / "sample-1.2.3-4.noarch.rpm")
    assert rpm.media_type == "application/x-rpm"
    assert dict(rpm.metadata) == {
        "package": "sample", "version": "2:1.2.3-4", "architecture": "noarch", "vendor": "Example Ltd",
        "description": "A sample of a package",
    }  # fmt: skip
    msi = look(SAMPLES / "sample.msi")
    assert msi.media_type == "application/x-msi"
    assert dict(msi.metadata) == {
        "package": "Sample Tool", "version": "1.2.3", "vendor": "Example Ltd",
        "product_code": "{ABCDDCBA-86C7-4D14-AEC0-86416A69ABDE}",
    }  # fmt: skip
    program = look(LAUNCHER)
    assert program.media_type == "application/vnd.microsoft.portable-executable"
    said = dict(program.metadata)
    assert (said["package"], said["version"], said["architecture"]) == ("Simple Launcher", "1.1.0.14", "x64")


@pytest.mark.parametrize(
    ("content", "media_type", "metadata"),
    [
        (wheel(), "application/zip", {"package": "sample", "version": "1.2", "files": "2", "unpacked": "57"}),
        (tar(), "application/x-tar", {"files": "3", "unpacked": "3000"}),
        (gzip.compress(tar()), "application/gzip", {"files": "3", "unpacked": "3000"}),
        (lzma.compress(tar()), "application/x-xz", {"files": "3", "unpacked": "3000"}),
        (bz2.compress(tar()), "application/x-bzip2", {"files": "3", "unpacked": "3000"}),
        (zstandard.compress(tar()), "application/zstd", {"files": "3", "unpacked": "3000"}),
        (tar(1, "../x"), "application/x-tar", {"files": "1", "unpacked": "1000", "unsafe": "../x"}),
        (gzip.compress(b"no tar"), "application/gzip", {}),
        (b"#!/bin/sh\ntrue\n", "text/x-script", {}),
        (b"listen = 8080\n", "text/plain", {}),
        ("naïve ✓ ".encode() * 2000, "text/plain", {}),
        (b"\x7fELF\x02", "application/x-elf", {}),
        (b"MZ is a text", "text/plain", {}),
        (b"\0\1\2", "application/octet-stream", {}),
        (b"\xff\xfe", "application/octet-stream", {}),
    ],
    # gzip writes the time down: the content is no name for a test
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_archives_texts_and_the_rest(tmp_path: Path, content: bytes, media_type: str, metadata: dict[str, str]) -> None:
    path = tmp_path / "it"
    path.write_bytes(content)
    looked = look(path)
    assert (looked.media_type, dict(looked.metadata)) == (media_type, metadata)


def pack_zeros(count: int, compress: Callable[[bytes], bytes], flush: Callable[[], bytes]) -> bytes:
    zeros = bytes(1 << 20)
    return b"".join([compress(zeros) for _ in range(count)]) + flush()


@pytest.mark.parametrize("kind", ["gzip", "xz", "bzip2", "zstd", "zip"])
def test_a_bomb_is_looked_into_to_an_end_and_takes_little_memory(tmp_path: Path, kind: str) -> None:
    big = tarfile.TarInfo("zeros")
    big.size = 1 << 30
    head = big.tobuf()
    path = tmp_path / "bomb"
    match kind:
        case "gzip":
            with gzip.open(path, "wb", 1) as file:
                file.write(head)
                for _ in range(160):
                    file.write(bytes(1 << 20))
        case "xz":
            packing = lzma.LZMACompressor(preset=0)
            path.write_bytes(packing.compress(head) + pack_zeros(160, packing.compress, packing.flush))
        case "bzip2":
            # 46 MB out of every 2 KB
            path.write_bytes(bz2.compress(head + bytes(44 << 20)) * 20)
        case "zstd":
            plain = zstandard.ZstdCompressor().compressobj()
            path.write_bytes(plain.compress(head) + pack_zeros(160, plain.compress, plain.flush))
        case _:
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("sample-1.dist-info/METADATA", b"Name: x\n" + bytes(100 << 20))
    tracemalloc.start()
    looked = look(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert looked.media_type
    assert peak < 24 << 20


def _samples() -> list[bytes]:
    return [
        (SAMPLES / "sample.msi").read_bytes(),
        (SAMPLES / "sample-1.2.3-4.noarch.rpm").read_bytes(),
        LAUNCHER.read_bytes()[:400] + LAUNCHER.read_bytes()[-20_000:],
        wheel(),
        tar(),
        gzip.compress(tar()),
        lzma.compress(tar()),
        zstandard.compress(tar()),
    ]


@settings(max_examples=300, deadline=None)
@given(sample=st.sampled_from(_samples()), seed=st.integers(0, 2**32), cut=st.booleans())
def test_a_damaged_file_is_an_artifact_all_the_same(
    tmp_path_factory: pytest.TempPathFactory, sample: bytes, seed: int, cut: bool
) -> None:
    chance = random.Random(seed)
    data = bytearray(sample)
    for _ in range(chance.choice([1, 4, 30])):
        at = chance.choice([chance.randrange(len(data)), chance.randrange(min(512, len(data)))])
        data[at] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])
    if cut:
        del data[chance.randrange(len(data)) :]
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(data)
    looked = look(path)
    assert all(value.isprintable() and value for _, value in looked.metadata)


def test_a_value_is_one_line_whatever_it_holds(tmp_path: Path) -> None:
    (tmp_path / "it" / "DEBIAN").mkdir(parents=True)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("x.dist-info/METADATA", "Name: a\x1b[31m\u202eb\u0085c\nVersion: " + "9" * 5000)
    path = tmp_path / "x.whl"
    path.write_bytes(made.getvalue())
    said = dict(look(path).metadata)
    assert said["package"].startswith("a\ufffd[31m\ufffdb")
    assert len(said["version"]) == 500


def test_a_list_of_very_many_is_read_to_a_bound(tmp_path: Path) -> None:
    """One header again and again packs to nothing, and would be read for half a minute."""
    path = tmp_path / "many"
    path.write_bytes(gzip.compress(tarfile.TarInfo("x").tobuf() * 60_000, 1))
    assert dict(look(path).metadata)["files"] == "20000 or more"
