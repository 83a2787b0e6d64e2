"""Files on their way to targets: what is typed becomes artifacts, and those the items of a payload."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployx_tui.cli import printing
from deployx_tui.cli.file_options import with_items
from deployx_tui.errors import InvalidInput, Problem
from deployx_tui.model.words import size_words

if TYPE_CHECKING:
    from deployx_tui.cli.invocation import Invocation
    from deployx_tui.model.artifact import Artifact, ArtifactRef
    from deployx_tui.model.files import FileItem
    from deployx_tui.model.ids import TaskId
    from deployx_tui.model.payloads import Payload, Stock
    from deployx_tui.model.task import PreviewProblem, TaskDraft
    from deployx_tui.service.backend import Backend
    from deployx_tui.service.upload import Source


@dataclass(frozen=True, slots=True)
class Typed:
    """What is to be sent, looked at and not read yet."""

    files: tuple[Source, ...]
    #: names of artifacts that are there
    stored: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.files or self.stored)


def typed(files: Sequence[str], stored: Sequence[str], flag: str) -> Typed:
    """Look at what was typed. InvalidInput, before anything is sent, names what can't be."""
    from deployx_tui.cli.sending import looked_at, name_of

    sources = tuple(looked_at(Path(file)) for file in dict.fromkeys(files))
    seen: dict[str, Path] = {}
    for source in sources:
        name = name_of(source)
        if name in seen:
            message = f"{seen[name]} and {source.path} have one name"
            raise InvalidInput.of(flag, message, "send one of them in a folder, or each by itself")
        seen[name] = source.path
    return Typed(sources, tuple(dict.fromkeys(stored)))


async def stored(call: Invocation, backend: Backend, what: Typed) -> tuple[FileItem, ...]:
    """Keep the files as artifacts; content that is there under its name is not kept twice."""
    from deployx_tui.cli.sending import send
    from deployx_tui.model.files import FileItem

    # names first: a wrong one is told before anything is sent
    found = [await backend.artifacts.find(name) for name in what.stored]
    added: list[Artifact] = []
    for source in what.files:
        one = await send(call, backend, source, None)
        printing.note(call, f"{one.name}@{one.version}  {size_words(one.size)}  sha256 {one.sha256[:12]}")
        added.append(one)
    return tuple(FileItem(artifact=one.id) for one in (*added, *found))


async def sent(
    call: Invocation,
    backend: Backend,
    what: Typed,
    draft: TaskDraft,
    fields: Mapping[str, Any],
    task: TaskId | None = None,
) -> TaskDraft:
    """The draft with the files that were typed, kept as artifacts.

    What is wrong with the rest is told before anything is sent. `task`: the one that it is to change.
    """
    if not what:
        return draft
    whole, items, stock = await not_sent(backend, what, draft, fields)
    refuse_now(whole.payload, stock)
    preview = await backend.tasks.preview(whole, 0, task)
    if problems := without_ids(preview.problems):
        raise InvalidInput(Problem(field=p.field, message=p.message, remedy=p.remedy) for p in problems)
    kept = await stored(call, backend, what)
    items = tuple(replace(item, artifact=now.artifact) for item, now in zip(items, kept, strict=True))
    return with_items(draft, items, fields)


async def not_sent(
    backend: Backend, what: Typed, draft: TaskDraft, fields: Mapping[str, Any]
) -> tuple[TaskDraft, tuple[FileItem, ...], Stock]:
    """The draft as it would be with what was typed, the items of that, and what they are; nothing is sent."""
    from deployx_tui.model.files import FilePayload

    items, stock = await not_stored(backend, what)
    if isinstance(draft.payload, FilePayload) and draft.payload.items:
        from deployx_tui.model.artifact import ref_of

        old = [(item, ref_of(await backend.artifacts.get(item.artifact))) for item in draft.payload.items]
        typed_ones = items[len(what.files) :]
        pinned = {one for one, name in zip(typed_ones, what.stored, strict=True) if _is_version(name)}
        items = tuple(_as_before(item, stock.artifacts[item.artifact], old, is_pinned=item in pinned) for item in items)
    return with_items(draft, items, fields), items, stock


def _is_version(name: str) -> bool:
    """Whether it names one version and not the newest: `app.conf@1`, an id."""
    return "@" in name or name.isdecimal()


def _as_before(
    item: FileItem, ref: ArtifactRef, old: Sequence[tuple[FileItem, ArtifactRef]], *, is_pinned: bool
) -> FileItem:
    """The item with the options of the one that it replaces: of its name, else those that all had.

    `is_pinned`: its version was typed, so that it is no other one when it runs.
    """
    alike = [(each, its) for each, its in old if its.kind is ref.kind]
    same = [each for each, its in alike if its.name == ref.name]
    peers = same or [each for each, _ in alike]
    changes: dict[str, Any] = {}
    for option in ("mode", "line_endings", "substitute", *(() if is_pinned else ("newest",))):
        values = {getattr(each, option) for each in peers}
        if len(values) == 1:
            changes[option] = values.pop()
    if len(same) == 1:
        # where it lies below the target path
        changes["name"] = same[0].name
    return replace(item, **changes)


def without_ids(problems: Iterable[PreviewProblem]) -> list[PreviewProblem]:
    """But for what is said of ids that nothing has: what they stand for is sent later."""
    return [problem for problem in problems if problem.field != "file_payload.file_ids"]


def refuse_now(payload: Payload, stock: Stock) -> None:
    """InvalidInput for what the engine would refuse after everything was sent."""
    from deployx_tui.planning.validate import validate_payload

    if problems := validate_payload(payload, stock):
        raise InvalidInput(problems)


async def not_stored(backend: Backend, what: Typed) -> tuple[tuple[FileItem, ...], Stock]:
    """For a dry run: items of what would be kept, under ids that nothing has, and what they are."""
    from deployx_tui.cli.sending import name_of
    from deployx_tui.model.artifact import ArtifactKind, ArtifactRef, ref_of
    from deployx_tui.model.files import FileItem
    from deployx_tui.model.ids import BIGGEST_ID, ArtifactId
    from deployx_tui.model.payloads import Stock

    refs = [
        ArtifactRef(
            id=ArtifactId(BIGGEST_ID - number),
            name=name_of(source),
            version=0,
            kind=ArtifactKind.TREE if source.is_folder else ArtifactKind.FILE,
            sha256="",
            size=source.size,
        )
        for number, source in enumerate(what.files)
    ]
    refs += [ref_of(await backend.artifacts.find(name)) for name in what.stored]
    return tuple(FileItem(artifact=ref.id) for ref in refs), Stock({ref.id: ref for ref in refs})
