"""What is put together as one: parts that are right alone and of use only when they are joined."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from deployx_tui import config
from deployx_tui.errors import Unavailable
from deployx_tui.model.device import DeviceDraft, HostKeyPolicy
from deployx_tui.model.execution import ExecutionStatus
from deployx_tui.service.compose import compose
from deployx_tui.service.lifecycle import InProcess
from deployx_tui.store import schema
from tests.support.bench import Bench
from tests.support.ssh import Fleets


def test_a_host_key_that_accept_new_keeps_is_in_the_audit_of_the_composed_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    for variable, folder in (("DEPLOYX_CONFIG_DIR", "config"), ("DEPLOYX_DATA", "data"), ("HOME", "home")):
        (tmp_path / folder).mkdir(mode=0o700)
        monkeypatch.setenv(variable, str(tmp_path / folder))
    settings = replace(config.load({}), db=f"sqlite:///{tmp_path / 'data' / 'deployx.db'}")
    composed = compose(settings, lifecycle=InProcess())
    try:
        premises = composed.premises
        bench = Bench(premises.database, composed.engine, premises.output, composed.owner.user_id, premises.vault)
        with Fleets() as fleets:
            host = fleets.get().hosts[0]
            bench.add(
                DeviceDraft(
                    name="new",
                    address=host.address,
                    port=host.port,
                    user=host.user,
                    key_file=host.key_file,
                    host_key_policy=HostKeyPolicy.ACCEPT_NEW,
                )
            )
            assert bench.run("true").status is ExecutionStatus.SUCCEEDED
        with bench.database.read() as c:
            entry = c.execute(sa.select(schema.audit).where(schema.audit.c.action == "device.trust")).one()
        assert (entry.engine_id, entry.origin) == (composed.engine.id, "accept-new")
    finally:
        composed.close(timedelta(0))


async def test_an_engine_that_can_not_write_is_alive_and_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, folder in (("DEPLOYX_CONFIG_DIR", "config"), ("DEPLOYX_DATA", "data")):
        (tmp_path / folder).mkdir(mode=0o700)
        monkeypatch.setenv(variable, str(tmp_path / folder))
    settings = replace(config.load({}), db=f"sqlite:///{tmp_path / 'data' / 'deployx.db'}")
    composed = await asyncio.to_thread(compose, settings, lifecycle=InProcess())
    database = composed.premises.database

    def fill() -> None:
        with database.write() as c:
            (pages,) = c.exec_driver_sql("PRAGMA page_count").one()
            # what SQLite says on a full disk it says at this limit too
            c.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            try:
                c.exec_driver_sql("CREATE TABLE filler AS SELECT zeroblob(1000000)")
            finally:
                c.exec_driver_sql("PRAGMA max_page_count = 1073741823")

    def beat() -> None:
        with database.write():
            pass

    try:
        await asyncio.to_thread(beat)
        assert await composed.not_ready() == ()
        reasons: tuple[str, ...] = ()
        while not reasons:  # the engine's own beat may have been written in between
            with pytest.raises(Unavailable):
                await asyncio.to_thread(fill)
            reasons = await composed.not_ready()
        (reason,) = reasons
        assert "full" in reason
        assert await composed.not_alive() == ()
        await asyncio.to_thread(beat)
        assert await composed.not_ready() == ()
    finally:
        await asyncio.to_thread(composed.close, timedelta(0))
