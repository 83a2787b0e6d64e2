"""Keeps a fleet's servers: starts them, says when all listen, and ends them when its standard input ends.

Run as a program of its own (`python -I keeper.py FOLDER`), standard library only. The pipe on standard input is held by
the process that started the fleet, so the servers end with it however it dies. Should this program itself be killed,
Linux ends the servers by their parent-death signal.

Standard input, first line: {"mark": "NAME=VALUE", "servers": [{"argv": [...], "listen": 16}, ...]}
Standard output, one line: {"pids": [...]} when every server listens on all of its addresses, else {"error": "..."}.
Each server's standard error goes to FOLDER/server-N.log.
"""

from __future__ import annotations

import ctypes
import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

LISTENING = b"Server listening on "
PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Runs in the child between fork and exec; this program has one thread, so that is safe."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Server:
    """One server process; its error output is its log and says where it listens."""

    def __init__(self, argv: list[str], listen: int, log: Path) -> None:
        self.missing = listen
        self.log = log.open("ab", buffering=0)
        self.last = b""
        self.stderr, write = os.pipe()
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=write,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one thread here, see die_with_parent
        )
        os.close(write)

    @property
    def said(self) -> str:
        return self.last.decode(errors="replace").strip()

    def read(self) -> bool:
        """Move what it said into the log; False at its end."""
        data = os.read(self.stderr, 65536)
        self.log.write(data)
        self.last = (self.last + data)[-4096:] if self.missing > 0 else b""
        self.missing -= data.count(LISTENING)
        return bool(data)


def process_table() -> Iterator[tuple[int, int]]:
    """Every process with its parent: from /proc, which a small machine has without `ps`; elsewhere from `ps`."""
    if not Path("/proc/self/stat").exists():
        table = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, check=False).stdout
        for row in table.splitlines():
            pid, parent = row.split()
            yield int(pid), int(parent)
        return
    for place in Path("/proc").glob("[0-9]*"):
        try:
            # the name in parentheses may hold anything; after it: state, parent
            yield int(place.name), int((place / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
        except OSError:
            continue  # ended meanwhile


def processes_below(roots: set[int], mark: bytes) -> set[int]:
    """The servers' descendants, and (Linux) every process that carries the fleet's mark in its environment."""
    parents = dict(process_table())
    found = set(roots)
    for pid in parents:
        try:
            if mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.add(pid)
        except OSError:
            continue  # ended meanwhile, another account's, or a system without /proc
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {os.getpid()}


def end(servers: list[Server], mark: bytes) -> None:
    """Kill until a look finds nobody: a connection may have been starting a command meanwhile."""
    for _ in range(20):
        # not reaped before this point, so no pid of theirs can be another process's by now
        roots = {server.process.pid for server in servers if server.process.poll() is None}
        found = processes_below(roots, mark)
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if not found:
            return


def watch(servers: list[Server]) -> str | None:
    """Serve until standard input ends. Returns what went wrong before all were listening."""
    waiting = selectors.DefaultSelector()
    waiting.register(0, selectors.EVENT_READ, None)
    for server in servers:
        waiting.register(server.stderr, selectors.EVENT_READ, server)
    said = False
    while True:
        if not said and all(server.missing <= 0 for server in servers):
            said = True
            print(json.dumps({"pids": [server.process.pid for server in servers]}), flush=True)
        for key, _ in waiting.select():
            speaker = cast("Server | None", key.data)
            if speaker is None:
                if not os.read(0, 4096):
                    return None
            elif not speaker.read():
                waiting.unregister(key.fileobj)
                if not said:
                    return f"the server ended before it listened: {speaker.said}"
            elif not said and b"Bind to port" in speaker.last:
                return speaker.said


def main(folder: Path) -> int:
    with open(0, "rb", buffering=0, closefd=False) as orders:  # unbuffered: watch() waits on the descriptor itself
        order: dict[str, Any] = json.loads(orders.readline())
    servers: list[Server] = []
    try:
        for number, server in enumerate(order["servers"]):
            servers.append(Server(server["argv"], server["listen"], folder / f"server-{number}.log"))
        error = watch(servers)
        if error is not None:
            print(json.dumps({"error": error}), flush=True)
        return 0 if error is None else 1
    finally:
        end(servers, order["mark"].encode())


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
