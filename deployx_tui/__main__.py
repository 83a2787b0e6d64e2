"""The entry of every face: `deployx` and `python -m deployx_tui`. Imports nothing before it is known what is wanted."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Run the command line, or the private engine process. Gives the exit status of CLI.md."""
    os.umask(0o077)
    # how a face starts its private engine (service/process.py); never typed by a person
    if sys.argv[1:2] == ["--engine-child"]:
        from deployx_tui.api.child import run_child  # noqa: PLC0415 - the engine's imports are not the UI's

        return run_child(sys.argv[2:])
    from deployx_tui.cli.root import main as command_line  # noqa: PLC0415 - loads what the command needs, no more

    return command_line()


if __name__ == "__main__":
    sys.exit(main())
