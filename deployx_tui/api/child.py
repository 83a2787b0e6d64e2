"""The private engine process that a face starts and forgets. Its command line is nobody's interface.

    python -m deployx_tui --engine-child --ready-fd N --db URL ...

Over the descriptor it says one line of JSON: where it listens, where another engine does, or why it can't.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from deployx_tui import config
from deployx_tui.api.host import Host
from deployx_tui.api.logs import log_to_file, log_to_stderr
from deployx_tui.config import Settings
from deployx_tui.errors import DeployxError, Held
from deployx_tui.service.process import log_file

log = logging.getLogger(__name__)

NICE = 5


def run_child(arguments: Sequence[str]) -> int:
    """Become the engine's process and serve. Gives the exit status; the starter has long gone by then."""
    flags = {name.removeprefix("--").replace("-", "_"): value for name, value in _pairs(arguments)}
    ready = int(flags.pop("ready_fd"))
    os.set_inheritable(ready, False)
    # nobody's child: it is not waited for, and it outlives whoever started it
    if os.fork() > 0:
        os._exit(0)
    _settle()
    try:
        settings = config.load(flags)
        log_to_stderr(settings.log_level)
        status = asyncio.run(_serve(settings, ready))
    except Held as error:
        _report(ready, {"socket": error.socket, "holder": "another engine"} if error.socket else _problem(error))
        return error.exit_status
    except DeployxError as error:
        log.error("%s", error)
        _report(ready, _problem(error))
        return error.exit_status
    except BaseException:
        # threads that can't end must not keep a broken engine's process
        log.exception("the engine broke")
        logging.shutdown()
        os._exit(1)
    # all is closed; taking the interpreter apart would keep the next engine waiting for its locks
    logging.shutdown()
    os._exit(status)


def _pairs(arguments: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip(arguments[::2], arguments[1::2], strict=True))


def _settle() -> None:
    """A process of its own: without a terminal, without a core dump, in nobody's way."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.chdir("/")


def _step_back() -> None:
    """Behind the screens from now on. Not before it is ready: until then a person waits for it."""
    # on Linux each thread has a priority of its own, and hands it to those that it starts
    for thread in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, int(thread.name), os.getpriority(os.PRIO_PROCESS, int(thread.name)) + NICE)
    # where Linux shares its cores between sessions (sched(7), "The autogroup feature"), those priorities count inside
    # this session only; this one stands between it and the session of the screens
    session = Path("/proc/self/autogroup")
    if session.exists():
        try:
            session.write_text(f"{NICE}\n", encoding="ascii")
        except OSError as error:  # one such change in 100 ms is allowed on a machine; the engine works without it
            log.info("the engine's session keeps its priority: %s", error)


async def _serve(settings: Settings, ready: int) -> int:
    def is_ready(socket: Path) -> None:
        log_to_file(log_file(settings), settings.log_level)
        _report(ready, {"socket": str(socket)})
        _step_back()

    return await Host(settings, is_service=False).run(is_ready)


def _problem(error: DeployxError) -> Mapping[str, str]:
    return {"error": type(error).__name__, "message": str(error)}


def _report(ready: int, what: Mapping[str, str]) -> None:
    with open(ready, "wb", closefd=True) as starter:
        try:
            starter.write(json.dumps(what).encode("ascii") + b"\n")
        except BrokenPipeError:
            log.info("whoever started this engine is gone")
