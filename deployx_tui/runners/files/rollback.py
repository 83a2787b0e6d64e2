"""A rollback on one target: what an execution changed there is taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from threading import Event

from deployx_tui.model.changes import TargetChanges
from deployx_tui.model.execution import Cause, TargetState
from deployx_tui.model.payload import RunAs
from deployx_tui.model.secret import Secret
from deployx_tui.runners.command import RunFacts
from deployx_tui.runners.files import journal
from deployx_tui.runners.files.errand import Errands
from deployx_tui.runners.files.stopped import Stopped, listed
from deployx_tui.runners.files.undo import Undone, undo
from deployx_tui.runners.files.work import become_of
from deployx_tui.transports.base import Connection, OutputSink


def run_rollback(
    changes: TargetChanges,
    connection: Connection,
    say: OutputSink,
    cancel: Event,
    *,
    force: bool,
    run_as: RunAs | None,
    password: Secret | None,
    nonce: str,
    timeout: timedelta | None,
) -> tuple[RunFacts, TargetChanges]:
    """Take the files of `changes` back; packages are not this runner's. Blocks to the end.

    A path that holds something else than the run put there is left and told, unless `force`. What is done is told as
    changes of its own, which a further rollback takes back.
    """
    errands = Errands(connection, say, cancel, become_of(run_as, password), timeout)
    undone = Undone()
    try:
        undo(errands, changes.files, nonce, force=force, into=undone)
        facts = _facts(undone, len(changes.files))
    except Stopped as stopped:
        unheard = stopped.is_unsure or stopped.facts.state is TargetState.LOST
        changed = True if undone.changes else None if unheard else False
        facts = replace(stopped.facts, changed=changed)
    return facts, TargetChanges(files=journal.merged(undone.changes))


def _facts(undone: Undone, total: int) -> RunFacts:
    changed = len(journal.merged(undone.changes))
    if undone.problems:
        left = listed([f"{problem.path} {problem.why}" for problem in undone.problems])
        message = f"{len(undone.problems)} of {total} were left: {left}"
        if any(problem.yields_to_force for problem in undone.problems):
            message += " (force takes back what was changed since, too)"
        return RunFacts(state=TargetState.FAILED, cause=Cause.VERIFY, changed=changed > 0, message=message)
    message = f"{changed} of {total} taken back" if changed else "unchanged"
    return RunFacts(state=TargetState.SUCCEEDED, changed=changed > 0, message=message)
