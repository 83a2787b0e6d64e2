"""`deployx completion`: the shell's side of completion, and names out of the database for it."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem, FishComplete, ShellComplete, ZshComplete

from deployx_tui.cli.bash_completion import SafeBashComplete
from deployx_tui.cli.invocation import Command, Invocation
from deployx_tui.errors import DeployxError

#: more than these help nobody who presses tab
LIMIT = 200

_SHELLS: dict[str, type[ShellComplete]] = {"bash": SafeBashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command(cls=Command, example="deployx completion bash")
@click.argument("shell", type=click.Choice(sorted(_SHELLS)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what a shell needs to complete deployx: eval "$(deployx completion bash)" in its start file."""
    kind = _SHELLS[shell]
    click.echo(kind(context.find_root().command, {}, "deployx", "_DEPLOYX_COMPLETE").source())


class Name(click.ParamType[str]):
    """A name of something in the database, completed out of it. Any text passes: ids and new names too."""

    name = "name"

    def __init__(self, noun: str) -> None:
        #: "artifact", "device", "group", "credential", "package", "task" or "selector"
        self.noun = noun

    def shell_complete(self, context: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Names that begin so. Without a database that can be read there is nothing to complete."""
        head, sign, word = _split(incomplete) if self.noun == "selector" else ("", "", incomplete)
        try:
            names = _names(context.ensure_object(Invocation), self.noun, sign)
        except (DeployxError, OSError):
            return []  # a message would stand in the middle of the line that is being typed
        return [CompletionItem(f"{head}{sign}{name}") for name in names if name.startswith(word)][:LIMIT]


def _split(selector: str) -> tuple[str, str, str]:
    """What stands, the sign of the last term, and the word that is being typed."""
    cut = max(selector.rfind(","), selector.rfind("&"), selector.rfind("!")) + 1
    head, last = selector[:cut], selector[cut:]
    return (head, "@", last[1:]) if last.startswith("@") else (head, "", last)


def _names(call: Invocation, noun: str, sign: str) -> list[str]:
    from deployx_tui.cli.backend import with_backend
    from deployx_tui.service.backend import Backend

    async def read(backend: Backend) -> list[str]:
        from deployx_tui.cli.reading import all_devices, all_groups
        from deployx_tui.model.task import TaskQuery, TaskSort

        match noun:
            case "device":
                return [one.name for one in await all_devices(backend)]
            case "group":
                return [one.name for one in (await all_groups(backend)).values()]
            case "credential":
                return [one.name for one in (await backend.credentials.list()).items]
            case "package":
                return [one.name for one in (await backend.packages.list()).items]
            case "artifact":
                return [*{one.name for one in (await backend.artifacts.list(limit=1000)).items}]
            case "task":
                page = await backend.tasks.list(TaskQuery(sort=TaskSort.NAME, limit=1000))
                return [one.name for one in page.items]
            case _:
                groups = [one.name for one in (await all_groups(backend)).values()]
                return groups if sign == "@" else [one.name for one in await all_devices(backend)] + groups

    return sorted(with_backend(call, read, engine=False, tells=False))
