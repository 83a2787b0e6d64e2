"""`deployx`: the root of the command line, and how an error becomes an exit status.

0 done; 1 it ran and something failed on a target; 2 wrong usage or invalid input; 3 not found; 4 not permitted;
5 engine, server or database out of reach or of another version; 6 an outcome is unknown; 130 interrupted.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import sys
from collections.abc import Sequence

import click

from deployx_tui import __version__
from deployx_tui.cli import printing
from deployx_tui.cli.invocation import INTERRUPTED, Group, invocation
from deployx_tui.cli.printing import say as tell
from deployx_tui.errors import DeployxError, InvalidInput

#: name: (module, attribute, one line of help). Modules are imported when their command is called, or its help
COMMANDS: dict[str, tuple[str, str, str]] = {
    "config": ("deployx_tui.cli.config", "config", "Settings, and where each came from."),
    "completion": ("deployx_tui.cli.completion", "completion", "Completion for bash, zsh or fish."),
    "doctor": ("deployx_tui.cli.doctor", "doctor", "Check this machine: settings, permissions, keys, clock, database."),
    "execution": ("deployx_tui.cli.execution", "execution", "What ran, where, and what each target said (history)."),
    "demo": ("deployx_tui.cli.demo", "demo", "Try it on a fleet of its own; gone afterwards."),
    "artifact": ("deployx_tui.cli.artifact", "artifact", "Files and folders that tasks put on targets."),
    "package": ("deployx_tui.cli.package", "package", "What software tasks install, and what is where."),
    "task": ("deployx_tui.cli.task", "task", "What is scheduled."),
    "screenshots": (
        "deployx_tui.cli.screenshots",
        "screenshots",
        "The demo's screens as pictures, its main job as text.",
    ),
    "fetch": ("deployx_tui.cli.fetch", "fetch", "Files and folders of devices to this machine."),
    "run": ("deployx_tui.cli.run", "run", "One command on many devices, now."),
    "push": ("deployx_tui.cli.push", "push", "Files and folders on many devices, now."),
    "install": ("deployx_tui.cli.install", "install", "Packages on many devices, now."),
    "uninstall": ("deployx_tui.cli.install", "uninstall", "Packages off many devices, now."),
    "credential": ("deployx_tui.cli.credential", "credential", "Keys and passwords in the vault."),
    "vault": ("deployx_tui.cli.vault", "vault", "Where secrets are kept, and its key."),
    "device": ("deployx_tui.cli.device", "device", "What tasks run on."),
    "group": ("deployx_tui.cli.group", "group", "Groups of devices."),
}
#: other words for a command
ALIASES: dict[str, str] = {"history": "execution"}

#: what a shell sets that asks for completions; the name is click's, of ours
COMPLETING = "_DEPLOYX_COMPLETE"

#: what a full or broken disk answers
_UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


class Root(Group):
    """Knows its commands by name only, so that `deployx --help` imports none of them."""

    hides_globals = False
    example = "deployx demo --check"

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        entry = COMMANDS.get(ALIASES.get(name, name))
        if entry is None:
            return None
        module, attribute, _ = entry
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][2]) for name in self.list_commands(context)])


@click.group(
    cls=Root,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="deployx")
@click.option("--in-process", is_flag=True, help="Run the engine inside this process.")
@click.option("--serve", is_flag=True, help="Run the engine headless, in the foreground, until SIGTERM.")
@click.option("--socket", metavar="PATH", help="Where --serve listens; default: the database's own socket.")
@click.option("--test-second-engine", "second", is_flag=True, hidden=True)
@click.pass_context
def root(context: click.Context, in_process: bool, serve: bool, socket: str | None, second: bool) -> int:
    """Schedule commands on a fleet over SSH, with nothing installed on the machines.

    Without a command it opens the terminal UI.
    """
    call = invocation()
    call.in_process = in_process
    if context.invoked_subcommand is not None:
        if serve:
            raise click.UsageError(f"--serve runs the engine and takes no command; drop {context.invoked_subcommand}")
        return 0
    if socket is not None:
        call.flags["socket"] = socket
    if serve:
        from deployx_tui.api.serve import serve as serve_until_told

        if call.verbose or call.quiet:
            call.flags["log_level"] = "debug" if call.verbose else "warning"
        return serve_until_told(call.settings, second=second)
    from deployx_tui.cli.ui import open_ui

    return open_ui(call)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status. Never raises but for SystemExit of click's own help."""
    typed = sys.argv[1:] if arguments is None else list(arguments)
    try:
        _refuse_broken_text(typed)
        if COMPLETING in os.environ:
            from deployx_tui.cli.bash_completion import register

            register()
        status = root.main(args=typed, prog_name="deployx", standalone_mode=False)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except (click.Abort, KeyboardInterrupt):
        tell("interrupted")
        return INTERRUPTED
    except click.ClickException as error:
        with contextlib.suppress(OSError):
            error.show(sys.stderr)
        return 2
    except BrokenPipeError:
        # the reader of our output went away (`deployx task list | head`): not an error, and not worth a trace
        printing.close_output()
        return 0
    except DeployxError as error:
        say(error)
        return error.exit_status
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        printing.close_output()
        tell(f"error: the output can't be written: {error.strerror}")
        return 1
    return status if isinstance(status, int) else 0


def _refuse_broken_text(typed: Sequence[str]) -> None:
    """Bytes that are not UTF-8 arrive as lone surrogates, which no file, database or wire takes."""
    given = [*typed, *(value for name, value in os.environ.items() if name.startswith("DEPLOYX_"))]
    for text in given:
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            raise InvalidInput.of(
                repr(text), "this is not UTF-8", "write it in UTF-8 (locale says what your shell sends)"
            )


def say(error: DeployxError) -> None:
    """What is wrong and what to do, on standard error; text from outside is made safe."""
    if isinstance(error, InvalidInput):
        for problem in error.problems:
            place = f"{problem.field}: " if problem.field else ""
            tell(f"error: {place + problem.message}")
            tell(f"       {problem.remedy}")
    else:
        tell(f"error: {error}")
