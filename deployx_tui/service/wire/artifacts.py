"""Artifacts as JSON, and back."""

from __future__ import annotations

from deployx_tui.model.artifact import Artifact, ArtifactKind, EntryKind, TreeEntry
from deployx_tui.model.ids import ArtifactId
from deployx_tui.model.json_reader import JSON
from deployx_tui.service.backend.artifacts import ArtifactUse, Collected
from deployx_tui.service.wire import values
from deployx_tui.service.wire.values import Json


def artifact_to_json(artifact: Artifact) -> Json:
    return {
        "id": artifact.id,
        "name": artifact.name,
        "version": artifact.version,
        "kind": artifact.kind.value,
        "sha256": artifact.sha256,
        "size": artifact.size,
        "files": artifact.files,
        "media_type": artifact.media_type,
        "origin": artifact.origin,
        "added_by": artifact.added_by,
        "added_at": values.instant(artifact.added_at),
        "metadata": [[key, value] for key, value in artifact.metadata],
    }


def artifact_from_json(data: JSON) -> Artifact:
    row = values.fields(data)
    return Artifact(
        id=ArtifactId(values.number(row, "id")),
        name=values.text(row, "name"),
        version=values.number(row, "version"),
        kind=values.word(row, "kind", ArtifactKind),
        sha256=values.text(row, "sha256"),
        size=values.number(row, "size"),
        files=values.number(row, "files"),
        media_type=values.text(row, "media_type"),
        origin=values.text(row, "origin"),
        added_by=values.text(row, "added_by"),
        added_at=values.when(row, "added_at"),
        metadata=values.each(row, "metadata", _pair),
    )


def _pair(data: JSON) -> tuple[str, str]:
    key, value = values.texts({"pair": values.row(data, 2)}, "pair")
    return key, value


def entry_to_json(entry: TreeEntry) -> Json:
    return {
        "path": entry.path,
        "kind": entry.kind.value,
        "mode": entry.mode,
        "size": entry.size,
        "sha256": entry.sha256,
        "target": entry.target,
    }


def entry_from_json(data: JSON) -> TreeEntry:
    row = values.fields(data)
    return TreeEntry(
        path=values.text(row, "path"),
        kind=values.word(row, "kind", EntryKind),
        mode=values.number(row, "mode"),
        size=values.number(row, "size"),
        sha256=values.text(row, "sha256"),
        target=values.text(row, "target"),
    )


def use_to_json(use: ArtifactUse) -> Json:
    return {"tasks": values.items(use.tasks), "executions": values.items(use.executions)}


def use_from_json(data: JSON) -> ArtifactUse:
    row = values.fields(data)
    return ArtifactUse(tasks=values.texts(row, "tasks"), executions=values.numbers(row, "executions"))


def collected_to_json(found: Collected) -> Json:
    return {
        "artifacts": [artifact_to_json(artifact) for artifact in found.artifacts],
        "freed": found.freed,
        "kept": found.kept,
    }


def collected_from_json(data: JSON) -> Collected:
    row = values.fields(data)
    return Collected(
        artifacts=values.each(row, "artifacts", artifact_from_json),
        freed=values.number(row, "freed"),
        kept=values.number(row, "kept"),
    )
