"""An artifact as plans and tasks name it, as JSON and back."""

from __future__ import annotations

from deployx_tui.model.artifact import ArtifactKind, ArtifactRef
from deployx_tui.model.ids import ArtifactId
from deployx_tui.model.json_reader import JSON, Reader


def ref_to_json(artifact: ArtifactRef) -> dict[str, JSON]:
    return {
        "id": artifact.id,
        "name": artifact.name,
        "version": artifact.version,
        "kind": artifact.kind.value,
        "sha256": artifact.sha256,
        "size": artifact.size,
    }


def read_refs(reader: Reader, key: str) -> tuple[ArtifactRef, ...]:
    """The list under a key of an object."""
    return tuple(_ref(reader.nested(f"{key}.{number}", row)) for number, row in enumerate(reader.items(key)))


def _ref(reader: Reader) -> ArtifactRef:
    artifact = ArtifactRef(
        id=ArtifactId(reader.id("id", "an artifact") or 0),
        name=reader.text("name", required=True) or "",
        version=reader.number("version") or 0,
        kind=reader.word("kind", ArtifactKind, ArtifactKind.FILE),
        sha256=reader.text("sha256", required=True) or "",
        size=reader.number("size") or 0,
    )
    reader.close()
    return artifact
