"""Keys of the artifacts, and of one of them."""

from __future__ import annotations

from deployx_tui.tui.keymap.key import Key

ARTIFACTS: tuple[Key, ...] = (
    Key("artifacts.open", "enter,z", "open_row", "versions", "All versions, and all that is known of one", footer=1),
    Key("artifacts.add", "n", "add", "add", "Add a file or a folder of this machine", footer=2),
    Key("artifacts.push", "x", "push", "push", "A new task that puts it on devices", footer=3),
    Key("artifacts.fold", "v", "fold", "older", "Show older versions too, or fold them", footer=4),
    Key("artifacts.filter", "slash", "filter", "filter", "Filter: words that the name holds", footer=5),
    Key("artifacts.software", "s", "software", "software", "Which version of which package is where", footer=5),
    Key("artifacts.delete", "ctrl+d", "delete", "delete", "Delete this version; not while a task needs it", footer=6),
    Key("artifacts.collect", "C", "collect", "collect", "Free what nothing needs; shows what it would be", footer=7),
)

ARTIFACT_PAGE: tuple[Key, ...] = (
    Key("artifact.newer", "left_square_bracket", "turn(-1)", "newer", "The next newer version"),
    Key(
        "artifact.older",
        "right_square_bracket",
        "turn(1)",
        "version",
        "The next older version",
        in_footer="[ ]",
        footer=1,
    ),
    Key("artifact.push", "x", "push", "push", "A new task that puts this version on devices", footer=2),
    Key("artifact.delete", "ctrl+d", "delete", "delete", "Delete this version; not while a task needs it", footer=3),
)

SOFTWARE: tuple[Key, ...] = (
    Key("software.behind", "exclamation_mark", "behind", "behind only", "Only what is behind the catalogue", footer=1),
    Key("software.filter", "slash", "filter", "filter", "Filter: words that the name holds", footer=2),
)
