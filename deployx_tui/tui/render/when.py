"""Instants and durations as people read them, in a given zone. Pure; `now` comes in."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo


def clock(at: datetime, zone: tzinfo, *, seconds: bool = False) -> str:
    """15:00, 15:00:42."""
    return f"{at.astimezone(zone):{'%H:%M:%S' if seconds else '%H:%M'}}"


def day(at: datetime, zone: tzinfo) -> str:
    """`Tue  3 Mar`, always ten cells."""
    local = at.astimezone(zone)
    return f"{local:%a} {local.day:2d} {local:%b}"


def day_and_clock(at: datetime, zone: tzinfo, *, seconds: bool = False) -> str:
    """`Tue  3 Mar 15:30`."""
    return f"{day(at, zone)} {clock(at, zone, seconds=seconds)}"


def short(span: timedelta) -> str:
    """Two units at most, no spaces: 42s, 14m, 9h59m, 3d04h, 21d. Minutes are cut, not rounded."""
    total = max(0, int(span.total_seconds()))
    if total < 60:
        return f"{total}s"
    minutes, hours, days = total // 60, total // 3600, total // 86400
    if minutes < 60:
        return f"{minutes}m"
    if hours < 24:
        rest = minutes - hours * 60
        return f"{hours}h{rest:02d}m" if rest else f"{hours}h"
    if days < 7:
        rest = hours - days * 24
        return f"{days}d{rest:02d}h" if rest else f"{days}d"
    return f"{days}d"


def uptime_words(span: timedelta | None) -> str:
    """3d04h; under a minute "now"."""
    if span is None:
        return ""
    return "now" if span < timedelta(minutes=1) else short(span)


def ahead(at: datetime, now: datetime, zone: tzinfo) -> str:
    """When something comes: `in 29m` within a day, `Sat 22:00` within six, `Tue 10 Mar`, `10 Mar 2027`."""
    left = at - now
    if left <= timedelta(0):
        return "now"
    if left < timedelta(minutes=1):
        return f"in {short(left)}"
    if left < timedelta(hours=24):
        return f"in {short(left)}"
    local = at.astimezone(zone)
    if left < timedelta(days=6):
        return f"{local:%a} {local:%H:%M}"
    if left < timedelta(days=300):
        return f"{local:%a} {local.day} {local:%b}"
    return f"{local.day} {local:%b} {local:%Y}"


def ago(at: datetime, now: datetime) -> str:
    """`12h ago`: the bigger unit alone is enough for what is past."""
    total = int((now - at).total_seconds())
    if total < 60:
        return "just now"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if total >= size:
            return f"{total // size}{unit} ago"
    return "just now"


def took(span: timedelta) -> str:
    """How long something took: 0.4s, 3.1s, 48s, 4m31s, 2h05m."""
    seconds = span.total_seconds()
    if seconds < 10:
        return f"{seconds:.1f}s"
    if seconds < 60:
        return f"{seconds:.0f}s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m"
