"""Instants to come as lines, with what a clock change does to them. Pure."""

from __future__ import annotations

from datetime import datetime, tzinfo

from deployx_tui.model.schedule import ClockNote, Fire
from deployx_tui.tui.render.line import Line, line, span
from deployx_tui.tui.render.when import day_and_clock, short

_NOTES = {
    ClockNote.SHIFTED: "the clock skips it: runs after",
    ClockNote.REPEATED: "this hour comes twice",
}


def fire_line(fire: Fire, now: datetime, zone: tzinfo, *, zone_word: bool = False) -> Line:
    """`Tue  3 Mar 15:30   in 29m`, `Sun 29 Mar 03:00 CEST  ! the clock skips it: runs after`."""
    at = day_and_clock(fire.at, zone)
    word = f" {fire.at.astimezone(zone):%Z}".ljust(6) if zone_word else " "
    if fire.note is not None:
        return line(f"{at}{word} ", span("! ", "warn"), span(_NOTES[fire.note], "warn"))
    return line(f"{at}{word}   ", span(f"in {short(fire.at - now)}", "dim"))
