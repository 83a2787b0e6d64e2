"""What saving would mean: the editor's right side. Pure."""

from __future__ import annotations

from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from deployx_tui.model.files import FilePayload
from deployx_tui.model.payload import CommandPayload, Commands, Reboot
from deployx_tui.model.payloads import NO_STOCK, Payload, Stock
from deployx_tui.model.task import TaskDraft, TaskPreview
from deployx_tui.tui.render.fires import fire_line
from deployx_tui.tui.render.line import BLANK, Line, line, span, spread
from deployx_tui.tui.render.names import in_room
from deployx_tui.tui.render.parameters import declared_line
from deployx_tui.tui.render.payload import disconnected_words, exact_heading, manner, payload_kind, payload_text
from deployx_tui.tui.render.words import folded_values, said


def preview_lines(
    draft: TaskDraft,
    preview: TaskPreview,
    now: datetime,
    zone: tzinfo,
    width: int,
    *,
    schedule_is_read: bool,
    targets_are_read: bool,
) -> tuple[Line, ...]:
    """Next ten runs, targets, warnings, the exact command. What has an error in it is not told as if it had none."""
    blocks = (
        _fires(draft, preview, now, zone, width, schedule_is_read),
        _targets(draft, preview, width, targets_are_read),
        _exact(draft.payload, preview.stock, width),
    )
    rows: list[Line] = []
    for block in blocks:
        rows.extend((*block, BLANK))
    return tuple((span(" "), *row) for row in rows[:-1])


def _fires(
    draft: TaskDraft, preview: TaskPreview, now: datetime, zone: tzinfo, width: int, schedule_is_read: bool
) -> tuple[Line, ...]:
    own = ZoneInfo(draft.schedule.zone)
    rows: list[Line] = [spread(line(span("NEXT TEN RUNS", "head")), line(span(draft.schedule.zone, "dim")), width)]
    if not schedule_is_read:
        rows.append(line(span("mend the schedule to see them", "dim")))
    elif not preview.fires:
        rows.append(line(span("! ", "warn"), "no instant is left: it would never run by itself"))
    else:
        rows.extend(fire_line(fire, now, own, zone_word=True) for fire in preview.fires[:10])
        if str(zone) != draft.schedule.zone:
            first = preview.fires[0].at.astimezone(zone)
            rows.append(line(span(f"the first is {first:%a %H:%M} in your zone, {zone}", "dim")))
    return tuple(rows)


def _targets(draft: TaskDraft, preview: TaskPreview, width: int, targets_are_read: bool) -> tuple[Line, ...]:
    if not targets_are_read:
        words = "mend the targets to see them" if draft.selector else "none yet"
        return (line(span("TARGETS", "head")), line(span(words, "dim")))
    count = len(preview.targets)
    rows: list[Line] = [spread(line(span("TARGETS", "head")), line(span(f"{count}, resolved now", "dim")), width)]
    by_term: dict[str, list[str]] = {}
    for _, name, why in preview.targets:
        by_term.setdefault(why, []).append(name)
    for term, names in list(by_term.items())[:6]:
        rows.append(line(f"{len(names):4d}  {term:14.14} ", span(in_room(names, width - 21), "dim")))
    if len(by_term) > 6:
        rows.append(line(span(f"      and {len(by_term) - 6} more terms", "dim")))
    if not count:
        rows.append(line(span("none yet", "dim")))
    for warning in preview.warnings:
        rows.extend(said("!", "warn", warning, width))
    return tuple(rows)


def _exact(payload: Payload, stock: Stock, width: int) -> tuple[Line, ...]:
    """What happens on each target."""
    # how many files there are stands in the heading already
    kind = "" if isinstance(payload, FilePayload) else payload_kind(payload)
    heading = spread(line(span(exact_heading(payload), "head")), line(span(kind, "dim")), width)
    rows = _of_command(payload, width) if isinstance(payload, CommandPayload) else _of_others(payload, stock, width)
    return (heading, *rows)


def _of_others(payload: Payload, stock: Stock, width: int) -> tuple[Line, ...]:
    found = manner(payload)
    size = max((len(name) for name, _ in found), default=0)
    return (
        *payload_text(payload, stock, width),
        *folded_values((line(span(f"{name:{size}} ", "dim"), value) for name, value in found), width),
        *(line(span("gives ", "dim"), *declared_line(each)) for each in payload.parameters),
    )


def _of_command(payload: CommandPayload, width: int) -> tuple[Line, ...]:
    rows: list[Line] = []
    if isinstance(payload.body, Commands):
        stops = payload.body.stop_on_failure
        rows.append(line("the first failure ends a target" if stops else "a failure does not end a target"))
    if payload.durable:
        rows.append(line(span("disconnected ", "dim"), disconnected_words(payload)))
    if payload.reboot is Reboot.EXPECTED:
        rows.append(line("the first command restarts the target; the rest waits for that"))
    rows.extend(line(span(f"{name:6}", "dim"), value) for name, value in manner(payload))
    if payload.working_directory:
        rows.append(line(span("in   ", "dim"), payload.working_directory))
    rows.extend(line(span("with ", "dim"), f"{name}={value}") for name, value in payload.environment)
    rows.extend(line(span("gives ", "dim"), *declared_line(each)) for each in payload.parameters)
    rows.extend(payload_text(payload, NO_STOCK, width))
    if payload.success_codes != frozenset({0}):
        rows.append(
            line(span("ok   ", "dim"), "exit " + ", ".join(str(code) for code in sorted(payload.success_codes)))
        )
    return tuple(rows)
