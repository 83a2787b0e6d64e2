"""Artifacts of a database of a test, stored as an upload stores them."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

from deployx_tui.model.artifact import ArtifactKind
from deployx_tui.model.ids import ArtifactId, UserId
from deployx_tui.store import artifacts
from deployx_tui.store.clock import now_ms
from deployx_tui.store.contents.source import Contents
from deployx_tui.store.contents.trees import take_tree
from deployx_tui.store.database import Database


def contents_beside(database: Database, output: Path) -> Contents:
    """Those of an engine whose output lies in that folder."""
    return artifacts.open_contents(database, output.parent / "contents")


def add_file(database: Database, contents: Contents, owner: UserId, name: str, content: bytes) -> ArtifactId:
    """The next version under a name."""
    incoming = contents.folder.begin()
    try:
        sha256, size = incoming.take(io.BytesIO(content).read, name)
        incoming.publish()
        with database.write() as c:
            made = artifacts.add(
                c,
                name=name,
                kind=ArtifactKind.FILE,
                sha256=sha256,
                size=size,
                files=1,
                media_type="application/octet-stream",
                origin="a test",
                metadata=(),
                owner=owner,
                now_ms=now_ms(),
            )
        incoming.keep()
        return made
    finally:
        incoming.close()


def add_tree(
    database: Database, contents: Contents, owner: UserId, name: str, files: Mapping[str, bytes]
) -> ArtifactId:
    """A folder of such files, by their paths."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            member.mode = 0o644
            tar.addfile(member, io.BytesIO(content))
    packed.seek(0)
    incoming = contents.folder.begin()
    try:
        taken = take_tree(incoming, packed.read)
        incoming.publish()
        with database.write() as c:
            made = artifacts.add(
                c,
                name=name,
                kind=ArtifactKind.TREE,
                sha256=taken.sha256,
                size=taken.size,
                files=taken.files,
                media_type="inode/directory",
                origin="a test",
                metadata=(),
                owner=owner,
                now_ms=now_ms(),
            )
        incoming.keep()
        return made
    finally:
        incoming.close()
