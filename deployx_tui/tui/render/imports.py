"""An import's hosts as rows, and what stands beside them. Pure."""

from __future__ import annotations

from pathlib import PurePath

from deployx_tui.model.importing import HostStanding, ImportPlan, PlannedHost
from deployx_tui.model.words import counted, first_of
from deployx_tui.tui.render.line import Line, span
from deployx_tui.tui.render.words import said
from deployx_tui.tui.widgets.columns import Column


def _state(host: PlannedHost) -> Line:
    match host.standing:
        case HostStanding.KNOWN:
            return (span("is a device already", "dim"),)
        case HostStanding.REFUSED:
            return (span("! not possible", "warn"),)
        case HostStanding.NEW:
            return (span("! not all of it", "warn"),) if host.left_out else ()


def _key(host: PlannedHost) -> str:
    key_file = (host.said or host.draft).key_file
    return PurePath(key_file).name if key_file else ""


COLUMNS: tuple[Column[PlannedHost], ...] = (
    Column(
        key="name", title="HOST", width=16, flex=2, identity=True,
        cell=lambda host: (span(host.name, "" if host.is_new else "dim"),),
    ),
    Column(
        key="address", title="ADDRESS", width=16, flex=2, identity=True,
        cell=lambda host: (span(host.draft.address),),
    ),
    Column(key="port", title="PORT", width=5, cell=lambda host: (span(str(host.draft.port or "")),), align=">"),
    Column(key="user", title="USER", width=10, flex=1, cell=lambda host: (span((host.said or host.draft).user or ""),)),
    Column(key="key", title="KEY FILE", width=12, flex=1, priority=1, cell=lambda host: (span(_key(host)),)),
    Column(key="jump", title="JUMP", width=12, flex=1, priority=2, cell=lambda host: (span(host.jump or ""),)),
    Column(
        key="groups", title="GROUPS", width=14, flex=1, priority=2,
        cell=lambda host: (span(", ".join(host.groups)),),
    ),
    Column(key="state", title="", width=19, cell=_state),
)  # fmt: skip


def notes(plan: ImportPlan, host: PlannedHost | None, width: int) -> tuple[Line, ...]:
    """What is left out of the host with the cursor, and of the file."""
    rows: list[Line] = []
    if host is not None and host.why:
        rows += said(" ✗", "bad", f"{host.name}: {host.why}", width)
    for each in (*(() if host is None else host.left_out), *plan.left_out):
        rows += said(" !", "warn", f"{each.what}: {each.why}", width)
    if new := [group.name for group in plan.groups if group.is_new]:
        rows += said("  ", "", f"new groups, of all: {first_of(new)}", width)
    if plan.ignored:
        names = first_of([name for name, _ in plan.ignored], 5)
        rows += said("  ", "", f"{counted(len(plan.ignored), 'variable')} without a meaning here: {names}", width)
    return tuple(rows)
