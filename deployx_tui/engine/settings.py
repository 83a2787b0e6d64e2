"""What may be set about an engine. Every number is a default that an administrator can change."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from deployx_tui.output.writer import Caps
from deployx_tui.transports.base import SPOOL_BASES


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    #: targets that run at once; 4 to 64 threads cost 20 % more CPU a host, above nothing is gained
    workers: int = 64
    #: to reach a target and log in
    connect_timeout: timedelta = timedelta(seconds=10)
    #: a target's run time where its task says nothing; None: no end
    default_timeout: timedelta | None = None
    #: results that come within it share a commit
    flush: timedelta = timedelta(milliseconds=50)
    #: how often at most a running target's growth is told
    growth: timedelta = timedelta(milliseconds=250)
    #: output of a running target older than this is on disk, so that a crash loses no more
    output_saved: timedelta = timedelta(seconds=1)
    #: cancels that other processes asked for are looked for so often
    poll: timedelta = timedelta(milliseconds=500)
    #: after a cancel at the end of a drain: how long deaths are waited for
    kill_wait: timedelta = timedelta(seconds=15)
    #: where durable runs keep their spools on a target
    spool_bases: tuple[str, ...] = SPOOL_BASES
    caps: Caps = field(default_factory=Caps)
    #: what a device told of itself is asked again with the next run when it is older; None: nobody is asked
    facts_age: timedelta | None = timedelta(days=1)
    #: a follower that was away for longer reads everything again
    events_kept: timedelta = timedelta(days=7)
    #: what an output said when it grew; what it is now stands in its target
    growth_kept: timedelta = timedelta(minutes=10)
    #: runs, their results and outputs; None: for ever
    history_kept: timedelta | None = None
    #: where faces find this engine; "" when it serves none (in one process with its face)
    socket_path: Path | None = None
    host: str = field(default_factory=socket.gethostname)
    #: crash tests only: take part although another engine holds the database
    test_second_engine: bool = False
