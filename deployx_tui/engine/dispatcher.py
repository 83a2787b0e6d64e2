"""From queued executions to running batches: plans them, freezes their targets, enqueues their batches.

One thread. Executions of one moment are planned over one snapshot and frozen in one transaction: a thousand tasks
due in the same second cost a handful of commits.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from threading import Event, Thread

from sqlalchemy import Connection

from deployx_tui.engine import software
from deployx_tui.engine.run import Run
from deployx_tui.engine.secrets import waits_for_vault
from deployx_tui.errors import InvalidInput, NotFound, Unavailable
from deployx_tui.model.artifact import ArtifactRef, ref_of
from deployx_tui.model.changes import RollbackPayload
from deployx_tui.model.execution import Trigger
from deployx_tui.model.files import FileItem
from deployx_tui.model.ids import BatchId, DeviceId, EngineId, ExecutionId
from deployx_tui.model.inventory import Inventory
from deployx_tui.model.secret import VaultState
from deployx_tui.planning.parameters import resolve_values
from deployx_tui.planning.plan import (
    Plan,
    PlannedTarget,
    Work,
    make_plan,
    pin,
    pinned_artifacts,
    pinned_packages,
    read_draft,
    values_of,
)
from deployx_tui.planning.rollback import rollback_targets
from deployx_tui.planning.targets import resolve_targets
from deployx_tui.runners.parameter_file import read_parameter_file
from deployx_tui.store import artifacts, changes, credentials, endings, executions, inventory, results, targets
from deployx_tui.store.clock import now_ms
from deployx_tui.store.database import Database
from deployx_tui.store.executions import RunRow
from deployx_tui.vault.vault import Vault

log = logging.getLogger(__name__)

#: executions in one transaction
_AT_ONCE = 100
#: what a run waits for that needs a secret while none can be read
VAULT = "vault"


@dataclass(frozen=True, slots=True)
class _Planned:
    row: RunRow
    work: Work
    #: None: it was planned before, by an engine that is no more
    plan: Plan | None
    targets: tuple[PlannedTarget, ...]

    def devices(self, c: Connection) -> tuple[DeviceId, ...]:
        """Where it is still to run."""
        if self.plan is None:
            return targets.waiting_devices(c, self.row.id)
        return tuple(target.device for target in self.targets)


#: a person started it and may still be there
_BY_HAND = frozenset((Trigger.MANUAL, Trigger.AD_HOC, Trigger.RERUN))


class Dispatcher:
    """The thread that plans, and begins batches.

    `begin` takes a run whose batches stand in the database and begins the next one; it is called in the thread,
    and again a second later while it raises Unavailable. `abandon` is told of a run that can't be begun at all.
    """

    def __init__(
        self,
        database: Database,
        engine: EngineId,
        vault: Vault,
        begin: Callable[[Run], None],
        abandon: Callable[[Run], None],
    ) -> None:
        self._database, self._engine, self._vault = database, engine, vault
        self._begin, self._abandon = begin, abandon
        #: runs whose next batch is to begin; only this thread takes from it
        self._ready: deque[Run] = deque()
        #: of those, what a bug keeps from being begun
        self._broken: set[Run] = set()
        #: runs whose planning was cut off by the database: it may have been committed, then nobody queues them again
        self._in_doubt: dict[ExecutionId, None] = {}
        #: runs of this engine may wait for the vault
        self._is_vault_wanted = True
        self._awake = Event()
        self._is_stopping = False
        self._thread = Thread(target=self._live, name="deployx-dispatcher", daemon=True)
        self._inventory: tuple[int, Inventory] | None = None

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Executions were queued."""
        self._awake.set()

    def ready(self, run: Run) -> None:
        """Its next batch may begin. Any thread."""
        self._ready.append(run)
        self._awake.set()

    def stop(self, timeout: float) -> tuple[Run, ...]:
        """Plan nothing more; what is queued stays queued for the next engine. Returns runs that were not begun."""
        self._is_stopping = True
        self._awake.set()
        self._thread.join(timeout)
        return tuple(self._ready)

    def inventory_of(self, c: Connection) -> Inventory:
        """Devices and groups as they are in this transaction; read again only when they changed."""
        version = inventory.version(c)
        if self._inventory is None or self._inventory[0] != version:
            self._inventory = version, inventory.load_inventory(c)
        return self._inventory[1]

    def _live(self) -> None:
        is_failing = False
        while not self._is_stopping:
            # rows queued by a process that can't wake us are found within a second
            self._awake.wait(timeout=1.0)
            self._awake.clear()
            try:
                self._begin_all()
                self._dispatch_all()
                is_failing = False
            except Unavailable as error:
                if not is_failing:
                    log.warning("nothing can be planned: %s", error)
                is_failing = True
            except Exception:  # the dispatcher outlives a bug; each run's own is told in its row
                log.exception("dispatching")

    def _dispatch_all(self) -> None:
        self._release_from_vault()
        seen: set[ExecutionId] = set()
        while not self._is_stopping:
            with self._database.read() as c:
                queued = executions.queued(c, self._engine)
            waiting = [each for each in dict.fromkeys((*self._in_doubt, *queued)) if each not in seen]
            if not waiting:
                return
            some = waiting[:_AT_ONCE]
            seen.update(some)
            self._dispatch(some)
            self._begin_all()

    def _begin_all(self) -> None:
        """What can't be begun now stays, in its place."""
        while self._ready and not self._is_stopping:
            run = self._ready[0]
            if run not in self._broken:
                try:
                    self._begin(run)
                except Unavailable:
                    raise
                except Exception:  # one run that can't be begun must not hold up the others
                    log.exception("beginning a batch of execution %s", run.id)
                    self._broken.add(run)
            if run in self._broken:
                self._abandon(run)
                self._broken.discard(run)
            self._ready.popleft()

    def _release_from_vault(self) -> None:
        """What waits for the vault is queued again once it is open."""
        if not self._is_vault_wanted or self._vault.open() not in (VaultState.OPEN, VaultState.EMPTY):
            return
        with self._database.write() as c:
            released = executions.release(c, self._engine, VAULT, now_ms())
        if released:
            log.info("the vault is open: %d runs go on", len(released))
        self._is_vault_wanted = False

    def _dispatch(self, some: Sequence[ExecutionId]) -> None:
        try:
            self._plan_and_freeze(some)
            for each in some:
                self._in_doubt.pop(each, None)
        except Unavailable:
            self._in_doubt.update(dict.fromkeys(some))
            raise
        except Exception:  # one run that can't be planned must not hold up the others
            if len(some) == 1:
                log.exception("planning execution %s", some[0])
                self._fail(some[0], "deployx itself failed to plan it; its log says more")
                self._in_doubt.pop(some[0], None)
                return
            for each in some:
                self._dispatch([each])

    def _plan_and_freeze(self, some: Sequence[ExecutionId]) -> None:
        planned: list[_Planned] = []
        refused: list[tuple[ExecutionId, str]] = []
        waiting: list[ExecutionId] = []
        with self._database.read() as c:
            found = self.inventory_of(c)
            for id_ in some:
                row = executions.load_run(c, id_)
                if row is None or not row.status.is_alive:
                    continue
                try:
                    plan = _planned(c, row, found)
                except InvalidInput as error:
                    refused.append((id_, str(error)))
                    continue
                if waits_for_vault(c, self._vault, found, plan.devices(c), plan.work):
                    waiting.append(id_)
                else:
                    planned.append(plan)
        runs: list[Run] = []
        with self._database.write() as c:
            now = now_ms()
            for id_, why in refused:
                endings.fail(c, id_, why, now)
            for id_ in waiting:
                executions.wait(c, id_, VAULT, now)
            for each in planned:
                run = _frozen(c, each, now)
                if run is not None:
                    runs.append(run)
        if waiting:
            self._is_vault_wanted = True
            log.warning("%d runs wait for the vault: %s", len(waiting), self._vault.trouble)
        self._ready.extend(runs)

    def _fail(self, execution: ExecutionId, why: str) -> None:
        with self._database.write() as c:
            endings.fail(c, execution, why, now_ms())


