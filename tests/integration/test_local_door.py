"""What only the engine's own process can show of the door: its audit, its transactions, its threads."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from deployx_tui.errors import Conflict, DeployxError, InvalidInput, Unavailable
from deployx_tui.model.codec import canonical, draft_to_json
from deployx_tui.model.device import DeviceDraft, GroupDraft, TestStep
from deployx_tui.model.execution import ExecutionStatus, RerunScope
from deployx_tui.model.files import FileItem, FilePayload
from deployx_tui.model.ids import DeviceId
from deployx_tui.model.importing import HostSource, ImportChoice
from deployx_tui.model.schedule import Once, Schedule
from deployx_tui.model.secret import CredentialDraft, CredentialKind
from deployx_tui.model.task import TaskState
from deployx_tui.model.user import Actor, Permission
from deployx_tui.service.backend import FACETS
from deployx_tui.service.backend.groups import Groups
from deployx_tui.service.backend.permission import permission_of
from deployx_tui.service.local.door import Change, Door
from deployx_tui.service.local.guard import methods_of, serves
from deployx_tui.store.database import Database
from deployx_tui.store.schema import audit, events, executions, scheduled_tasks, settings
from tests.contract.backend.artifacts import tar_of
from tests.contract.backend.credentials import typed
from tests.contract.backend.devices import offered
from tests.contract.backend.packages import package
from tests.contract.backend.site import add_device, add_task, draft, finished, line, new_request, stream, until
from tests.support.local_site import LocalSite, site
from tests.support.runs import add_run

__all__ = ["site"]


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


def _entries(site: LocalSite) -> list[Any]:
    with site.database.read() as c:
        return [*c.execute(select(audit).order_by(audit.c.sequence))]


async def test_every_change_leaves_an_entry_that_says_who_did_what(site: LocalSite, tmp_path: Path) -> None:
    backend = await site.backend()
    device, group = await add_device(backend, "web01"), await backend.groups.create(GroupDraft(name="web"))
    remote = await backend.devices.create(DeviceDraft(name="ssh01", address="127.0.0.1"))
    task = await add_task(
        backend, schedule=Schedule(recurrence=Once(datetime.now(UTC) + timedelta(days=9)), zone="UTC")
    )

    async def test_connection() -> None:
        async for _ in backend.devices.test(device.id):
            pass

    async def fetch() -> None:
        async for _ in backend.devices.fetch(device.id, "/etc/hostname"):
            pass

    async def cancel() -> None:
        busy = await backend.executions.run_ad_hoc(line("sleep 600"), "web01", new_request())
        await until(backend, busy, lambda found: found.targets.running == 1)
        await backend.executions.cancel(busy)
        await finished(backend, busy)

    first = await finished(backend, await backend.executions.run_ad_hoc(line("true"), "web01", new_request()))
    everything = frozenset({RerunScope.ALL})
    hosts = HostSource(content=b"[imported]\nnew01\n")
    plan = await backend.imports.plan(hosts)
    login = CredentialDraft(name="web-login", kind=CredentialKind.PASSWORD, user="ops")
    kept = await backend.credentials.create(login, typed())
    file = await backend.artifacts.add("motd", stream(b"hello\n"), "a test")
    put = FilePayload(items=(FileItem(artifact=file.id),), target_path=f"{tmp_path}/")
    placed = await finished(backend, await backend.executions.run_ad_hoc(put, "web01", new_request()))
    files = await add_task(backend, "files", payload=put, selector="web01")
    spare = await backend.artifacts.add("spare", stream(b"spare\n"), "a test")
    stored = await backend.packages.create(package("tool"))
    assert stored.id is not None
    tool = stored.id

    acts: dict[str, tuple[Callable[[], Awaitable[Any]], str]] = {
        "tasks.create": (lambda: add_task(backend, "other"), "task.create"),
        "tasks.update": (lambda: backend.tasks.update(task.id, replace(task.draft, name="x")), "task.update"),
        "tasks.pause": (lambda: backend.tasks.pause(task.id), "task.pause"),
        "tasks.resume": (lambda: backend.tasks.resume(task.id), "task.resume"),
        "tasks.delete": (lambda: backend.tasks.delete(task.id), "task.delete"),
        "tasks.restore": (lambda: backend.tasks.restore(task.id), "task.restore"),
        "tasks.run": (lambda: backend.tasks.run(task.id, new_request()), "execution.start"),
        "executions.run_ad_hoc": (
            lambda: backend.executions.run_ad_hoc(line("true"), "web01", new_request()),
            "execution.start",
        ),
        "executions.cancel": (cancel, "execution.cancel"),
        "executions.rerun": (lambda: backend.executions.rerun(first.id, new_request(), everything), "execution.start"),
        "executions.rollback": (lambda: backend.executions.rollback(placed.id, new_request()), "execution.start"),
        "tasks.check": (lambda: backend.tasks.check(files.id, new_request()), "execution.start"),
        "artifacts.add": (lambda: backend.artifacts.add("other", stream(b"x"), "a test"), "artifact.create"),
        "artifacts.add_tree": (
            lambda: backend.artifacts.add_tree("site", stream(tar_of(("a", b"x", ""))), "a test"),
            "artifact.create",
        ),
        "artifacts.delete": (lambda: backend.artifacts.delete(spare.id), "artifact.delete"),
        "artifacts.collect": (lambda: backend.artifacts.collect(dry_run=False), "artifact.collect"),
        "packages.create": (lambda: backend.packages.create(package("more")), "package.create"),
        "packages.update": (lambda: backend.packages.update(tool, package("tool", version="2")), "package.update"),
        "packages.take": (lambda: backend.packages.take([package("many")]), "package.create"),
        "packages.delete": (lambda: backend.packages.delete(tool), "package.delete"),
        "devices.create": (lambda: add_device(backend, "db01"), "device.create"),
        "devices.update": (
            lambda: backend.devices.update(device.id, replace(device.draft, description="x")),
            "device.update",
        ),
        "devices.delete": (lambda: backend.devices.delete(device.id), "device.delete"),
        "devices.restore": (lambda: backend.devices.restore(device.id), "device.restore"),
        "devices.test": (test_connection, "device.test"),
        "devices.fetch": (fetch, "device.fetch"),
        "devices.trust": (lambda: backend.devices.trust(remote.id, offered(b"key")), "device.trust"),
        "groups.create": (lambda: backend.groups.create(GroupDraft(name="db")), "group.create"),
        "groups.update": (lambda: backend.groups.update(group.id, replace(group.draft, name="y")), "group.update"),
        "groups.delete": (lambda: backend.groups.delete(group.id), "group.delete"),
        "groups.restore": (lambda: backend.groups.restore(group.id), "group.restore"),
        "credentials.create": (
            lambda: backend.credentials.create(replace(login, name="other"), typed()),
            "credential.create",
        ),
        "imports.take": (
            lambda: backend.imports.take(hosts, ImportChoice(digest=plan.digest)),
            "device.import",
        ),
        "credentials.update": (
            lambda: backend.credentials.update(kept.id, replace(login, user="root")),
            "credential.update",
        ),
        "credentials.rotate": (lambda: backend.credentials.rotate(kept.id, typed()), "credential.rotate"),
        "credentials.check": (lambda: backend.credentials.check(kept.id), "credential.check"),
        "credentials.delete": (lambda: backend.credentials.delete(kept.id), "credential.delete"),
        "vault.rotate_master": (backend.vault.rotate_master, "vault.rotate_master"),
        "engine.stay": (backend.engine.stay, "engine.stay"),
        "engine.stop_all": (backend.engine.stop_all, "engine.stop_all"),
        "engine.shutdown": (lambda: backend.engine.shutdown(timedelta(0)), "engine.shutdown"),
    }
    changing = {
        f"{facet}.{name}"
        for facet, protocol in FACETS.items()
        for name in methods_of(protocol)
        if not permission_of(protocol, name).value.endswith(".read")
    }
    # looking at an import writes nothing, nothing is kept of what servers ask, and a vault with a key of its own has
    # no passphrase to be unlocked by
    assert {each for each in changing - acts.keys() if not each.startswith("questions.")} == {
        "imports.plan",
        "vault.unlock",
    }
    for method, (act, action) in acts.items():
        before = len(_entries(site))
        await act()
        new = _entries(site)[before:]
        assert new[-1].action == action, method
        assert (new[-1].actor_id, new[-1].actor, new[-1].origin) == (backend.actor.user_id, "ada", "a test")
        assert new[-1].noun == action.partition(".")[0]
        assert new[-1].request_id
    (renamed,) = [entry for entry in _entries(site) if entry.action == "task.update"]
    assert json.loads(renamed.changed) == ["task_name"]
    detail = json.loads(renamed.detail)
    assert (detail["before"]["task_name"], detail["after"]["task_name"]) == ("nightly", "x")


async def test_what_is_refused_leaves_neither_an_entry_nor_an_event(site: LocalSite) -> None:
    backend = await site.backend()
    device, task = await add_device(backend, "web01"), await add_task(backend)
    group = await backend.groups.create(GroupDraft(name="web"))
    refused: list[Callable[[], Awaitable[Any]]] = [
        lambda: backend.tasks.create(draft("")),
        lambda: backend.tasks.update(task.id, task.draft, 99),
        lambda: backend.tasks.resume(task.id),
        lambda: backend.tasks.run(task.id, new_request(), "nowhere"),
        lambda: backend.executions.run_ad_hoc(line("true"), "nowhere", new_request()),
        lambda: backend.devices.create(device.draft),
        lambda: backend.devices.delete(device.id, 99),
        lambda: backend.devices.restore(device.id),
        lambda: backend.groups.update(group.id, replace(group.draft, groups=(group.id,))),
        lambda: backend.groups.delete(group.id, 99),
    ]

    def written() -> tuple[int, int]:
        with site.database.read() as c:
            tables = (audit, events)
            return tuple(c.execute(select(func.count()).select_from(table)).scalar_one() for table in tables)  # type: ignore[return-value]  # two

    before = written()
    for act in refused:
        with pytest.raises(DeployxError):
            await act()
    assert written() == before


async def test_a_change_without_an_entry_is_rolled_back(site: LocalSite) -> None:
    backend = await site.backend()
    door = Door(site.premises, backend.actor)

    def forgetful(change: Change) -> None:
        change.c.execute(insert(settings).values(name="secretly", value="1"))

    with pytest.raises(RuntimeError, match="audit"):
        await door.write(forgetful)
    with site.database.read() as c:
        assert c.execute(select(settings).where(settings.c.name == "secretly")).all() == []


async def test_a_change_that_was_rolled_back_is_in_no_later_answer(site: LocalSite) -> None:
    """The inventory is kept by its version, and a version that was rolled back is given to the next change."""
    backend = await site.backend()
    device = await add_device(backend, "web01")
    inner = await backend.groups.create(GroupDraft(name="inner", devices=(device.id,)))
    outer = await backend.groups.create(GroupDraft(name="outer", groups=(inner.id,)))
    await backend.groups.delete(outer.id)
    other = await backend.groups.create(GroupDraft(name="other"))
    middle = await backend.groups.update(inner.id, replace(inner.draft, groups=(other.id,)))
    with site.database.write() as c:  # as if another process had done it: outer would come back inside itself
        c.exec_driver_sql(f"INSERT INTO group_group_map VALUES ({other.id}, {outer.id})")
    with pytest.raises(Conflict):
        await backend.groups.restore(outer.id)
    await backend.devices.update(device.id, replace(device.draft, groups=(middle.id,)))
    found = await backend.devices.get(device.id)
    assert found.member_of == ("inner",)
    assert [name for _, name, _ in (await backend.devices.match("@inner")).devices] == ["web01"]
    with pytest.raises(InvalidInput):
        await backend.devices.match("@outer")


def test_a_facet_without_one_of_its_methods_is_refused_at_once() -> None:
    class Half:
        def __init__(self, actor: Actor) -> None:
            self.actor = actor

        async def list(self) -> None: ...

    with pytest.raises(TypeError, match="Half lacks Groups"):
        serves(Groups)(Half)


def test_every_method_names_a_permission() -> None:
    for protocol in FACETS.values():
        for name in methods_of(protocol):
            assert isinstance(permission_of(protocol, name), Permission)


async def test_a_finished_task_can_be_described_but_not_set_to_the_past_anew(site: LocalSite) -> None:
    backend = await site.backend()
    await add_device(backend, "web01")
    at = datetime.now(UTC) + timedelta(days=1)
    task = await add_task(backend, schedule=Schedule(recurrence=Once(at), zone="UTC"))
    with site.database.write() as c:
        long_ago = datetime.now(UTC) - timedelta(days=30)
        past = replace(task.draft, schedule=Schedule(recurrence=Once(long_ago + timedelta(days=1)), zone="UTC"))
        c.execute(
            update(scheduled_tasks).values(
                state="finished", next_execution=None, created_at=int(long_ago.timestamp() * 1000)
            )
        )
        c.exec_driver_sql("UPDATE task_versions SET draft = ?", (canonical(draft_to_json(past)),))
    renamed = await backend.tasks.update(task.id, replace(past, description="it was good"))
    assert (renamed.state, renamed.next_execution) == (TaskState.FINISHED, None)
    other = replace(past, schedule=Schedule(recurrence=Once(long_ago), zone="UTC"))
    with pytest.raises(InvalidInput):
        await backend.tasks.update(task.id, other)
    again = await backend.tasks.update(task.id, replace(past, schedule=Schedule(recurrence=Once(at), zone="UTC")))
    assert (again.state, again.next_execution is not None) == (TaskState.ACTIVE, True)


async def test_a_missed_run_can_be_made_up_for(site: LocalSite) -> None:
    backend = await site.backend()
    await add_device(backend, "web01")
    task = await add_task(backend)
    with site.database.write() as c:
        missed = add_run(c, 1000, ExecutionStatus.MISSED, task=task.id, owner=backend.actor.user_id)
        c.execute(update(executions).values(draft=canonical(draft_to_json(task.draft)), result=None))
    with pytest.raises(Conflict):
        await backend.executions.rerun(missed, new_request(), frozenset({RerunScope.FAILED}))
    made_up = await finished(backend, await backend.executions.rerun(missed, new_request()))
    assert (made_up.status, made_up.targets.succeeded) == (ExecutionStatus.SUCCEEDED, 1)


@dataclass
class _Endless:
    """A transport whose connection test goes on until nobody looks."""

    ended: asyncio.Event
    loop: asyncio.AbstractEventLoop
    step: TestStep

    def test(self, *_: object) -> Any:
        try:
            while True:
                yield self.step
        finally:
            self.loop.call_soon_threadsafe(self.ended.set)


async def test_a_connection_test_that_nobody_watches_any_more_ends(site: LocalSite) -> None:
    backend = await site.backend()
    device = await add_device(backend, "web01")
    steps: AsyncIterator[TestStep] = backend.devices.test(device.id)
    first = await anext(steps)
    await steps.aclose()  # type: ignore[attr-defined]  # it is a generator
    endless = _Endless(asyncio.Event(), asyncio.get_running_loop(), first)
    site.premises.transports = dict.fromkeys(site.premises.transports, endless)  # type: ignore[arg-type]  # half a one
    async for _ in backend.devices.test(DeviceId(device.id)):
        break
    async with asyncio.timeout(30):
        await endless.ended.wait()


async def test_followers_end_when_the_premises_close(site: LocalSite) -> None:
    backend = await site.backend()
    stream = backend.events.follow()
    await anext(stream)
    waiting = asyncio.ensure_future(anext(stream, None))
    await asyncio.sleep(0)
    site.premises.waking.close()
    async with asyncio.timeout(30):
        assert await waiting is None


async def test_nothing_is_accepted_by_an_engine_that_is_stopping(site: LocalSite) -> None:
    backend = await site.backend()
    await add_device(backend, "web01")
    task, request = await add_task(backend), new_request()
    over = await finished(backend, await backend.tasks.run(task.id, request))
    busy = await backend.executions.run_ad_hoc(line("sleep 600"), "web01", new_request())
    await until(backend, busy, lambda found: found.targets.running == 1)
    stopping = asyncio.create_task(asyncio.to_thread(site.engine.stop, timedelta(minutes=1)))
    while not site.engine.is_stopping:
        await asyncio.sleep(0.01)
    before = len(_entries(site))
    starts: tuple[Callable[[], Awaitable[Any]], ...] = (
        lambda: backend.tasks.run(task.id, new_request()),
        lambda: backend.executions.run_ad_hoc(line("true"), "web01", new_request()),
        lambda: backend.executions.rerun(over.id, new_request(), frozenset({RerunScope.ALL})),
    )
    for start in starts:
        with pytest.raises(Unavailable, match="the engine is stopping; nothing was started"):
            await start()
    assert len(_entries(site)) == before
    # what was started before is still told
    assert await backend.tasks.run(task.id, request) == over.id
    await backend.executions.cancel(busy)
    await stopping
