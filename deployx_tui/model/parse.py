"""The words that people type for times, durations and rules, read in one way by the command line and the editor.

Each `parse_*` raises `InvalidInput` with the field's wire name, what is wrong and what to type instead; each
`format_*` is its inverse.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from deployx_tui.errors import InvalidInput
from deployx_tui.model.payload import POSIX_SHELLS, BecomeMethod, RunAs, Shell
from deployx_tui.model.schedule import Daily, Monthly, Overlap, OverlapKind, ShortMonth, Weekly

#: as typed in --weekly, Monday first
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1), "s": timedelta(seconds=1)}
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
_LONGEST = timedelta(days=3660)
_SIZE = re.compile(r"([1-9]\d{0,14})([KMGT])", re.ASCII)
_TIME = re.compile(r"(\d{1,2}):(\d{2})", re.ASCII)
#: years that a schedule may name; zoneinfo and croniter are sound far beyond it
_FIRST_YEAR, _LAST_YEAR = 1970, 9000


def parse_size(text: str, field: str) -> int:
    """Bytes of `500M`, `1G`: K, M, G, T are powers of 1,024. A bare number is refused."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise InvalidInput.of(field, f"{text!r} is not a size", "say 100K, 500M, 2G or 1T")
    return int(found[1]) << {"K": 10, "M": 20, "G": 30, "T": 40}[found[2]]


def parse_duration(text: str, field: str = "duration") -> timedelta:
    """Read `90s`, `10m`, `2h`, `7d`, or several in this order (`1h30m`). A bare number is refused."""
    typed = text.strip()
    if typed.isascii() and typed.isdigit():
        raise InvalidInput.of(field, f"{typed!r} has no unit", f"say {typed}s, {typed}m, {typed}h or {typed}d")
    found = _DURATION.fullmatch(typed)
    if not typed or found is None:
        raise InvalidInput.of(field, f"{text!r} is not a duration", "say 30s, 10m, 2h, 7d or 1h30m")
    if any(part is not None and len(part) > 9 for part in found.groups()):
        raise InvalidInput.of(field, f"{text!r} is too long", "say at most 3660d")
    total = timedelta()
    for part, unit in zip(found.groups(), _UNITS.values(), strict=True):
        total += int(part or 0) * unit
    if total > _LONGEST:
        raise InvalidInput.of(field, f"{text!r} is too long", "say at most 3660d")
    return total


def format_duration(duration: timedelta) -> str:
    """The shortest text that `parse_duration` reads as `duration`; parts of a second are dropped."""
    rest = int(duration.total_seconds())
    parts = []
    for name, unit in _UNITS.items():
        count, rest = divmod(rest, int(unit.total_seconds()))
        if count:
            parts.append(f"{count}{name}")
    return "".join(parts) or "0s"


#: files and folders beside the zones of a system: what they say differs from machine to machine, or counts leap seconds
_NO_ZONES = frozenset({"posixrules", "localtime", "Factory", "posix", "right"})


def zone_of(name: str, field: str = "timezone") -> ZoneInfo:
    """The zone of an IANA name; InvalidInput when there is none."""
    try:
        # zoneinfo reads a file of this name: a path or an empty name never reaches it
        is_name = re.fullmatch(r"[A-Za-z][A-Za-z0-9_+\-]*(/[A-Za-z0-9_+\-]+)*", name) and len(name) <= 64
        if not is_name or name.partition("/")[0] in _NO_ZONES:
            raise ValueError(name)
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise InvalidInput.of(
            field, f"{name!r} is not a time zone", "give an IANA name such as Europe/Berlin or UTC"
        ) from error