def _planned(c: Connection, row: RunRow, found: Inventory) -> _Planned:
    work = _as_who_changed_it(c, read_draft(row.draft_json))
    if row.plan_json is not None:
        pinned = pinned_artifacts(row.plan_json), pinned_packages(row.plan_json)
        work = replace(work, values=values_of(row.plan_json), artifacts=pinned[0], packages=pinned[1])
        return _Planned(row, work, None, ())
    if work.values is None:
        # nobody started it by hand: every parameter takes its default, a file what is in it now
        values = resolve_values(work.payload, {}, read_parameter_file, lambda name: credentials.parameter(c, name))
        work = replace(work, values=values)

    if not work.artifacts:
        work = replace(work, artifacts=pin(work.payload, lambda item: _artifact(c, item)))
    if not work.packages:
        work = replace(work, packages=software.pinned(c, work.payload))
    chosen = _chosen(c, row, work, found)
    if isinstance(work.payload, RollbackPayload):
        chosen = _to_take_back(c, work, work.payload, found, chosen)
    run_as = None if work.payload.run_as is None else work.payload.run_as.user
    plan = make_plan(task=row.task_id, task_version=row.task_version, work=work, targets=chosen, run_as=run_as)
    return _Planned(row, work, plan, chosen)


def _chosen(c: Connection, row: RunRow, work: Work, found: Inventory) -> tuple[PlannedTarget, ...]:
    """What its selector and its ids mean now."""

    def failed(execution: ExecutionId) -> frozenset[DeviceId]:
        return results.failed_in(c, execution)

    # a name that was deleted since the task was saved must not keep a scheduled run from all the other devices;
    # where a person waits for the answer, they are told
    is_lenient = row.trigger is Trigger.SCHEDULE
    resolved = resolve_targets(work.selector, work.device_ids, work.group_ids, found, failed, lenient=is_lenient)
    return tuple(PlannedTarget(device, name, why) for device, name, why in resolved)


