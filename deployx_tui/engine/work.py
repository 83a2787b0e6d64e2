"""What becomes of a target's payload: one function per kind, and which of three ways it is run by.

    once        started, and never again: what broke in the middle is lost
    durable     goes on on its target without us, and is attached to again
    repeatable  is simply begun again wherever it broke: what is done already is left alone

A further kind is a line here and its function; nothing else in the engine asks what a payload is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import assert_never

from deployx_tui.engine.run import TargetJob
from deployx_tui.engine.software import packages_of_plan
from deployx_tui.errors import InvalidInput
from deployx_tui.model.changes import RollbackPayload, TargetChanges
from deployx_tui.model.codec import JSON
from deployx_tui.model.execution import Cause, TargetState
from deployx_tui.model.facts import Facts
from deployx_tui.model.files import FilePayload
from deployx_tui.model.ids import DeviceId, ExecutionId
from deployx_tui.model.payload import CommandPayload
from deployx_tui.model.payloads import Payload
from deployx_tui.model.software import SoftwarePayload
from deployx_tui.planning.plan import as_pinned
from deployx_tui.runners.artifacts import ArtifactSource
from deployx_tui.runners.command import RunFacts
from deployx_tui.runners.files.rollback import run_rollback
from deployx_tui.runners.files.run import FileRun, run_files
from deployx_tui.runners.software.rollback import run_restore
from deployx_tui.transports.base import Connection, OutputSink

NONE = TargetChanges()
#: what ran, and what it changed as far as that is known
Done = tuple[RunFacts, TargetChanges]


class How(Enum):
    """Which of the three ways."""

    ONCE = "once"
    DURABLE = "durable"
    REPEATABLE = "repeatable"


def how(payload: Payload) -> How:
    match payload:
        case CommandPayload():
            return How.DURABLE if payload.durable else How.ONCE
        case FilePayload() | RollbackPayload():
            return How.REPEATABLE
        case SoftwarePayload():
            return How.DURABLE
    assert_never(payload)


def wants_facts(payload: Payload) -> bool:
    """Whether what the device told of itself decides what is done there."""
    match payload:
        case FilePayload():
            return bool(payload.platform_paths) or any(item.substitute for item in payload.items)
        case SoftwarePayload():
            return bool(payload.packages)
        case CommandPayload() | RollbackPayload():
            return False
    assert_never(payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where a payload finds what is not in its plan."""

    artifacts: ArtifactSource
    #: what an execution changed on a device
    changes: Callable[[ExecutionId, DeviceId], TargetChanges]
    #: the entries of the catalogue that an execution's plan has
    packages: Callable[[ExecutionId], tuple[JSON, ...]] = lambda _: ()


def run_repeatable(
    job: TargetJob,
    nonce: str,
    connection: Connection,
    say: OutputSink,
    timeout: timedelta | None,
    facts: Facts | None,
    sources: Sources,
) -> Done:
    """One attempt at a payload that may be begun again, with the same nonce each time. Blocks."""
    work, payload = job.run.work, job.run.work.payload
    match payload:
        case FilePayload():
            run = FileRun(
                payload=as_pinned(payload, work.artifacts),
                artifacts={each.id: each for each in work.artifacts},
                source=sources.artifacts,
                parameters=job.parameters,
                facts=facts,
                device=job.name,
                nonce=nonce,
                password=job.password,
                timeout=timeout,
            )
            try:
                return run_files(run, connection, say, job.cancel, job.meter)
            except InvalidInput as error:
                # what has changed on this machine's disk is found before it is sent
                return RunFacts(state=TargetState.FAILED, cause=Cause.VERIFY, changed=False, message=str(error)), NONE
        case RollbackPayload():
            changes = sources.changes(payload.execution, job.device)
            if not changes:
                why = f"what execution {payload.execution} changed here is not kept any more: put the files there anew"
                return RunFacts(state=TargetState.FAILED, cause=Cause.VERIFY, changed=False, message=why), NONE
            if changes.packages:
                return run_restore(
                    changes.packages,
                    packages_of_plan(sources.packages(payload.execution)),
                    connection,
                    say,
                    job.cancel,
                    force=payload.force,
                    run_as=payload.run_as,
                    password=job.password,
                    timeout=timeout,
                )
            return run_rollback(
                changes,
                connection,
                say,
                job.cancel,
                force=payload.force,
                run_as=payload.run_as,
                password=job.password,
                nonce=nonce,
                timeout=timeout,
            )
        case CommandPayload() | SoftwarePayload():
            raise TypeError(f"{type(payload).__name__} is not begun again")
    assert_never(payload)
