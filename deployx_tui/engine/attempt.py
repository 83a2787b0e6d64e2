"""What an attempt at a target gives, whichever way it was run, and how that becomes the end of the target."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from deployx_tui.engine.run import TargetJob
from deployx_tui.model.changes import TargetChanges
from deployx_tui.model.device import Contact
from deployx_tui.model.execution import Cause, TargetState
from deployx_tui.output.writer import OutputTotals
from deployx_tui.runners.command import RunFacts, cancelled_before_start
from deployx_tui.runners.command import unreached as unreached_facts
from deployx_tui.store.changes import Packed, packed
from deployx_tui.store.clock import to_ms
from deployx_tui.store.targets import TargetEnd
from deployx_tui.transports.base import Connection, Transport, Unreached

log = logging.getLogger(__name__)

#: characters of a target's message
_MOST_MESSAGE = 4_000
NO_CHANGES = TargetChanges()
NOT_KEPT = "deployx itself failed to keep what it changed: {}; it can't be rolled back"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of a target, and what it says of the device."""

    facts: RunFacts
    #: None: no attempt to reach the device was made
    contact: Contact | None
    #: over which it was reached; given back already
    connection: Connection | None = None


def unreached(job: TargetJob, outcome: Unreached) -> Attempt:
    """No connection: nothing was sent."""
    if job.cancel.is_set():
        return Attempt(cancelled_before_start(), None)
    return Attempt(unreached_facts(outcome), contact(outcome.cause))


def contact(cause: Cause) -> Contact:
    """What a failure to connect says of the device."""
    match cause:
        case Cause.HOST_KEY:
            return Contact.HOST_KEY
        case Cause.AUTH:
            return Contact.AUTH
        case _:
            return Contact.UNREACHABLE


def not_tried(state: TargetState, message: str) -> RunFacts:
    """It was not even tried."""
    return RunFacts(state=state, changed=False, message=message)


def broken(error: Exception, *, may_have_run: bool) -> RunFacts:
    """A bug of ours, or of a library, told as the target's own end."""
    what = f"deployx itself failed: {type(error).__name__}: {error}"
    if may_have_run:
        return RunFacts(state=TargetState.LOST, cause=Cause.LOST, message=f"{what}; the command may have run")
    return RunFacts(state=TargetState.FAILED, changed=False, message=f"{what}; nothing was sent")


def unkept(error: Exception) -> TargetEnd:
    """The end of a target whose output and outcome were lost here, by a bug."""
    facts = broken(error, may_have_run=True)
    return TargetEnd(
        state=facts.state,
        at_ms=to_ms(datetime.now(UTC)),
        cause=facts.cause,
        changed=None,
        output_cut=True,
        error_message=_kept(facts.message),
    )


def release(transport: Transport, connection: Connection, job: TargetJob) -> None:
    """Give a connection back, whatever comes of that."""
    try:
        transport.release(connection)
    except Exception:  # the result is known and must be kept; a leaked connection is the smaller harm
        log.exception("giving back the connection to %s", job.name)


def end_of(
    job: TargetJob, facts: RunFacts, totals: OutputTotals, at: datetime, changes: TargetChanges = NO_CHANGES
) -> TargetEnd:
    """The end of a target as it is stored, masked."""
    kept, unkept_why = _packed(job, changes)
    message = "; ".join(part for part in (facts.message, totals.trouble, unkept_why) if part)
    return TargetEnd(
        state=facts.state,
        at_ms=to_ms(at),
        exit_code=facts.exit_code,
        signal=None if facts.signal is None else _kept(facts.signal),
        cause=facts.cause,
        changed=facts.changed,
        kill=facts.kill,
        stdout_bytes=totals.stdout_bytes,
        stderr_bytes=totals.stderr_bytes,
        output_cut=totals.cut,
        output_sha256=totals.sha256,
        error_message=_kept(job.secrets.mask_text(message)),
        changes=kept,
        head=totals.head,
        tail=totals.tail,
    )


def _packed(job: TargetJob, changes: TargetChanges) -> tuple[Packed | None, str]:
    """What it changed, as it is stored; or why it is not kept: a bug of ours must not cost the result."""
    try:
        return packed(changes), ""
    except Exception as error:
        log.exception("packing what execution %s changed on %s", job.run.id, job.name)
        return None, NOT_KEPT.format(type(error).__name__)


def _kept(text: str) -> str:
    """A text that a target may have written, as both databases take it: no NUL, no half characters, not endless."""
    whole = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{SYMBOL FOR NULL}")
    return whole if len(whole) <= _MOST_MESSAGE else whole[: _MOST_MESSAGE - 1] + "\N{HORIZONTAL ELLIPSIS}"
