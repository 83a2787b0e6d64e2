"""One demo server where OpenSSH's is missing: asyncssh, several loopback addresses, one process.

Commands run as the account that started it, without a sandbox; `Fleet.notice` says so. Started by the keeper as
`python -m deployx_tui.demo.asyncssh_server ORDER.json`; says where it listens in the words of sshd.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncssh

#: seconds for output that comes after the command's end
LINGER = 1.0


async def serve(order: dict[str, Any]) -> None:
    """Listen on each address and answer until the process is ended."""

    homes: dict[str, str] = order["homes"]

    async def answer(process: asyncssh.SSHServerProcess[bytes]) -> None:
        address, *_ = process.get_extra_info("sockname")
        await answer_with_shell(process, order["environment"] | of_home(homes[address]))

    for address in homes:
        await asyncssh.listen(
            address,
            order["port"],
            server_host_keys=[order["host_key"]],
            authorized_client_keys=order["authorized_keys"],
            process_factory=answer,
            encoding=None,
            allow_scp=False,
            sftp_factory=True,
        )
        print(f"Server listening on {address} port {order['port']}.", file=sys.stderr, flush=True)
    await asyncio.Event().wait()


def of_home(home: str) -> dict[str, str]:
    """Where a session's own things lie; what file tasks keep too, also when root logs in."""
    return {"HOME": home, "XDG_STATE_HOME": f"{home}/.local/state"}


async def answer_with_shell(process: asyncssh.SSHServerProcess[bytes], environment: Mapping[str, str]) -> None:
    """Run what a client asks for in sh, in this process's environment with `environment` on top."""
    command = process.command or ""
    child = await asyncio.create_subprocess_exec(
        "/bin/sh",
        "-c",
        command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
        cwd=Path.home(),
        start_new_session=True,  # as sshd does for every channel
    )
    feeding = asyncio.create_task(_feed(process.stdin, child.stdin))
    pumping = [
        asyncio.create_task(_pump(source, sink))
        for source, sink in ((child.stdout, process.stdout), (child.stderr, process.stderr))
    ]
    # not child.wait(): before Python 3.13 it waits for the pipes too (gh-119710)
    while (code := child.returncode) is None:
        await asyncio.sleep(0.01)
    # what the command left behind may hold its output for ever; sshd would go on delivering it
    _, late = await asyncio.wait(pumping, timeout=LINGER)
    for task in (feeding, *late):
        task.cancel()
    if code < 0:
        process.exit_with_signal(_name_of(-code))
    else:
        process.exit(code)


async def _feed(source: asyncssh.SSHReader[bytes], sink: asyncio.StreamWriter | None) -> None:
    """Client to command. A command that reads nothing has gone before its input ends; that is no error."""
    if sink is None:
        return
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    sink.close()


async def _pump(source: asyncio.StreamReader | None, sink: asyncssh.SSHWriter[bytes]) -> None:
    """Command to client; a client that has gone does not end the command, as with sshd."""
    while source is not None and (data := await source.read(65536)):
        with contextlib.suppress(BrokenPipeError, asyncssh.Error):
            sink.write(data)
            await sink.drain()


def _name_of(number: int) -> str:
    return signal.Signals(number).name.removeprefix("SIG")


if __name__ == "__main__":
    asyncio.run(serve(json.loads(Path(sys.argv[1]).read_text())))
