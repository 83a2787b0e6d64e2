"""A task and its instants as text, for the command line."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from deployx_tui.cli import printing
from deployx_tui.cli.parameters import put_declared
from deployx_tui.model.words import counted

if TYPE_CHECKING:
    from deployx_tui.model.payloads import Payload, Stock
    from deployx_tui.model.schedule import Fire, Schedule
    from deployx_tui.model.task import Task


def put_task(one: Task) -> None:
    from deployx_tui.model.parse import format_duration, format_overlap
    from deployx_tui.tui.render.schedule import downtime_words, schedule_words

    draft = one.draft
    printing.put_facts(
        [
            ("task", f"{one.name} ({one.id}), version {one.version}"),
            ("state", one.state.value),
            ("owner", one.owner),
            ("schedule", f"{schedule_words(draft.schedule)} ({draft.schedule.zone})"),
            ("next", at_words(one.next_execution, draft.schedule)),
            ("on", f"{draft.selector or 'chosen devices and groups'}: {counted(one.target_count, 'device')} now"),
            ("overlap", format_overlap(draft.overlap)),
            ("downtime", downtime_words(draft.grace)),
            ("timeout", "none" if draft.timeout is None else format_duration(draft.timeout)),
            ("tags", ", ".join(sorted(draft.tags)) or "-"),
            ("description", draft.description or "-"),
        ]
    )
    put_payload(draft.payload, one.stock)


def put_payload(payload: Payload, stock: Stock) -> None:
    """What happens on each target, line by line."""
    from deployx_tui.model.payload import CommandPayload
    from deployx_tui.tui.render.payload import disconnected_words, payload_kind, what_lines

    put_manner(payload)
    if isinstance(payload, CommandPayload):
        printing.put_line(f"disconnected: {disconnected_words(payload)}")
        place = f" in {payload.working_directory}" if payload.working_directory is not None else ""
        printing.put_line(f"runs with {payload.shell.value}{place}:")
        for name, value in payload.environment:
            printing.put_line(f"    {name}={value}")
    else:
        printing.put_line(f"{payload_kind(payload)}:")
    for line in what_lines(payload, stock):
        printing.put_line(f"    {line}")
    put_declared(payload.parameters)


def put_manner(payload: Payload) -> None:
    """As whom and how, where that is not the account that logs in and its own way."""
    from deployx_tui.tui.render.payload import manner

    for name, value in manner(payload):
        printing.put_line(f"{name}: {value}")


def put_fires(schedule: Schedule, fires: Iterable[Fire]) -> None:
    from deployx_tui.model.schedule import ClockNote

    notes = {
        ClockNote.SHIFTED: "the clocks skip the time: runs right after the change",
        ClockNote.REPEATED: "the clocks show this time twice",
        None: "",
    }
    rows = ((f"{local(fire.at, schedule):%a}", at_words(fire.at, schedule), notes[fire.note]) for fire in fires)
    printing.put_table(("DAY", "NEXT RUNS", ""), rows, empty="no run is left")


def at_words(at: datetime | None, schedule: Schedule) -> str:
    """In the task's own zone."""
    from deployx_tui.model.parse import zone_of

    return printing.instant(at, zone_of(schedule.zone))


def local(at: datetime, schedule: Schedule) -> datetime:
    from deployx_tui.model.parse import zone_of

    return at.astimezone(zone_of(schedule.zone))