def parse_instant(text: str, zone: str, field: str = "scheduled_time") -> datetime:
    """Read `2026-12-24T03:00`, with seconds or an offset if wanted, or a bare date (its 00:00); aware UTC.

    Without an offset it is wall time of `zone`: of a time that comes twice the first pass is meant, a time that
    a clock change skips is refused.
    """
    typed = text.strip()
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", typed, re.ASCII):
            moment = datetime.combine(date.fromisoformat(typed), time())
        elif re.match(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}", typed, re.ASCII):
            moment = datetime.fromisoformat(typed)
        else:
            raise ValueError(typed)
    except ValueError as error:
        raise InvalidInput.of(
            field, f"{text!r} is not a date and time", "say 2026-12-24T03:00, or with an offset 2026-12-24T03:00+01:00"
        ) from error
    return instant_of(moment, zone, field)


def instant_of(moment: datetime, zone: str, field: str = "scheduled_time") -> datetime:
    """`moment` in UTC; when naive it is wall time of `zone`, under the rules of `parse_instant`."""
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise InvalidInput.of(
            field, f"the year {moment.year} is out of reach", f"give a year from {_FIRST_YEAR} to {_LAST_YEAR}"
        )
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    local = moment.replace(tzinfo=zone_of(zone))
    instant = local.astimezone(UTC)
    if instant.astimezone(local.tzinfo).replace(tzinfo=None) != moment:
        # fold=0 in a gap reads the clock before the change: it lands as far after the gap as it lay inside
        after = instant.astimezone(local.tzinfo)
        raise InvalidInput.of(
            field,
            f"{moment:%Y-%m-%d %H:%M} does not exist in {zone}: the clocks go forward over it",
            f"give {after:%Y-%m-%dT%H:%M} or a time with an offset",
        )
    return instant


def parse_time(text: str, field: str = "recurrence_config.time") -> time:
    """Read `03:00`: a wall time in minutes, 24 hours."""
    found = _TIME.fullmatch(text.strip())
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise InvalidInput.of(field, f"{text!r} is not a time of day", "say HH:MM from 00:00 to 23:59")
    return time(int(found[1]), int(found[2]))


def parse_times(text: str, field: str = "recurrence_config.time") -> tuple[time, ...]:
    """Read `03:00` or `03:00,15:30`; sorted, each once."""
    return tuple(sorted({parse_time(part, field) for part in text.split(",")}))


def format_times(times: tuple[time, ...]) -> str:
    return ",".join(f"{t:%H:%M}" for t in times)


def parse_daily(text: str) -> Daily:
    """Read `03:00` or `03:00,15:30`."""
    return Daily(parse_times(text))


def parse_weekly(text: str) -> Weekly:
    """Read `mon,thu@03:00`, `mon-fri@08:00,18:00`."""
    days_text, times_text = _at(text, "mon,thu@03:00")
    field = "recurrence_config.days_of_week"
    days: set[int] = set()
    for part in days_text.lower().split(","):
        first, dash, last = part.strip().partition("-")
        a, b = _weekday(first, field), _weekday(last, field) if dash else _weekday(first, field)
        # fri-mon goes over the weekend
        days.update((a + step) % 7 for step in range((b - a) % 7 + 1))
    return Weekly(tuple(sorted(days)), parse_times(times_text))


def _weekday(word: str, field: str) -> int:
    for number, name in enumerate(WEEKDAYS):
        # "mo" could be typed for Monday, "t" could be two days
        if len(word) >= 2 and _LONG_WEEKDAYS[number].startswith(word):
            return number
        if word == name:
            return number
    raise InvalidInput.of(field, f"{word!r} is not a day of the week", f"say {', '.join(WEEKDAYS)}")


_LONG_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def parse_monthly(text: str, short_month: ShortMonth = ShortMonth.SKIP) -> Monthly:
    """Read `1,15,last@03:00`: days 1 to 31 or `last`, at one or more times."""
    days_text, times_text = _at(text, "1,15,last@03:00")
    field = "recurrence_config.day_of_month"
    days: set[int | Literal["last"]] = set()
    for part in days_text.lower().split(","):
        word = part.strip()
        if word == "last":
            days.add("last")
        elif re.fullmatch(r"\d{1,2}", word, re.ASCII) and 1 <= int(word) <= 31:
            days.add(int(word))
        else:
            raise InvalidInput.of(field, f"{word!r} is not a day of the month", "say 1 to 31, or last")
    return Monthly(sort_days(days), parse_times(times_text), short_month)


