"""The entry of every face: `deployx` and `python -m deployx_tui`. Imports nothing before it is known what is wanted."""

from __future__ import annotations

import gc
import io
import os
import sys


def main() -> int:
    """Run the command line, or the private engine process. Gives the exit status of CLI.md."""
    os.umask(0o077)
    _mend_streams()
    # what libraries make while they load stays: looking through it every 700 objects is a twelfth of the engine's start
    gc.set_threshold(10_000)
    # how a face starts its private engine (service/process.py); never typed by a person
    if sys.argv[1:2] == ["--engine-child"]:
        from deployx_tui.api.child import run_child  # noqa: PLC0415 - the engine's imports are not the UI's

        return run_child(sys.argv[2:])
    from deployx_tui.cli.root import main as command_line  # noqa: PLC0415 - loads what the command needs, no more

    return command_line()


def _mend_streams() -> None:
    """Standard streams that are there, and that take every character.

    One that was closed (`<&-`) would leave its descriptor to the next file that is opened: the database, perhaps.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - lives as long as we do
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as above
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as above
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # a locale without our signs and names (LANG=de_DE.ISO-8859-1) shows their codes instead
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
