"""Garbage among the contents of artifacts: what nobody needs any more, and its removal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from deployx_tui.errors import Conflict, InvalidInput
from deployx_tui.model.artifact import Artifact, ArtifactKind, EntryKind, TreeEntry
from deployx_tui.store import artifact_uses, artifacts
from deployx_tui.store.contents.folder import ContentFolder

Tree = Callable[[str], tuple[TreeEntry, ...]]


@dataclass(frozen=True, slots=True)
class Garbage:
    #: deleted artifacts whose content goes
    artifacts: tuple[Artifact, ...]
    #: bytes of each content that goes; a manifest comes before what it lists
    contents: dict[str, int]
    #: bytes that stay
    kept: int


def garbage(c: Connection, lying: dict[str, int], tree: Tree) -> Garbage:
    """What of all that lies there nobody needs. Conflict when the list of a folder that is needed can't be read."""
    named = artifact_uses.all_named(c)
    needed = set(named.contents)
    trees = []
    for artifact in artifacts.needing(c, named.ids):
        needed.add(artifact.sha256)
        if artifact.kind is ArtifactKind.TREE:
            trees.append(artifact)
    for artifact in trees:
        needed |= _files(artifact, tree)
    going = {sha256: size for sha256, size in lying.items() if sha256 not in needed}
    deleted = artifacts.deleted_with(c, going)
    lists = {artifact.sha256 for artifact in deleted if artifact.kind is ArtifactKind.TREE}
    ordered = dict(sorted(going.items(), key=lambda item: item[0] not in lists))
    return Garbage(deleted, ordered, sum(lying.values()) - sum(going.values()))


def remove(folder: ContentFolder, contents: Iterable[str]) -> dict[str, int]:
    """Remove contents within `folder.collecting()`; those that went, with their bytes. OSError passes."""
    gone: dict[str, int] = {}
    for sha256 in contents:
        size = folder.remove(sha256)
        if size is not None:
            gone[sha256] = size
    return gone


def _files(artifact: Artifact, tree: Tree) -> set[str]:
    try:
        return {entry.sha256 for entry in tree(artifact.sha256) if entry.kind is EntryKind.FILE}
    except InvalidInput as error:
        raise Conflict(
            f"nothing is collected: which files {artifact.name}@{artifact.version} needs can't be told, since "
            f"{error.problems[0].message}; add that folder again, or delete it: deployx artifact rm {artifact.id}"
        ) from error
