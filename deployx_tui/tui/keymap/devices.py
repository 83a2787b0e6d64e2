"""Keys of devices and groups, their editors, the connection test and the import."""

from __future__ import annotations

from deployx_tui.tui.keymap.key import Key

DEVICES: tuple[Key, ...] = (
    Key("devices.pane", "tab", "pane", "groups", "To groups and tags, and back", footer=1),
    Key(
        "devices.zoom",
        "z",
        "zoom",
        "detail",
        "All that is known of the device, over the whole screen, and back",
        footer=9,
    ),
    Key("devices.test", "t", "test", "test", "Test the connection, step by step", footer=2),
    Key("devices.host_key", "H", "host_key", "host key", "Look at the host key that was refused", footer=3),
    Key("devices.run", "x", "ad_hoc", "run once", "A command on the marks, without a task", footer=4),
    Key("devices.edit", "e", "edit", "edit", "Edit the device, or the group in the left pane", footer=5),
    Key("devices.new", "n", "new", "new", "A new device; in the left pane a new group", footer=6),
    Key("devices.new_group", "N", "new_group", "new group", "A new group of the marks"),
    Key("devices.import", "I", "import", "import", "Take over hosts of ~/.ssh/config or another file", footer=7),
    Key("devices.credentials", "c", "credentials", "credentials", "Keys and passwords in the vault", footer=8),
    Key("devices.filter", "slash", "filter", "filter", "Filter: words over all columns, !word", footer=9),
    Key("devices.delete", "ctrl+d", "delete", "delete", "Delete; u takes it back", footer=10),
)

CONNECTION_TEST: tuple[Key, ...] = (
    Key("test.again", "t", "again", "test again", "Test once more, from the first step", footer=1),
    Key("test.decide", "H", "decide", "decide", "Trust the offered host key, or refuse it", footer=2),
)

DEVICE_EDITOR: tuple[Key, ...] = (
    Key("device.next", "tab,down", "next_field", "next", "The next field", footer=1),
    Key("device.before", "shift+tab,up", "before_field", "before", "The field before", footer=3),
    Key("device.save", "ctrl+s", "save", "save", "Save", footer=2, always=True),
)

CREDENTIALS: tuple[Key, ...] = (
    Key("credentials.test", "t", "test", "test", "Whether its secret opens, and what it is", footer=1),
    Key("credentials.rotate", "r", "rotate", "rotate", "Put another secret in", footer=2),
    Key("credentials.edit", "e", "edit", "edit", "Its name, user and groups", footer=3),
    Key("credentials.new", "n", "new", "new", "Keep another secret", footer=4),
    Key("credentials.erase", "ctrl+d", "erase", "erase", "Erase it for ever, with its secret", footer=5),
)

IMPORT: tuple[Key, ...] = (
    Key("import.take", "enter", "take", "take over", "Make devices of the marked hosts", footer=1),
    Key("import.mark", "space", "", "mark", "Mark the host", footer=2),
    Key("import.all", "a", "all", "all", "Mark all new hosts, or none", footer=3),
    Key("import.file", "o", "file", "another file", "Hosts of another file: Ansible, CSV, OpenSSH", footer=4),
)
