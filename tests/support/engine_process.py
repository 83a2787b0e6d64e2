"""An engine in a process of its own, to be killed: `python -m tests.support.engine_process URL OUTPUT_FOLDER`.

Runs on this machine with one worker until it is killed, or until its standard input ends. Says "ready" on stdout.
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
from deployx_tui.transports.local import LocalTransport
from tests.support.vaults import vault_in


def main(url: str, folder: str) -> None:
    database = Database.open(url)
    engine = Engine(
        database,
        EngineSettings(workers=1, output_saved=timedelta(milliseconds=200)),
        {TransportKind.LOCAL: LocalTransport()},
        OutputStore(database, Path(folder)),
        vault_in(database, Path(folder).parent),
    )
    engine.start()
    print("ready", engine.id, flush=True)
    sys.stdin.read()
    engine.stop(timedelta(0))


if __name__ == "__main__":
    main(*sys.argv[1:])
