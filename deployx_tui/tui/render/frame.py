"""Lines of the frame: header, footer, running strip. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from deployx_tui.model.execution import Execution, ExecutionStatus
from deployx_tui.tui.keymap import Key
from deployx_tui.tui.render.line import Line, Span, line, span, spread, width_of
from deployx_tui.tui.render.progress import bar, over_count
from deployx_tui.tui.render.safe import cells, fit, show
from deployx_tui.tui.render.when import clock, uptime_words
from deployx_tui.tui.standing import Link, Standing

#: below this width tabs show their keys only
WIDE = 100
#: cells of a run's name in the strip
_NAME = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """A screen of the tab bar. Those that are not built are not there."""

    key: str
    id: str
    title: str


def header_line(
    tabs: Sequence[Tab],
    here: str,
    connection: str,
    standing: Standing,
    uptime: timedelta | None,
    now: datetime,
    zone: tzinfo,
    width: int,
) -> Line:
    parts: list[Span] = [span(" deployx ", "bold")]
    for tab in tabs:
        if tab.id == here:
            parts.append(span(f"[{tab.key} {tab.title}] ", "key"))
        elif width >= WIDE:
            parts.extend((span(f"{tab.key} ", "key"), span(f"{tab.title} ")))
        else:
            parts.append(span(f"{tab.key} ", "key"))
    name = connection if width >= WIDE else _short(connection)
    right: list[Span] = [span(f"{name} ")]
    match standing.link:
        case Link.STARTING:
            right.append(span("○ starting engine", "warn"))
        case Link.UP:
            word = "engine up" if width >= WIDE else "up"
            right.extend((span("● ", "good"), span(f"{word} {uptime_words(uptime)}")))
        case Link.LOST:
            since = clock(standing.lost_at, zone) if standing.lost_at else ""
            right.append(span(f"✗ engine lost {since}", "bad"))
    right.append(span(f"  {clock(now, zone)} {now.astimezone(zone):%Z} "))
    return spread(tuple(parts), tuple(right), width)


def _short(connection: str) -> str:
    return connection.partition("://")[2] or connection


def footer_line(keys: Sequence[Key], width: int) -> Line:
    """Keys from the left until the room is used; those at the right end stay."""
    right: list[Span] = []
    for key in (k for k in keys if (k.footer or 0) >= 90):
        right.extend((span(f" {key.display} ", "key"), span(f"{key.word} ")))
    room = width - sum(len(part.text) for part in right)
    left: list[Span] = [span(" ")]
    used = 1
    for key in (k for k in keys if k.footer is not None and k.footer < 90):
        pair = (span(f"{key.in_footer or key.display} ", "key"), span(f"{key.word}  "))
        size = width_of(pair)
        if used + size > room:
            break
        left.extend(pair)
        used += size
    return spread(tuple(left), tuple(right), width)


def strip_line(running: Sequence[Execution], standing: Standing, zone: tzinfo, out: str, width: int) -> Line:
    """What runs now at the left; F9 while something does, and the way out, at the right."""
    if standing.link is Link.LOST:
        since = clock(standing.lost_at, zone, seconds=True) if standing.lost_at else ""
        # what can be done comes first: at 80 columns the rest is cut
        words = f" ✗ engine lost {since}: {standing.why or 'trying again'}; this screen is of then"
        way = line("  ", span("Q ", "key"), "quit ")
        return (Span(fit(show(words), width - width_of(way)), "alarm"), *way)
    right: list[Span] = []
    if running:
        right.extend((span("F9 ", "key"), span("stop all  ")))
    if out:
        key, _, word = out.partition(" ")
        right.extend((span(f"{key} ", "key"), span(f"{word} ")))
    room = width - width_of(tuple(right))
    left: list[Span] = [span(" ")]
    if standing.link is Link.STARTING:
        left.append(span("starting the engine: it opens the database and looks what was left running", "dim"))
    elif not running:
        left.append(span("nothing runs", "dim"))
    used = width_of(tuple(left))
    for index, execution in enumerate(running):
        piece = _piece(execution, with_name=width >= WIDE)
        rest = len(running) - index
        more = span(f"and {rest} more", "dim")
        # the last piece may use the room that "and N more" would take
        needed = width_of(piece) + (0 if rest == 1 else len(more.text))
        if used + needed > room:
            left.append(more)
            break
        left.extend(piece)
        used += width_of(piece)
    return spread(tuple(left), tuple(right), width)


def _piece(execution: Execution, *, with_name: bool) -> Line:
    whole = show(execution.task_name)
    name = f" {fit(whole, min(cells(whole), _NAME))}" if with_name else ""
    done, total = over_count(execution.targets), execution.targets.total
    match execution.status:
        case ExecutionStatus.RUNNING:
            return line(
                span("▸ ", "run"), f"#{execution.id}{name} {done}/{total} ", span(bar(done, total, 8), "run"), "   "
            )
        case ExecutionStatus.AWAITING_APPROVAL:
            return line(span("◇ ", "warn"), f"#{execution.id}{name} approval   ")
        case _:
            reason = execution.wait_reason or execution.status.value
            return line(span("· ", "dim"), f"#{execution.id}{name} {reason}   ")
