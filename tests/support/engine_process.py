"""An engine in a process of its own, to be killed: `python -m tests.support.engine_process URL OUTPUT_FOLDER
[KNOWN_HOSTS]`.

Runs on this machine with one worker, or with KNOWN_HOSTS on SSH hosts with several, until it is killed, or until its
standard input ends. Says "ready" on stdout.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from deployx_tui.engine.engine import Engine
from deployx_tui.engine.settings import EngineSettings
from deployx_tui.model.device import TransportKind
from deployx_tui.output.store import OutputStore
from deployx_tui.store.database import Database
from deployx_tui.transports.base import Transport
from deployx_tui.transports.local import LocalTransport
from deployx_tui.transports.ssh.transport import SshSettings, SshTransport
from tests.support.stored_artifacts import contents_beside
from tests.support.vaults import vault_in


def main(url: str, folder: str, known_hosts: str | None = None) -> None:
    database = Database.open(url)
    transports: dict[TransportKind, Transport] = {TransportKind.LOCAL: LocalTransport()}
    if known_hosts is not None:
        transports[TransportKind.SSH] = SshTransport(SshSettings(known_hosts=Path(known_hosts)))
    engine = Engine(
        database,
        EngineSettings(workers=1 if known_hosts is None else 8, output_saved=timedelta(milliseconds=200)),
        transports,
        OutputStore(database, Path(folder)),
        vault_in(database, Path(folder).parent),
        contents_beside(database, Path(folder)),
    )
    engine.start()
    print("ready", engine.id, flush=True)
    sys.stdin.read()
    engine.stop(timedelta(0))


if __name__ == "__main__":
    main(*sys.argv[1:])
