"""Every key: its id (people rebind by it), its default, its word in the footer, and what it does in a sentence.

Bindings, the footer, `?` and the palette are made from here; a screen only has the action. Never `ctrl+a` or
`ctrl+b` (tmux, screen), never `alt` or `ctrl+enter` (lost over SSH).
"""

from __future__ import annotations

from deployx_tui.tui.keymap.artifacts import ARTIFACT_PAGE, ARTIFACTS, SOFTWARE
from deployx_tui.tui.keymap.calendar import CALENDAR
from deployx_tui.tui.keymap.devices import CONNECTION_TEST, CREDENTIALS, DEVICE_EDITOR, DEVICES, IMPORT
from deployx_tui.tui.keymap.everywhere import EVERYWHERE, TABLE
from deployx_tui.tui.keymap.fields import CHOOSE, FIELDS, TOGGLE
from deployx_tui.tui.keymap.key import Key, bindings, while_typing
from deployx_tui.tui.keymap.runs import EXECUTION, HISTORY
from deployx_tui.tui.keymap.tasks import EDITOR, TASK_PAGE, TASKS

__all__ = [
    "ARTIFACTS", "ARTIFACT_PAGE", "CALENDAR", "CHOOSE", "CONNECTION_TEST", "CREDENTIALS", "DEVICES",
    "DEVICE_EDITOR", "EDITOR", "EVERYWHERE", "EXECUTION", "FIELDS", "HISTORY", "IMPORT", "PLACES", "SOFTWARE", "TABLE",
    "TASKS", "TASK_PAGE", "TITLES", "TOGGLE", "Key", "bindings", "while_typing",
]  # fmt: skip

#: the keys of each place, by what it calls itself
PLACES: dict[str, tuple[Key, ...]] = {
    "calendar": CALENDAR,
    "": (),
    "devices": DEVICES,
    "connection_test": CONNECTION_TEST,
    "device_editor": DEVICE_EDITOR,
    "credentials": CREDENTIALS,
    "import": IMPORT,
    "artifacts": ARTIFACTS,
    "artifact_page": ARTIFACT_PAGE,
    "software": SOFTWARE,
    "history": HISTORY,
    "execution": EXECUTION,
    "tasks": TASKS,
    "task_page": TASK_PAGE,
    "editor": EDITOR,
}

#: what each place is called where its keys are told
TITLES: dict[str, str] = {
    "tasks": "Tasks",
    "task_page": "One task",
    "editor": "The editor of a task",
    "history": "History",
    "execution": "One execution",
    "devices": "Devices",
    "connection_test": "The connection test",
    "device_editor": "The editor of a device, a group or a credential",
    "credentials": "Credentials",
    "import": "Taking hosts over",
    "calendar": "Calendar",
    "artifacts": "Artifacts",
    "artifact_page": "One artifact",
    "software": "Software on devices",
}
