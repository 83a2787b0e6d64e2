"""What is done to artifacts: add, delete, collect, put on devices. Each asks what it must, acts, says what it did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from deployx_tui.model.artifact import Artifact
from deployx_tui.model.words import size_words
from deployx_tui.tui.render.artifacts import garbage_lines, uses_words
from deployx_tui.tui.render.line import line, span
from deployx_tui.tui.screens.add_artifact import AddArtifact
from deployx_tui.tui.screens.dialogs import confirm
from deployx_tui.tui.screens.file_picker import FilePicker

if TYPE_CHECKING:
    from deployx_tui.tui.screens.place import Place


async def add(place: Place, known: Sequence[Artifact]) -> Artifact | None:
    """Choose and send one; None: nothing was added. `known`: what is there already, to say what came of it."""
    start = place.deployx.last_folder
    path = await place.app.push_screen_wait(FilePicker(start, place.bridge.now()))
    if path is None:
        return None
    place.deployx.last_folder = path.parent
    made = await place.app.push_screen_wait(AddArtifact(place.bridge, path))
    if made is None:
        place.tell("nothing was added", "")
        return None
    if any(each.id == made.id for each in known):
        place.tell(f"{made.name} v{made.version} has this content already: nothing new is stored", "")
    else:
        place.tell(f"✓ {made.name} v{made.version} added, {size_words(made.size)}")
    return made


async def delete(place: Place, artifact: Artifact) -> bool:
    """After a question; one that a task needs stays, and the task is named. Whether it went."""
    artifacts = place.bridge.backend.artifacts
    used = await place.attempt(artifacts.uses(artifact.id))
    if used is None:
        return False
    if used.tasks:
        place.tell(f"✗ {artifact.name} v{artifact.version} stays: {', '.join(used.tasks)} would lose it", "bad")
        return False
    lines = [line("It leaves the list; its content goes at the next collection.")]
    if used.executions:
        lines.append(line(span("! ", "warn"), f"{uses_words(used)} can be rolled back to it: content stays so long"))
    question = confirm(f"Delete {artifact.name} v{artifact.version}", lines, "delete", "it can be added again")
    if not await place.app.push_screen_wait(question):
        return False
    if not await place.attempt_done(artifacts.delete(artifact.id)):
        return False
    place.tell(f"{artifact.name} v{artifact.version} is deleted; C frees its disk", "warn")
    return True


async def collect(place: Place) -> None:
    """Show what it would free, ask, free it."""
    artifacts = place.bridge.backend.artifacts
    found = await place.attempt(artifacts.collect(dry_run=True))
    if found is None:
        return
    if not found.freed and not found.artifacts:
        place.tell(f"nothing to free: all {size_words(found.kept)} on disk are needed", "")
        return
    question = confirm("Free disk", garbage_lines(found), "free it", "what is needed meanwhile stays all the same")
    if not await place.app.push_screen_wait(question):
        return
    done = await place.attempt(artifacts.collect(dry_run=False))
    if done is not None:
        place.tell(f"✓ {size_words(done.freed)} freed, {size_words(done.kept)} kept")


def push(place: Place, artifact: Artifact) -> None:
    """A new task with this artifact in it, in the editor."""
    from deployx_tui.tui.screens.editor import Editor  # noqa: PLC0415 - loaded when it is opened

    place.app.push_screen(Editor(None, put=artifact))
