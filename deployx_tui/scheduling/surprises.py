"""What a rule does that its writer may not have meant: sentences for a preview. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from deployx_tui.errors import InvalidInput
from deployx_tui.model.schedule import Cron, Monthly, Schedule, ShortMonth


def surprises(schedule: Schedule) -> Iterable[str]:
    """None of a rule that can't be read: a problem says why."""
    match schedule.recurrence:
        case Monthly(days=days, short_month=ShortMonth.SKIP):
            late = max((day for day in days if day != "last"), default=0)
            if late > 28:
                yield f"months without a day {late} have no run on it (--short-month last takes their last day)"
        case Cron(expression):
            from deployx_tui.scheduling.cron import lone_steps  # noqa: PLC0415 - loads croniter

            try:
                steps = lone_steps(expression)
            except InvalidInput:
                return
            for step in steps:
                yield (
                    f"the {step.field} {step.text} means {step.field} {step.number} only: "
                    f"a step begins anew each {step.unit}, and never leaves {step.low} to {step.high}"
                )
        case _:
            return
