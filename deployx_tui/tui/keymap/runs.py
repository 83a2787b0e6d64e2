"""Keys of the history and of one run."""

from __future__ import annotations

from deployx_tui.tui.keymap.key import Key

#: of a run, in the history and on its own screen
RUN: tuple[Key, ...] = (
    Key("run.rerun", "r", "rerun", "rerun failed", "Run again where it failed, was lost or never started", footer=20),
    Key(
        "run.cancel",
        "K",
        "cancel_run",
        "cancel",
        "Cancel: waiting targets never start, running ones are killed",
        footer=21,
    ),
    Key(
        "run.rollback",
        "B",
        "rollback",
        "roll back",
        "Restore what it changed, on the targets where it changed something",
        footer=22,
    ),
    Key("run.export", "E", "export", "export", "Write the run and all its output to a file", footer=23),
)

EXECUTION: tuple[Key, ...] = (
    Key("execution.open", "enter,z", "zoom", "full log", "The output alone, over the whole screen, and back", footer=1),
    Key("execution.pane", "tab", "pane", "pane", "To the next pane; on a narrow screen the next page", footer=2),
    Key("execution.follow", "f", "follow", "follow", "Follow the output's end, or stand still", footer=3),
    Key("execution.wrap", "w", "wrap", "wrap", "Wrap long lines, or cut them at the edge", footer=4),
    Key("execution.stamps", "T", "stamps", "times", "Show or hide when each line arrived", footer=8),
    Key("execution.groups", "o", "groups", "groups", "Targets by equal output, and back", footer=5),
    Key("execution.good", "v", "good", "show ✓", "Show the good targets one by one, or fold them", footer=6),
    Key("execution.find", "slash", "find", "find", "Find words in the output; n and N go on", footer=7),
    Key("execution.line", "number_sign", "find_line", "line", "Go to a line of the output by its number"),
    Key("execution.next", "n", "find_next(1)", "next", "The next line that holds the words"),
    Key("execution.before", "N", "find_next(-1)", "before", "The line before that holds the words"),
    *RUN,
)

HISTORY: tuple[Key, ...] = (
    Key("history.open", "enter", "open_run", "open", "The targets and the output; a fold opens", footer=1),
    Key("history.fold", "v", "fold", "show good", "Show each good run, or fold them", footer=3),
    Key(
        "history.failures",
        "exclamation_mark",
        "failures",
        "failures only",
        "Only what was not good, and back",
        footer=4,
    ),
    Key("history.filter", "slash", "filter", "filter", "Filter: words, status:failed, on:web01", footer=5),
    *RUN,
)
