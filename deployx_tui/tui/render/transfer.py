"""Bytes on their way: a bar, how many of how many, how fast, how long still. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from deployx_tui.model.execution import TargetResult, TransferProgress
from deployx_tui.model.outcome_words import progress_words
from deployx_tui.tui.render.line import Line, line, span
from deployx_tui.tui.render.progress import bar

#: a rate is said of what was measured for so many seconds
_MEASURED = 1.0


def measured(done: int, total: int, elapsed: float) -> TransferProgress:
    """By the seconds since it began."""
    return TransferProgress(done=done, total=total, rate=int(done / elapsed) if elapsed >= _MEASURED else 0)


def transfer_line(progress: TransferProgress) -> Line:
    """`▓▓▓░░░ 45 % of 1.2 GiB, 30 MiB/s, 25s left`."""
    return line(span(bar(progress.done, progress.total, 12), "run"), f" {progress_words(progress)}")


def together(targets: Iterable[TargetResult]) -> TransferProgress | None:
    """Of all that files are moved to now; None: of none."""
    moving = [target.progress for target in targets if target.progress is not None and not target.state.is_over]
    if not moving:
        return None
    return TransferProgress(
        done=sum(each.done for each in moving),
        total=sum(each.total for each in moving),
        rate=sum(each.rate for each in moving),
    )
