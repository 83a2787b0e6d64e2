"""Files on their way to targets: what is typed becomes artifacts, and those the items of a payload."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployx_tui.cli import printing
from deployx_tui.cli.file_options import with_items
from deployx_tui.errors import InvalidInput, Problem
from deployx_tui.model.words import size_words

if TYPE_CHECKING:
    from deployx_tui.cli.invocation import Invocation
    from deployx_tui.model.artifact import Artifact
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
    items, stock = await not_stored(backend, what)
    whole = with_items(draft, items, fields)
    refuse_now(whole.payload, stock)
    preview = await backend.tasks.preview(whole, 0, task)
    if problems := without_ids(preview.problems):
        raise InvalidInput(Problem(field=p.field, message=p.message, remedy=p.remedy) for p in problems)
    return with_items(draft, await stored(call, backend, what), fields)


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
