"""What can be typed in the palette. Pure: text in, a command or what is wrong with it out."""

from __future__ import annotations

from dataclasses import dataclass

TASK_VERBS = ("run", "check", "pause", "resume", "edit", "duplicate", "rm", "show")


@dataclass(frozen=True, slots=True)
class GoTo:
    """`tasks`, `tasks /web`: a screen of the tab bar, filtered."""

    tab: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class OnTask:
    """`task run 12`, `task pause web-disk-check`."""

    verb: str
    task: str


@dataclass(frozen=True, slots=True)
class RunAdHoc:
    """`run @web -- uptime`."""

    selector: str
    command: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """It begins like a command and is none yet: what is missing."""

    message: str


Command = GoTo | OnTask | RunAdHoc | Wrong


def parse_command(text: str, tabs: tuple[str, ...]) -> Command | None:
    """None: it is no command, only words to look for among the actions."""
    text = text.strip().removeprefix(":").strip()
    head, _, rest = text.partition(" ")
    rest = rest.strip()
    if head == "task" and rest:
        verb, _, name = rest.partition(" ")
        if verb not in TASK_VERBS:
            return Wrong(f"task {' '.join(TASK_VERBS)}: one of these, then a name or id")
        if not name.strip():
            return Wrong(f"task {verb} wants a name or id, such as task {verb} 12")
        return OnTask(verb, name.strip())
    if head == "run" and rest:
        selector, dashes, command = rest.partition("--")
        if not dashes or not command.strip() or not selector.strip():
            return Wrong("run @web -- uptime: a selector, two dashes, a command")
        return RunAdHoc(selector.strip(), command.strip())
    if head in tabs:
        if not rest:
            return GoTo(head)
        if rest.startswith("/"):
            return GoTo(head, rest[1:])
        return Wrong(f"{head} /words filters: begin with a slash")
    return None