def sort_days(days: set[int | Literal["last"]]) -> tuple[int | Literal["last"], ...]:
    """By number, `last` at the end."""
    return tuple(sorted(days, key=lambda day: 32 if day == "last" else day))


def _at(text: str, example: str) -> tuple[str, str]:
    days, at, times = text.partition("@")
    if not at or not days.strip() or not times.strip():
        raise InvalidInput.of("recurrence_config", f"{text!r} is not DAYS@TIME", f"say {example}")
    return days, times


def parse_overlap(text: str, field: str = "overlap") -> Overlap:
    """Read `skip` or `parallel:3`."""
    typed = text.strip().lower()
    if typed == "skip":
        return Overlap()
    kind, colon, limit = typed.partition(":")
    if kind == "parallel" and colon and re.fullmatch(r"\d{1,4}", limit, re.ASCII) and 2 <= int(limit) <= 1000:
        return Overlap(OverlapKind.PARALLEL, int(limit))
    raise InvalidInput.of(
        field, f"{text!r} is not an overlap rule", "say skip, or parallel:3 with a number from 2 to 1000"
    )


def format_overlap(overlap: Overlap) -> str:
    return "skip" if overlap.kind is OverlapKind.SKIP else f"parallel:{overlap.limit}"


def parse_shell(text: str, field: str = "command_payload.shell") -> Shell:
    try:
        return Shell(text)
    except ValueError as error:
        raise InvalidInput.of(
            field, f"{text!r} is not a shell that deployx knows", f"say one of {', '.join(POSIX_SHELLS)}"
        ) from error


def parse_run_as(text: str, field: str = "command_payload.run_as") -> RunAs:
    """`root`, which is reached by sudo, or `su:app` and `doas:root`. The name is looked at elsewhere."""
    how, colon, user = text.rpartition(":")
    if colon and how not in tuple(BecomeMethod):
        raise InvalidInput.of(
            field, f"{how!r} is no way to another account", "say USER, or sudo:USER, su:USER, doas:USER"
        )
    return RunAs(method=BecomeMethod(how) if colon else BecomeMethod.SUDO, user=user)


def format_run_as(run_as: RunAs) -> str:
    """What `parse_run_as` reads."""
    return run_as.user if run_as.method is BecomeMethod.SUDO else f"{run_as.method}:{run_as.user}"


def parse_umask(text: str, field: str = "command_payload.umask") -> int:
    """Three octal digits, a 0 before them or not."""
    if re.fullmatch("0?[0-7]{3}", text, re.ASCII) is None:
        raise InvalidInput.of(field, f"{text[:20]!r} is no umask", "give three octal digits, such as 027")
    return int(text, 8)


def format_umask(umask: int) -> str:
    return f"{umask:03o}"


def parse_mode(text: str, field: str = "mode") -> int:
    """Permission bits in octal: `644`, `0644`, `2755`."""
    if re.fullmatch("[0-7]{3,4}", text, re.ASCII) is None:
        raise InvalidInput.of(field, f"{text[:20]!r} is no file mode", "give three or four octal digits, such as 0644")
    return int(text, 8)


def format_mode(mode: int) -> str:
    return f"{mode:04o}"


def parse_success_codes(text: str, field: str = "command_payload.success_codes") -> frozenset[int]:
    """Read `0,3010`."""
    codes = set()
    for part in text.split(","):
        word = part.strip()
        if not re.fullmatch(r"\d{1,10}", word, re.ASCII):
            raise InvalidInput.of(field, f"{word!r} is not an exit code", "say numbers from 0 up, such as 0,3010")
        codes.add(int(word))
    return frozenset(codes)


def parse_assignment(text: str, field: str = "command_payload.environment") -> tuple[str, str]:
    """Read `NAME=VALUE`; the value is everything after the first `=`, and may be empty."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InvalidInput.of(field, f"{text!r} is not NAME=VALUE", "say LEVEL=debug")
    return name, value
