"""One call of the command line: the global options, wherever they were typed, and what follows from them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from deployx_tui.errors import InvalidInput

if TYPE_CHECKING:
    from deployx_tui.config import Settings

#: the exit status of a call that was broken off
INTERRUPTED = 130

F = TypeVar("F", bound=Callable[..., Any])


class Invocation:
    """The global options of this call. Settings are read at the first look."""

    def __init__(self) -> None:
        #: settings that were typed as flags
        self.flags: dict[str, object] = {}
        self.config: Path | None = None
        self.json = False
        self.no_input = False
        self.quiet = False
        self.verbose = 0
        self.no_color = False
        #: the engine in this very process, instead of a process of its own
        self.in_process = False
        self._settings: Settings | None = None
        #: what was wrong with the settings: names of settings, not of a command's flags
        self.refused_settings: InvalidInput | None = None

    @property
    def settings(self) -> Settings:
        """Raises InvalidInput that names each setting that can't be read."""
        if self._settings is None:
            from deployx_tui import config

            try:
                self._settings = config.load(self.flags, file=self.config)
            except InvalidInput as error:
                self.refused_settings = error
                raise
        return self._settings

    @property
    def can_ask(self) -> bool:
        """A person sits there and may be asked."""
        return not self.no_input and not self.json and sys.stdin.isatty() and sys.stderr.isatty()


def invocation() -> Invocation:
    """That of the command that runs."""
    return click.get_current_context().ensure_object(Invocation)


def _store(attribute: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def keep(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
        if value:
            setattr(context.ensure_object(Invocation), attribute, value)

    return keep


def _store_flag(setting: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def keep(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
        if value is not None:
            context.ensure_object(Invocation).flags[setting] = value

    return keep


def global_options(*, hidden: bool) -> list[click.Option]:
    """Made anew for each command, so that they may stand before or after its name."""

    def option(*names: str, callback: Callable[..., None], **rest: Any) -> click.Option:
        return click.Option(list(names), callback=callback, expose_value=False, **rest)

    return [
        option(
            "--db",
            callback=_store_flag("db"),
            metavar="URL",
            hidden=hidden,
            help="sqlite:///PATH (or DEPLOYX_DB); default: the user's data folder.",
        ),
        option(
            "--connect",
            callback=_store_flag("connect"),
            metavar="URL",
            hidden=hidden,
            help="Be the client of the engine at unix:///SOCKET (or DEPLOYX_URL) instead of opening a database.",
        ),
        option(
            "--config",
            callback=_store("config"),
            metavar="FILE",
            type=click.Path(path_type=Path, dir_okay=False),
            hidden=hidden,
            help="Settings (or DEPLOYX_CONFIG); default: deployx.toml in the configuration folder.",
        ),
        option(
            "--json",
            callback=_store("json"),
            is_flag=True,
            help="One JSON document on standard output; JSON lines where it streams.",
        ),
        option("--no-input", callback=_store("no_input"), is_flag=True, hidden=hidden, help="Never ask."),
        option("-q", "--quiet", callback=_store("quiet"), is_flag=True, hidden=hidden, help="No notes."),
        option(
            "-v",
            "--verbose",
            callback=_store("verbose"),
            count=True,
            hidden=hidden,
            help="Name the database and the engine.",
        ),
        option(
            "--no-color", callback=_store("no_color"), is_flag=True, hidden=hidden, help="No colours (or NO_COLOR)."
        ),
    ]


class ExecutionNumber(click.ParamType[int]):
    """The id of an execution, written in the one way that ids are written; a sign # before it is taken."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> int:
        from deployx_tui.model.ids import id_of

        found = value if isinstance(value, int) else id_of(str(value).removeprefix("#"))
        if found is None:
            self.fail(f"{value!r} is no id of an execution; deployx execution list shows them", param, context)
        return found


class Command(click.Command):
    """A command that takes the global options too, and shows its example as it was written."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.example: str = kwargs.pop("example", "")
        super().__init__(*args, **kwargs)
        self.params += global_options(hidden=True)

    def invoke(self, context: click.Context) -> Any:
        """What is invalid is named as it was typed."""
        try:
            return super().invoke(context)
        except InvalidInput as error:
            if error is context.ensure_object(Invocation).refused_settings:
                raise
            from deployx_tui.cli.flags import in_flags

            raise in_flags(error, context) from error

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples that run: a test runs each of them."""
        _put_example(self.example, formatter)
        super().format_epilog(context, formatter)


def _put_example(example: str, formatter: click.HelpFormatter) -> None:
    if example:
        with formatter.section("Example"):
            for line in example.strip().splitlines():
                formatter.write_text(line.strip())


class Group(click.Group):
    """A noun with its verbs."""

    command_class = Command
    #: the root alone shows the global options in its help
    hides_globals = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += global_options(hidden=self.hides_globals)

    @property
    def example(self) -> str:
        """That of its list, which is what a stranger tries first; else that of its first verb."""
        first = self.commands.get("list") or next(iter(self.commands.values()), None)
        return first.example if isinstance(first, Command) else ""

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        _put_example(self.example, formatter)
        super().format_epilog(context, formatter)
