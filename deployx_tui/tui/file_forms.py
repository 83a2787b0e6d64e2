"""The editor's fields of a task that puts files on devices: what stands in them, to and from the payload. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from deployx_tui.errors import InvalidInput, Problem
from deployx_tui.model.artifact import Artifact, ArtifactKind, ArtifactRef
from deployx_tui.model.files import Existing, FileItem, FilePayload
from deployx_tui.model.ids import ArtifactId
from deployx_tui.model.parse import format_mode, parse_mode
from deployx_tui.tui.field_reader import FieldReader

#: backups that one file may have, and per cent
_MOST_BACKUPS, _WHOLE = 50, 100

#: wire names by the form's, longest first where one begins with another
FILE_WIRE: tuple[tuple[str, str], ...] = (
    ("file_payload.target_path", "to"),
    ("file_payload.platform_paths", "platforms"),
    ("file_payload.create_path_if_not_exists", "folders"),
    ("file_payload.create_folders", "folders"),
    ("file_payload.mode", "mode"),
    ("file_payload.owner", "owner"),
    ("file_payload.group", "owner"),
    ("file_payload.existing", "existing"),
    ("file_payload.backups", "backups"),
    ("file_payload.pre_check", "pre"),
    ("file_payload.post_command", "post"),
    ("file_payload.rollback_on_failure", "takeback"),
    ("file_payload.delete_extra", "extra"),
    ("file_payload.protected", "protected"),
    ("file_payload.most_deletions", "most"),
    ("file_payload.swap", "swap"),
    ("file_payload.quick", "quick"),
    ("file_payload.check", "check"),
    ("file_payload.run_as", "runas"),
    ("file_payload", "items"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownItem:
    """One thing that is put there, with what is known of its artifact."""

    item: FileItem
    name: str
    #: None: the artifact is not there any more
    version: int | None = None
    kind: ArtifactKind = ArtifactKind.FILE
    size: int = 0

    @property
    def is_tree(self) -> bool:
        return self.kind is ArtifactKind.TREE


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesForm:
    """What stands in the fields."""

    items: tuple[ShownItem, ...] = ()
    to: str = ""
    mode: str = ""
    #: "root", "root:www-data", ":www-data"
    owner: str = ""
    existing: Existing = Existing.REPLACE
    post: str = ""
    takeback: bool = False
    pre: str = ""
    platforms: str = ""
    folders: bool = True
    backups: str = "1"
    extra: bool = False
    protected: str = ""
    most: str = "10"
    swap: bool = False
    quick: bool = False
    check: bool = False


def shown_of(artifact: Artifact | ArtifactRef) -> ShownItem:
    """A new item with this artifact."""
    return ShownItem(
        item=FileItem(artifact=artifact.id),
        name=artifact.name,
        version=artifact.version,
        kind=artifact.kind,
        size=artifact.size,
    )


def files_form_of(payload: FilePayload, artifacts: Mapping[ArtifactId, ArtifactRef]) -> FilesForm:
    """The fields that give this payload again."""
    owner = payload.owner or ""
    return FilesForm(
        items=tuple(_shown(item, artifacts) for item in payload.items),
        to=payload.target_path,
        mode="" if payload.mode is None else format_mode(payload.mode),
        owner=owner if payload.group is None else f"{owner}:{payload.group}",
        existing=payload.existing,
        post=payload.post_command or "",
        takeback=payload.rollback_on_failure,
        pre=payload.pre_check or "",
        platforms=" ".join(_quoted(f"{word}={path}") for word, path in payload.platform_paths),
        folders=payload.create_folders,
        backups=str(payload.backups),
        extra=payload.delete_extra,
        protected=" ".join(_quoted(pattern) for pattern in payload.protected),
        most=str(payload.most_deletions),
        swap=payload.swap,
        quick=payload.quick,
        check=payload.check,
    )


def _shown(item: FileItem, artifacts: Mapping[ArtifactId, ArtifactRef]) -> ShownItem:
    found = artifacts.get(item.artifact)
    if found is None:
        return ShownItem(item=item, name=f"artifact {item.artifact}")
    return replace(shown_of(found), item=item)


def named_problem(problem: Problem, items: Sequence[ShownItem]) -> Problem:
    """A problem of one of several items, with the name of that item before it: the list has one place for all."""
    found = re.match(r"file_payload\.items\.(\d{1,6})(?:\.|$)", problem.field)
    if found is None or int(found[1]) >= len(items):
        return problem
    return replace(problem, message=f"{items[int(found[1])].name}: {problem.message}")


def file_payload_of(form: FilesForm, reader: FieldReader, base: FilePayload | None) -> FilePayload:
    """The payload that the fields say. `base` gives what they do not hold; who runs it and its parameters come from
    the rest of the form."""
    owner, _, group = form.owner.strip().partition(":")
    mode = form.mode.strip()
    default = FilePayload(items=(), target_path="")
    return replace(
        base or default,
        items=tuple(each.item for each in form.items),
        target_path=form.to.strip(),
        mode=reader.read("mode", lambda: parse_mode(mode), None) if mode else None,
        owner=owner.strip() or None,
        group=group.strip() or None,
        existing=form.existing,
        post_command=form.post if form.post.strip() else None,
        rollback_on_failure=form.takeback,
        pre_check=form.pre if form.pre.strip() else None,
        platform_paths=reader.read("platforms", lambda: _platforms(form.platforms), ()),
        create_folders=form.folders,
        backups=reader.number("backups", form.backups, _MOST_BACKUPS, default.backups),
        delete_extra=form.extra,
        protected=reader.read("protected", lambda: tuple(_words(form.protected, "*.local 'my file'")), ()),
        most_deletions=reader.number("most", form.most, _WHOLE, default.most_deletions),
        swap=form.swap,
        quick=form.quick,
        check=form.check,
    )


def _quoted(word: str) -> str:
    """With quotes only where a blank or a quote in it wants them: no shell reads it, so a star stands for itself."""
    return word if re.fullmatch(r"[^\s'\"\\]+", word) else shlex.quote(word)


def _words(text: str, example: str) -> Sequence[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InvalidInput.of("", "a quote is not closed", f"write for example {example}") from error


def _platforms(text: str) -> tuple[tuple[str, str], ...]:
    made: list[tuple[str, str]] = []
    for word in _words(text, "debian=/etc/nginx/ macos=/opt/nginx/"):
        system, equals, path = word.partition("=")
        if not equals or not system or not path:
            raise InvalidInput.of(
                "platforms",
                f"{word!r} names no system and path",
                "write for example debian=/etc/nginx/ macos=/opt/nginx/",
            )
        made.append((system, path))
    return tuple(made)
