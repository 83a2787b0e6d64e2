"""The engine, as the door tells of it."""

from __future__ import annotations

import os
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import pytest

from deployx_tui.errors import InvalidInput
from deployx_tui.model.event import EventId
from deployx_tui.model.execution import ExecutionStatus
from deployx_tui.model.user import Role
from tests.contract.backend.site import Site, add_device, fields, finished, following, line, new_request, until


class EngineContract:
    async def test_the_status_tells_who_serves_what(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        before = datetime.now(UTC)
        status = await backend.engine.status()
        assert status.engine_id == site.engine.id
        assert (status.pid, status.running_executions, status.queued_executions) == (os.getpid(), 0, 0)
        assert before - timedelta(minutes=5) < status.started_at <= status.now
        assert status.clients >= 1
        async with aclosing(following(backend)) as stream:
            assert EventId.parse(status.event_stream).stream == (await anext(stream)).id.stream
        busy = await backend.executions.run_ad_hoc(line("sleep 600"), "web01", new_request())
        await until(backend, busy, lambda found: found.targets.running == 1)
        assert (await backend.engine.status()).running_executions == 1
        await backend.executions.cancel(busy)

    async def test_a_status_never_shows_a_password(self, site: Site) -> None:
        status = await (await site.backend()).engine.status()
        assert status.database.partition(":")[0] in ("sqlite", "postgresql")

    async def test_stop_all_ends_everything_and_counts_it(self, site: Site) -> None:
        backend = await site.backend()
        for name in ("web01", "web02"):
            await add_device(backend, name)
        runs = [await backend.executions.run_ad_hoc(line("sleep 600"), "web*", new_request()) for _ in range(2)]
        for execution in runs:
            await until(backend, execution, lambda found: found.targets.running == 2)
        report = await backend.engine.stop_all()
        assert (report.executions, report.targets) == (2, 4)
        for execution in runs:
            assert (await finished(backend, execution)).status is ExecutionStatus.CANCELLED
        assert await backend.engine.stop_all() == type(report)(executions=0, targets=0)

    async def test_stop_all_stops_only_what_its_actor_may_stop(self, site: Site) -> None:
        admin, bob = await site.backend(), await site.backend(Role.OPERATOR, "bob")
        await add_device(admin, "web01")
        theirs = await admin.executions.run_ad_hoc(line("sleep 600"), "web01", new_request())
        own = await bob.executions.run_ad_hoc(line("sleep 600"), "web01", new_request())
        assert (await bob.engine.stop_all()).executions == 1
        assert (await finished(bob, own)).status is ExecutionStatus.CANCELLED
        assert (await admin.executions.get(theirs)).status.is_alive
        await admin.engine.stop_all()
        await finished(admin, theirs)

    async def test_a_negative_drain_is_refused(self, site: Site) -> None:
        backend = await site.backend()
        with pytest.raises(InvalidInput) as refused:
            await backend.engine.shutdown(timedelta(seconds=-1))
        assert fields(refused) in (["drain"], ["drain_seconds"])
