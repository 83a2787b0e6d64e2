"""Forks engine processes for crash tests: the imports, a second of work, are done once.

Reads orders (an engine to start, or `kill`), one JSON object a line; writes `ready ID PID`, `at ID` (a point was
reached) and `dead ID STATUS`. Has no database itself and no thread, so that a fork is a clean process. Its engines
die with it.
"""

from __future__ import annotations

import ctypes
import json
import os
import selectors
import signal
import sys
import threading
import traceback
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

from deployx_tui.engine.engine import Engine
from deployx_tui.engine.settings import EngineSettings
from deployx_tui.model.device import TransportKind
from deployx_tui.output.store import OutputStore
from deployx_tui.store.database import Database
from deployx_tui.transports.base import (
    CommandSpec,
    Connection,
    Endpoint,
    Gone,
    Process,
    Refused,
    RemoteHandle,
    Unknown,
    Unreached,
)
from deployx_tui.transports.local import LocalTransport
from tests.crash.points import arm
from tests.support.stored_artifacts import contents_beside
from tests.support.vaults import vault_in

_PR_SET_PDEATHSIG = 1


class NamedTransport(LocalTransport):
    """This machine many times over: each command is told in WHERE which device it stands for."""

    def connect(self, endpoint: Endpoint, deadline: timedelta, cancel: Event) -> Connection | Unreached:
        found = super().connect(endpoint, deadline, cancel)
        return found if isinstance(found, Unreached) else _Named(found, endpoint.name)


class _Named:
    def __init__(self, inner: Connection, name: str) -> None:
        self._inner, self._name = inner, name

    def start(self, spec: CommandSpec) -> Process | Refused | Unknown:
        return self._inner.start(replace(spec, environment={**spec.environment, "WHERE": self._name}))

    def attach(
        self, handle: RemoteHandle, stdout_offset: int, stderr_offset: int, spec: CommandSpec
    ) -> Process | Refused | Unknown | Gone:
        return self._inner.attach(handle, stdout_offset, stderr_offset, spec)

    def close(self) -> None:
        self._inner.close()


def main() -> None:
    children: dict[int, int] = {}
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
    selector.register(read, selectors.EVENT_READ)
    pending = b""
    while True:
        for key, _ in selector.select():
            data = os.read(key.fd, 65536)
            if key.fd == read:
                _reap(children)
                continue
            if not data:
                return
            *orders, pending = (pending + data).split(b"\n")
            for order in map(json.loads, orders):
                if "kill" in order:
                    _kill(order["kill"], children)
                else:
                    _fork(order, children)


def _reap(children: dict[int, int]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        _say(f"dead {children.pop(pid)} {os.waitstatus_to_exitcode(status)}")


def _kill(engine: int, children: dict[int, int]) -> None:
    """Only its parent can: until it is reaped, its pid is no other process's."""
    for pid, id_ in children.items():
        if id_ == engine:
            os.kill(pid, signal.SIGKILL)


def _fork(order: dict[str, Any], children: dict[int, int]) -> None:
    pid = os.fork()
    if pid:
        children[pid] = order["id"]
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    try:
        _serve(order)
    except BaseException:  # noqa: BLE001 - it goes to the log, and the exit status fails the run
        traceback.print_exc()
    finally:
        os._exit(1)  # an engine of a crash test never ends in order


def _serve(order: dict[str, Any]) -> None:
    if order["point"] is not None:
        arm(order["point"], order["nth"], lambda: _say(f"at {order['id']}"))
    database = Database.open(order["url"], create=False)
    settings = EngineSettings(workers=8, test_second_engine=order["beside"], spool_bases=(order["spools"],))
    output = OutputStore(database, Path(order["output"]))
    vault = vault_in(database, Path(order["output"]).parent)
    contents = contents_beside(database, Path(order["output"]))
    engine = Engine(database, settings, {TransportKind.LOCAL: NamedTransport()}, output, vault, contents)
    engine.start()
    _say(f"ready {order['id']} {os.getpid()}")
    threading.Event().wait()


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    main()
