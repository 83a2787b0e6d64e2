"""Artifacts: what is put on targets, kept on this machine by the SHA-256 of its content.

A name is a label, never a path. What is added under a name that is there is its next version; equal content is stored
once, whatever its names.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from deployx_tui.model.ids import ArtifactId


class ArtifactKind(StrEnum):
    FILE = "file"
    #: a folder: its content is a manifest, `TreeEntry` by `TreeEntry`, and each file is stored by its own SHA-256
    TREE = "tree"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One version under one name."""

    id: ArtifactId
    name: str
    #: 1, 2, ... within its name
    version: int
    kind: ArtifactKind
    #: of the content; of a tree, of its manifest (`manifest_text`)
    sha256: str
    #: bytes; of a tree, of all its files
    size: int
    #: files in it: 1, or what a tree holds
    files: int
    #: as its first bytes tell, such as "application/vnd.debian.binary-package"
    media_type: str
    #: where it came from: a path on the machine of whoever added it, "standard input" or "upload"
    origin: str
    added_by: str
    #: UTC
    added_at: datetime
    #: what the file says of itself, such as ("package", "nginx"), ("version", "1.24.0-1"), ("architecture", "amd64")
    metadata: tuple[tuple[str, str], ...] = ()


class EntryKind(StrEnum):
    FILE = "file"
    FOLDER = "folder"
    #: a symbolic link that stays within the tree
    LINK = "link"


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEntry:
    """One thing in a tree."""

    #: relative, parts divided by "/", none of them "", "." or ".."
    path: str
    kind: EntryKind
    #: permission bits; of a link 0
    mode: int
    size: int = 0
    #: of a file
    sha256: str = ""
    #: of a link: what it points at, relative to its own folder
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactRef:
    """An artifact as a plan pins it."""

    id: ArtifactId
    name: str
    #: 0: it is not kept yet
    version: int
    kind: ArtifactKind
    sha256: str
    size: int


def ref_of(artifact: Artifact) -> ArtifactRef:
    """As a plan made now pins it."""
    return ArtifactRef(
        id=artifact.id,
        name=artifact.name,
        version=artifact.version,
        kind=artifact.kind,
        sha256=artifact.sha256,
        size=artifact.size,
    )