def _to_take_back(
    c: Connection, work: Work, payload: RollbackPayload, found: Inventory, chosen: tuple[PlannedTarget, ...]
) -> tuple[PlannedTarget, ...]:
    """Where the execution changed something; of the chosen ones, where any were chosen."""
    run = executions.load_run(c, payload.execution)
    wanted = {each.device for each in chosen} if work.selector or work.device_ids or work.group_ids else None
    changed = changes.of_execution(c, payload.execution)
    return rollback_targets(
        payload.execution, None if run is None else run.status, changed, found.devices.keys(), wanted
    )


def _as_who_changed_it(c: Connection, work: Work) -> Work:
    """A rollback that names no account takes that of the run that it takes back: who else may?"""
    payload = work.payload
    if not isinstance(payload, RollbackPayload) or payload.run_as is not None:
        return work
    run = executions.load_run(c, payload.execution)
    if run is None or run.plan_json is None:
        return work
    return replace(work, payload=replace(payload, run_as=read_draft(run.plan_json).payload.run_as))


def _artifact(c: Connection, item: FileItem) -> ArtifactRef | None:
    """What an item means now; None: it is not there any more."""
    try:
        found = artifacts.get(c, item.artifact)
    except NotFound:
        return None
    return ref_of(artifacts.versions(c, found.name)[0] if item.newest else found)


def _frozen(c: Connection, planned: _Planned, now: int) -> Run | None:
    """The run, when there is something to do. None: cancelled meanwhile, or nothing matched and it is over."""
    row, plan = planned.row, planned.plan
    batches: Iterable[BatchId]
    if plan is None:
        batches = executions.batches(c, row.id)
    else:
        whole = [[(target.device, target.name) for target in planned.targets]] if planned.targets else []
        batches = executions.freeze_plan(c, row.id, plan.text, plan.sha256, whole, now, planned.work.summary)
        if not planned.targets:
            endings.skip(c, row.id, f"{planned.work.chosen} matches no device", now)
            return None
    batches = deque(batches)
    # adopted with durable targets that run: also one that was cancelled meanwhile, to end them
    is_cancelled = row.plan_json is not None and row.cancel_requested
    if not batches or not executions.set_running(c, row.id, now, even_cancelled=is_cancelled):
        return None
    return Run(
        id=row.id,
        task=row.task_id,
        due_at_ms=row.due_at_ms,
        work=planned.work,
        batches=batches,
        by_hand_of=row.started_by if row.trigger in _BY_HAND else None,
        is_cancelled=is_cancelled,
    )
