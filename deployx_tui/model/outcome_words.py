"""What runs, targets, contacts and the steps of a connection test are called, by every face.

The screens, the command line's tables and a downloaded run say these; `--json` and the wire say the names of the
states themselves (docs/statuses.md has both). What a person reads can be typed into a filter.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from deployx_tui.model.device import Contact, TestStepName
from deployx_tui.model.execution import (
    Cause,
    Execution,
    ExecutionStatus,
    TargetCounts,
    TargetResult,
    TargetState,
    TransferProgress,
)
from deployx_tui.model.fact_words import sized
from deployx_tui.model.parse import format_duration

_RUNS: Mapping[ExecutionStatus, str] = {
    ExecutionStatus.QUEUED: "queued",
    ExecutionStatus.WAITING: "waiting",
    ExecutionStatus.AWAITING_APPROVAL: "approval",
    ExecutionStatus.RUNNING: "running",
    ExecutionStatus.SUCCEEDED: "succeeded",
    ExecutionStatus.PARTIALLY_SUCCEEDED: "partly",
    ExecutionStatus.FAILED: "failed",
    ExecutionStatus.CANCELLED: "cancelled",
    ExecutionStatus.MISSED: "missed",
    ExecutionStatus.SKIPPED: "skipped",
    ExecutionStatus.LOST: "lost",
}
_TARGETS: Mapping[TargetState, str] = {
    TargetState.WAITING: "waiting",
    TargetState.RUNNING: "running",
    TargetState.SUCCEEDED: "succeeded",
    TargetState.FAILED: "failed",
    TargetState.UNREACHABLE: "unreachable",
    TargetState.TIMED_OUT: "timed out",
    TargetState.CANCELLED: "cancelled",
    TargetState.SKIPPED: "skipped",
    # never read as "did not run"
    TargetState.LOST: "lost: unknown",
}
_CAUSES: Mapping[Cause, str] = {
    Cause.NAME: "name not found",
    Cause.REFUSED: "connection refused",
    Cause.CONNECT_TIMEOUT: "connection timed out",
    Cause.UNREACHABLE: "unreachable",
    Cause.HOST_KEY: "host key refused",
    Cause.AUTH: "sign-in refused",
    Cause.SUDO: "sudo refused",
    Cause.SHELL: "no such shell",
    Cause.EXIT: "exit",
    Cause.SIGNAL: "signal",
    Cause.KILLED: "killed",
    Cause.TIMEOUT: "timed out",
    Cause.LOST: "lost, outcome unknown",
    Cause.OUTPUT_LIMIT: "output over its limit",
    Cause.REBOOT: "did not come back",
    Cause.VERIFY: "verify failed",
}
_CONTACTS: Mapping[Contact, str] = {
    Contact.NEVER: "never tried",
    Contact.OK: "ok",
    Contact.UNREACHABLE: "unreachable",
    Contact.HOST_KEY: "host key refused",
    Contact.AUTH: "sign-in refused",
}
_STEPS: Mapping[TestStepName, str] = {
    TestStepName.RESOLVE: "name",
    TestStepName.CONNECT: "connect",
    TestStepName.HOST_KEY: "host key",
    TestStepName.AUTHENTICATE: "sign in",
    TestStepName.RUN: "command",
}


def run_word(status: ExecutionStatus) -> str:
    """A run's state: `succeeded`, `partly`, `failed`."""
    return _RUNS[status]


def run_named(word: str) -> ExecutionStatus | None:
    """The state that a person means, by its word or by its name (`partly`, `partially_succeeded`); None: none."""
    return next((status for status in ExecutionStatus if word in (_RUNS[status], status.value)), None)


def target_word(state: TargetState) -> str:
    """A target's state: `succeeded`, `timed out`, `lost: unknown`."""
    return _TARGETS[state]


def result_word(target: TargetResult) -> str:
    """A target's state, and of one that is well whether it was changed, where that is known: `unchanged`."""
    if target.state is TargetState.SUCCEEDED and target.changed is not None:
        return "changed" if target.changed else "unchanged"
    return target_word(target.state)


def changed_words(counts: TargetCounts) -> str:
    """ "changed 3, unchanged 197"; "" of what does not know it, such as a command."""
    if not counts.changed and not counts.unchanged:
        return ""
    return f"changed {counts.changed}, unchanged {counts.unchanged}"


def why_words(run: Execution) -> str:
    """Why it is not simply good, else what it waits for or what it changed, where that is known."""
    if run.error_message:
        return run.error_message
    if run.wait_reason and run.status.is_alive:
        return f"waits for {run.wait_reason}"
    return changed_words(run.targets)


def progress_words(progress: TransferProgress) -> str:
    """ "45 % of 1.2 GiB, 30 MiB/s, 25s left", the most wanted first."""
    words = [f"{100 * progress.done // max(1, progress.total)} % of {sized(progress.total)}"]
    if progress.rate > 0:
        words.append(f"{sized(progress.rate)}/s")
    if progress.left is not None:
        # an estimate to the second is none above a minute
        seconds = max(1, round(progress.left.total_seconds()))
        words.append(f"{format_duration(timedelta(seconds=seconds if seconds < 60 else seconds // 60 * 60))} left")
    return ", ".join(words)


def cause_word(cause: Cause | None) -> str:
    """Why a target did not succeed; None: nobody knows."""
    return "cause unknown" if cause is None else _CAUSES[cause]


def contact_word(contact: Contact) -> str:
    """How the last contact with a device ended."""
    return _CONTACTS[contact]


def step_word(step: TestStepName) -> str:
    """A step of a connection test."""
    return _STEPS[step]
