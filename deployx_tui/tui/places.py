"""The screens that there are, with the number keys of the design. What is not built is not here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from deployx_tui.tui.render.frame import Tab

if TYPE_CHECKING:
    from deployx_tui.tui.screens.place import Place


def _tasks() -> Place:
    from deployx_tui.tui.screens.tasks import TasksPlace  # noqa: PLC0415 - a screen is loaded when it is opened

    return TasksPlace()


def _history() -> Place:
    from deployx_tui.tui.screens.history import HistoryPlace  # noqa: PLC0415 - as above

    return HistoryPlace()


def _calendar() -> Place:
    from deployx_tui.tui.screens.calendar import CalendarPlace  # noqa: PLC0415 - as above

    return CalendarPlace()


def _devices() -> Place:
    from deployx_tui.tui.screens.devices import DevicesPlace  # noqa: PLC0415 - as above

    return DevicesPlace()


def _artifacts() -> Place:
    from deployx_tui.tui.screens.artifacts import ArtifactsPlace  # noqa: PLC0415 - as above

    return ArtifactsPlace()


#: tab and how its screen is made, in the order of the bar
TABS: tuple[tuple[Tab, Callable[[], Place]], ...] = (
    (Tab(key="2", id="tasks", title="Tasks"), _tasks),
    (Tab(key="3", id="calendar", title="Calendar"), _calendar),
    (Tab(key="4", id="history", title="History"), _history),
    (Tab(key="5", id="devices", title="Devices"), _devices),
    (Tab(key="6", id="artifacts", title="Artifacts"), _artifacts),
)
