"""A file task on one target: look, decide, send, verify, place, and say what was changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Event

from deployx_tui.model.artifact import ArtifactRef
from deployx_tui.model.changes import FileChange, TargetChanges
from deployx_tui.model.execution import TargetState
from deployx_tui.model.facts import Facts
from deployx_tui.model.files import FilePayload
from deployx_tui.model.ids import ArtifactId
from deployx_tui.model.secret import Secret
from deployx_tui.runners.artifacts import ArtifactSource
from deployx_tui.runners.command import RunFacts
from deployx_tui.runners.files import journal
from deployx_tui.runners.files.errand import Errands
from deployx_tui.runners.files.stopped import Stopped
from deployx_tui.runners.files.swap import swap
from deployx_tui.runners.files.wanted import wanted
from deployx_tui.runners.files.work import Work, become_of
from deployx_tui.transports.base import Connection, OutputSink


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRun:
    """Everything that one target needs."""

    payload: FilePayload
    #: pinned by the plan
    artifacts: Mapping[ArtifactId, ArtifactRef]
    source: ArtifactSource
    #: for `${NAME}`
    parameters: Mapping[str, str | Secret]
    #: for `${os_id}`, `${arch}` and the paths per platform; None: nothing is known
    facts: Facts | None
    #: the device's name, `${device}`
    device: str
    #: 128 bits in hex, stored with the start: the same run, begun again, finds what it left
    nonce: str
    #: what the way to another account asks for; None: it must not ask
    password: Secret | None
    #: for everything together; None: no end
    timeout: timedelta | None


def run_files(
    run: FileRun,
    connection: Connection,
    say: OutputSink,
    cancel: Event,
    progress: Callable[[int, int], None],
) -> tuple[RunFacts, TargetChanges]:
    """Blocks to the end. `say` gets a line for each step and what commands print; `progress` (bytes over, of all).

    After LOST the same run with the same nonce goes on where it was; its changes are then told whole. Messages are not
    masked yet.
    """
    errands = Errands(connection, say, cancel, become_of(run.payload.run_as, run.password), run.timeout)
    work = Work(run.payload, run.nonce, errands, connection, progress)
    try:
        found = wanted(run.payload, run.artifacts, run.source, run.parameters, run.facts, run.device)
        message = swap(work, found) if run.payload.swap else work.deploy(found)
        facts = RunFacts(state=TargetState.SUCCEEDED, changed=bool(work.changes), message=message)
    except Stopped as stopped:
        work.clear(stopped.facts.state)
        facts = _ended(stopped, work.changes, placing=work.placing)
    return facts, TargetChanges(files=journal.merged(work.changes))


def _ended(stopped: Stopped, changes: list[FileChange], *, placing: bool) -> RunFacts:
    """A run that stopped: whether it changed anything is known unless nobody heard the answer."""
    facts = stopped.facts
    unheard = stopped.is_unsure or facts.state is TargetState.LOST or (facts.kill is not None and not changes)
    if changes:
        count = f"{len(journal.merged(changes))} changed before{stopped.left}"
        return replace(facts, changed=True, message=f"{facts.message}; {count}")
    return replace(facts, changed=None if placing and unheard else False)
