"""Cron expressions, read by croniter into the bits of `wall`. Imported when the first one is compiled.

0 and 7 are Sunday; what no clock on a wall could mean is refused with a remedy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from croniter import croniter
from croniter.croniter import CroniterError

from deployx_tui.errors import InvalidInput
from deployx_tui.model.words import counted
from deployx_tui.scheduling.wall import LAST, DayRule, WallRule, mask_of

_FIELD = "recurrence_config.cron_expression"
_EXAMPLE = "five fields: minute hour day month weekday, such as '*/15 8-17 * * mon-fri'"
#: the same number or name twice: the one, not croniter's whole cycle; a step from one number has nowhere to go
_POINT = re.compile(r"(?<![^,])([a-z0-9]+)-\1(?:/\d+)?(?![^,])", re.ASCII)

#: the fields in their order, and what numbers they take
_BOUNDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))

#: a range, also one with a step behind it
_RANGE = re.compile(r"(?<![^,])([a-z]+|[0-9]+)-([a-z]+|[0-9]+)(?![^,/])", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
#: in which the numbers of each field come round
_UNITS = ("hour", "day", "month", "year", "week")

#: what croniter raises over a text that is no rule
_CRONITERS = (CroniterError, ValueError, KeyError, IndexError, AttributeError)


@lru_cache(maxsize=4096)
def cron_rule(expression: str) -> WallRule:
    """Read a five-field cron expression, or @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually.

    0 and 7 are Sunday. When day and weekday are both restricted either is enough, as in cron. InvalidInput names
    what is wrong.
    """
    if len(expression) > 100:
        raise _refused("it is longer than 100 characters", "split it into several tasks")
    typed = " ".join(expression.lower().split())
    if not typed or not typed.isascii():
        raise _refused(f"{expression!r} is not a cron rule", _EXAMPLE)
    if typed == "@reboot":
        raise _refused("@reboot names no time", _EXAMPLE)
    if typed.startswith("@"):
        fields = []
    else:
        fields = typed.split(" ")
        if len(fields) != 5:
            raise _refused(f"it has {counted(len(fields), 'field')}", _EXAMPLE)
        if any(re.search(r"(?<![a-z])[rh](?![a-z])", field) for field in fields):
            raise _refused("R and H stand for times that nobody chose", "write the minute and hour that you want")
        _refuse_backward(fields)
        typed = " ".join(_POINT.sub(r"\1", field) for field in fields)
    try:
        parsed = croniter(typed, implement_cron_bug=True)
    except _CRONITERS as error:
        wrong = _wrong_field(fields)
        raise _refused(f"{expression!r} is not a cron rule" + (f": {wrong}" if wrong else ""), _EXAMPLE) from error
    rule = _read(parsed)
    # croniter's strict reading looks at the day alone: with a weekday beside it either is enough, and it does fire
    if not rule.days.either:
        try:
            croniter.expand(typed, strict=True)
        except CroniterError as error:
            raise _refused(
                f"{expression!r} names days that its months never have", "choose a day that one of the months has"
            ) from error
    # any start will do: the calendar repeats within the search
    if rule.days.next_day(0) is None:
        raise _refused(f"{expression!r} never fires", "choose a day that some month has")
    return rule


def _refuse_backward(fields: Sequence[str]) -> None:
    """A range that goes over the end of its field: cron refuses it, croniter begins anew; few people mean that."""
    for (name, low, most), field in zip(_BOUNDS, fields, strict=False):
        names = {"month": _MONTHS, "weekday": _WEEKDAYS}.get(name, ())
        numbers = {word: number for number, word in enumerate(names, start=low)}
        for first, last in _RANGE.findall(field):
            begin = int(first) if first.isdigit() else numbers.get(first)
            # a week that ends on Sunday ends on its 7
            end = int(last) if last.isdigit() else 7 if last == "sun" else numbers.get(last)
            if begin is None or end is None or begin <= end or not low <= end <= begin <= most:
                continue  # what is no number of the field is said by the reading
            high = 6 if name == "weekday" else most
            top, bottom = (names[-1], names[0]) if first.isalpha() else (high, low)
            parts = f"two parts: {first}-{top},{bottom}-{last}" if begin <= high else f"{bottom}-{last}"
            raise _refused(f"the {name} {first}-{last} goes backwards", f"write {parts}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoneStep:
    """A part of a field whose step is larger than its range, so that it stands for one number."""

    #: "minute", "hour", "day", "month" or "weekday"
    field: str
    #: as it was typed, in small letters: "*/90"
    text: str
    #: the one that it stands for
    number: int
    #: what the field holds
    low: int
    high: int
    #: in which the field's numbers come round
    unit: str


def lone_steps(expression: str) -> tuple[LoneStep, ...]:
    """Steps that lead nowhere, such as */90 minutes: cron takes them without a word. InvalidInput as `cron_rule`."""
    cron_rule(expression)
    typed = expression.lower().split()
    if len(typed) != len(_BOUNDS):
        return ()
    found: list[LoneStep] = []
    for place, ((name, low, high), unit) in enumerate(zip(_BOUNDS, _UNITS, strict=True)):
        for part in typed[place].split(","):
            if "/" not in part or _POINT.fullmatch(part):
                continue
            alone = ["*"] * len(_BOUNDS)
            alone[place] = part
            numbers = _numbers(croniter(" ".join(alone)).expanded[place], low, high)
            if len(numbers) == 1:
                found.append(LoneStep(field=name, text=part, number=numbers[0], low=low, high=high, unit=unit))
    return tuple(found)


def _wrong_field(fields: Sequence[str]) -> str:
    """The first field that is none on its own, and why; "" when they are wrong together only."""
    for place, ((name, low, high), field) in enumerate(zip(_BOUNDS, fields, strict=False)):
        alone = ["*"] * len(_BOUNDS)
        alone[place] = field
        try:
            croniter(" ".join(alone))
        except _CRONITERS:
            # what stands behind / and # counts steps and weeks
            for number in re.findall(r"(?<![/#\d])\d+", field):
                if not low <= int(number) <= high:
                    return f"{name} {int(number)} is not in {low} to {high}"
            return f"the {name} {field!r} can't be read"
    return ""


def _read(parsed: croniter) -> WallRule:
    minute, hour, day, month, weekday = parsed.expanded[:5]
    texts = parsed.expressions
    hours = _numbers(hour, 0, 23)
    minutes = _numbers(minute, 0, 59)
    is_free = [text.startswith(("*", "?")) for text in texts[:5]]
    nth = tuple(
        sorted(
            (int(number), int(n) if isinstance(n, int) else LAST)
            for number, several in parsed.nth_weekday_of_month.items()
            for n in several
        )
    )
    nearest = min(parsed.nearest_weekday, default=None)
    if (nth and not is_free[2]) or (nearest is not None and not is_free[4]):
        raise _refused(
            "# , L and W stand for whole dates and can't be joined with another day rule",
            "leave the other of day and weekday at *",
        )
    return WallRule(
        days=DayRule(
            months=mask_of(_numbers(month, 1, 12)),
            month_days=mask_of(_numbers(day, 1, 31)),
            last="l" in day,
            weekdays=mask_of(_numbers(weekday, 0, 6)),
            either=not is_free[2] and not is_free[4],
            nth=nth,
            nearest=nearest,
        ),
        minutes=sum({1 << (h * 60 + m) for h in hours for m in minutes}),
        # as Debian's cron reads it: a field that begins with a star
        is_wildcard=is_free[0] or is_free[1],
    )


def _numbers(expanded: Iterable[int | str], low: int, high: int) -> list[int]:
    values = list(expanded)
    return list(range(low, high + 1)) if "*" in values else [v for v in values if isinstance(v, int)]


def _refused(message: str, remedy: str) -> InvalidInput:
    return InvalidInput.of(_FIELD, message, remedy)
