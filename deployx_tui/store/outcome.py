"""What an execution's targets add up to: its status, its counts, and the sentence that says why. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from deployx_tui.model.execution import Cause, ExecutionStatus, TargetCounts, TargetState
from deployx_tui.model.words import ended_by

#: targets that a sentence names before it counts the rest
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Ended:
    """So many targets ended alike."""

    state: TargetState
    exit_code: int | None
    signal: str | None
    cause: Cause | None
    count: int
    #: None: unknown
    changed: bool | None = None

    @property
    def is_failure(self) -> bool:
        return self.state not in (TargetState.SUCCEEDED, TargetState.CANCELLED, TargetState.SKIPPED)


def counts(ended: Iterable[Ended]) -> TargetCounts:
    by_state: Counter[str] = Counter()
    by_change: Counter[str] = Counter()
    for each in ended:
        by_state[each.state.value] += each.count
        if each.changed:
            by_change["changed"] += each.count
        elif each.changed is False and each.state is TargetState.SUCCEEDED:
            by_change["unchanged"] += each.count
    return TargetCounts(total=by_state.total(), **by_state, **by_change)


def counts_to_json(found: TargetCounts) -> dict[str, int]:
    return {name: value for name, value in asdict(found).items() if value}


def status_of(found: TargetCounts, *, is_cancelled: bool) -> ExecutionStatus:
    """Cancelled if cancelled; else succeeded if every target did; partially if some did; lost if none did and one
    is lost; failed if none did and one failed; skipped if none was tried.

    Without a wish to cancel, what ran at the end of an engine's drain was cancelled too: that is no skip.
    """
    if is_cancelled:
        return ExecutionStatus.CANCELLED
    if found.succeeded:
        return ExecutionStatus.SUCCEEDED if found.succeeded == found.total else ExecutionStatus.PARTIALLY_SUCCEEDED
    if found.lost:
        return ExecutionStatus.LOST
    if found.failed or found.unreachable or found.timed_out:
        return ExecutionStatus.FAILED
    return ExecutionStatus.CANCELLED if found.cancelled else ExecutionStatus.SKIPPED


def sentence(ended: Sequence[Ended], first_failures: Sequence[tuple[str, Ended]]) -> str:
    """ "2 of 22 targets failed: web19 unreachable, web-win04 exit 1"; "" when nothing failed.

    `first_failures`: name and end of up to a few targets that failed.
    """
    total = sum(each.count for each in ended)
    failures = [each for each in ended if each.is_failure]
    failed = sum(each.count for each in failures)
    if not failed:
        return "" if total else "no device matches"
    if len({reason(each) for each in failures}) == 1 and failed == total and total > 1:
        return f"{reason(failures[0])} on all {total} targets"
    named = ", ".join(f"{name} {reason(end)}" for name, end in first_failures[:_NAMED])
    more = failed - min(len(first_failures), _NAMED)
    rest = f" and {more} more" if more else ""
    if total == 1:
        return named
    return f"{failed} of {total} targets failed: {named}{rest}"


def cancelled_unplanned(wait_reason: str | None) -> str:
    """Why an execution has no targets that was cancelled before they were chosen. None: it waited for nothing."""
    return "cancelled before it began" if wait_reason is None else f"cancelled while it waited for the {wait_reason}"


_CAUSES = {
    Cause.NAME: "name not found",
    Cause.REFUSED: "connection refused",
    Cause.CONNECT_TIMEOUT: "connect timeout",
    Cause.HOST_KEY: "host key refused",
    Cause.AUTH: "login refused",
    Cause.SUDO: "sudo refused",
    Cause.SHELL: "shell missing",
    Cause.VERIFY: "not verified",
}


def reason(end: Ended) -> str:
    """How one target ended, in two or three words."""
    match end.state:
        case TargetState.UNREACHABLE:
            return _CAUSES.get(end.cause, "unreachable") if end.cause is not None else "unreachable"
        case TargetState.FAILED if end.cause in _CAUSES:
            return _CAUSES[end.cause]
        case TargetState.FAILED if end.signal is not None:
            return ended_by(end.signal)
        case TargetState.FAILED if end.exit_code is not None:
            return f"exit {end.exit_code}"
        case TargetState.TIMED_OUT:
            return "timed out"
        case other:
            return other.value
