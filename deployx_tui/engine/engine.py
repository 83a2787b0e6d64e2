"""The engine: one per process, the only thing that starts targets. Puts the pieces together and ends them in order.

    ticker -> claim -> dispatcher -> workers -> results
                            |           |           |
                          plans     one door    ends, events

Blocking code in threads; nothing here knows of HTTP, of the terminal or of who is asking.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from threading import Condition, Event, Thread

from deployx_tui.engine.claim import TaskClaim
from deployx_tui.engine.desk import Desk
from deployx_tui.engine.dispatcher import Dispatcher
from deployx_tui.engine.facts import Asking
from deployx_tui.engine.lag import Lag
from deployx_tui.engine.lease import Lease
from deployx_tui.engine.memory import share_arenas
from deployx_tui.engine.packing import Packing
from deployx_tui.engine.results import Ended, Results
from deployx_tui.engine.retention import Retention
from deployx_tui.engine.run import Run, TargetJob
from deployx_tui.engine.run_batch import Batches
from deployx_tui.engine.run_target import TargetRunner
from deployx_tui.engine.settings import EngineSettings
from deployx_tui.engine.starts import Starts
from deployx_tui.engine.work import How, Sources, how
from deployx_tui.engine.workers import Workers
from deployx_tui.errors import Unavailable
from deployx_tui.model.changes import TargetChanges
from deployx_tui.model.codec import JSON
from deployx_tui.model.device import TransportKind
from deployx_tui.model.execution import ExecutionStatus
from deployx_tui.model.ids import DeviceId, EngineId, ExecutionId
from deployx_tui.output.store import OutputStore
from deployx_tui.planning.plan import pinned_packages
from deployx_tui.runners.artifacts import ArtifactSource
from deployx_tui.scheduling.due import Ticker
from deployx_tui.scheduling.ticker import APSchedulerTicker
from deployx_tui.store import changes, endings, executions, targets
from deployx_tui.store.clock import now_ms
from deployx_tui.store.database import Database
from deployx_tui.transports.base import Transport
from deployx_tui.vault.vault import Vault

log = logging.getLogger(__name__)

#: how long stopping waits for a thread that has nothing left to do but to end
_JOIN_SECONDS = 10.0
#: and how long for a database that does not serve, while results wait for it: a disk that is full for a minute
#: must not cost a result
RESULTS_PATIENCE = timedelta(seconds=90)


class Engine:
    """Runs what is due and what is asked for. The caller opens and closes database, transports and output."""

    def __init__(
        self,
        database: Database,
        settings: EngineSettings,
        transports: Mapping[TransportKind, Transport],
        output: OutputStore,
        vault: Vault,
        artifacts: ArtifactSource,
        on_fenced: Callable[[], None] | None = None,
    ) -> None:
        """`artifacts`: what file tasks put on targets. `on_fenced` is called when another engine has taken this one for
        dead: nothing starts here any more, its targets count as lost there, and its process should end."""
        self._on_fenced = on_fenced
        self._lease = Lease(
            database,
            socket=str(settings.socket_path or ""),
            adopted=self.wake,
            fenced=self._fenced,
            beside_the_holder=settings.test_second_engine,
        )
        self.id: EngineId = self._lease.engine_id
        self._database, self._settings, self._output = database, settings, output
        self._lag = Lag()
        #: where the people are who may answer servers
        self.desk = Desk()
        self._retention = Retention(database, output, settings)
        self._packing = Packing(database, output)
        self._changed = Condition()
        #: guarded by `_changed`, notified when one ends
        self._runs: dict[ExecutionId, Run] = {}
        self._has_started = False
        self._stopping, self._ended = Event(), Event()
        #: of the monotonic clock; what runs longer is cancelled
        self._drained_by = math.inf
        self._starts = Starts(database, self.id)
        self._results = Results(database, output, settings, self._batch_over)
        self._asking = Asking(database, settings.facts_age)
        sources = Sources(artifacts=artifacts, changes=self._changes_of, packages=self._packages_of)
        runner = TargetRunner(
            settings, transports, output, self._starts, self._results, self._target_started, self._asking, sources
        )
        self._workers = Workers(settings.workers, runner.run)
        self._dispatcher = Dispatcher(database, self.id, vault, self._begin, self._abandon)
        self._batches = Batches(database, self.id, vault, self._dispatcher.inventory_of, self.desk)
        self._ticker: Ticker = APSchedulerTicker(TaskClaim(database, self.id), self._claimed)
        self._watch = Thread(target=self._watch_for_cancels, name="deployx-cancels", daemon=True)

    # -- life

    def start(self) -> None:
        """Take part: from now on what is due starts. Takes over first what a dead engine left.

        Raises:
            DatabaseRefused: another engine serves this database.
        """
        share_arenas()
        self._lease.start()
        self._has_started = True
        self._retention.remove_strays()
        self._retention.start()
        self._packing.start()
        self._results.start()
        self._dispatcher.start()
        self._watch.start()
        self._ticker.start()
        self.wake()

    def stop(self, drain: timedelta) -> None:
        """Start nothing more, wait so long for what runs, then cancel it, and end. Blocks.

        Targets that were not started stay waiting, and queued executions queued: the next engine takes them over. So it
        does with durable targets that run: they are neither waited for nor cancelled. Repeatable ones are waited for,
        and left to it when the wait is over.
        A second call waits for the first; one with a shorter drain makes it faster.
        """
        with self._changed:
            is_first = not self._stopping.is_set()
            self._starts.stop()
            self._stopping.set()
            self._drained_by = min(self._drained_by, time.monotonic() + drain.total_seconds())
            self._changed.notify_all()
        if is_first and self._has_started:
            self._end()
            self._ended.set()
        elif self._has_started:
            self._ended.wait()

    def _end(self) -> None:
        self._ticker.stop()
        for run in self._dispatcher.stop(_JOIN_SECONDS):
            self._forget(run)
        for job in self._workers.withdraw_all():
            self._results.put(Ended(job=job, end=None))
        # durable ones go on without us, and the next engine takes them up
        for run in self._present_runs():
            if how(run.work.payload) is How.DURABLE:
                for job in run.jobs():
                    job.leave.set()
        if not self._wait_for_runs():
            log.warning("ending what still runs")
            for run in self._present_runs():
                for job in run.jobs():
                    _end_early(job)
            self._drained_by = time.monotonic() + self._settings.kill_wait.total_seconds()
            if not self._wait_for_runs():
                log.error("leaving %d executions behind; the next engine will call them lost", len(self._runs))
        self._workers.close(_JOIN_SECONDS)
        self._asking.stop(_JOIN_SECONDS)
        self._results.stop(RESULTS_PATIENCE.total_seconds())
        self._watch.join(_JOIN_SECONDS)
        self._retention.stop(_JOIN_SECONDS)
        self._packing.stop(_JOIN_SECONDS)
        self._lease.stop()

    def _claimed(self, runs: tuple[ExecutionId, ...]) -> None:
        # the rows are the queue: the dispatcher reads them itself
        self.wake()

    # -- what the door asks for

    @property
    def is_stopping(self) -> bool:
        """It starts nothing more: what is queued from now on is the next engine's."""
        return self._stopping.is_set()

    def wake(self) -> None:
        """An execution was queued for this engine and committed."""
        self._dispatcher.wake()

    def tasks_changed(self) -> None:
        """A task may be due earlier than it was. Without this it is seen at the next poll (0.25 s)."""
        self._ticker.wake()

    def cancel(self, execution: ExecutionId) -> None:
        """A cancel was asked for and committed (`endings.request_cancel`): end what runs of it here."""
        with self._changed:
            run = self._runs.get(execution)
        if run is None or run.is_cancelled:
            return
        run.is_cancelled = True
        for job in run.jobs():
            job.cancel.set()
        withdrawn = self._workers.withdraw(execution)
        # what a dead engine left running on its target is to be ended, as soon as a worker is free
        self._workers.submit(job for job in withdrawn if job.resumes is not None)
        for job in withdrawn:
            if job.resumes is None:
                self._results.put(Ended(job=job, end=None))

    def counts(self) -> tuple[int, int]:
        """(running, queued or waiting) executions of this engine."""
        with self._database.read() as c:
            alive = executions.alive(c, self.id)
        running = alive.get(ExecutionStatus.RUNNING, 0)
        return running, sum(alive.values()) - running

    def is_idle(self) -> bool:
        """Nothing runs, waits or is queued. Fires due later do not count."""
        with self._changed:
            if self._runs:
                return False
        return self.counts() == (0, 0)

    def is_at_rest(self) -> bool:
        """No target runs, whatever waits, is queued or is not written down yet. Asks memory only."""
        return not self._results.is_any_running

    def lag_ms(self) -> int:
        """How late runs began, at worst within the last hour."""
        return self._lag.worst()

    def troubles(self) -> tuple[str, ...]:
        """Why it can't write down what it does; () when it can."""
        refusal = self._database.refusal
        found = tuple(filter(None, (self._starts.trouble, self._results.trouble)))
        return found or ((f"the last write was refused: {refusal}",) if refusal else ())

    # -- under way

    def _begin(self, run: Run) -> None:
        """Of the dispatcher's thread: the run's targets stand in the database; start its next batch.

        Raises Unavailable; it may be called again then.
        """
        with self._changed:
            self._runs[run.id] = run
        jobs = self._batches.begin_next(run)
        if jobs:
            self._workers.submit(jobs)
            return
        # adopted from an engine that died before it could say that all was over
        with self._database.write() as c:
            endings.finish(c, run.id, now_ms())
        self._forget(run)

    def _abandon(self, run: Run) -> None:
        """Of the dispatcher's thread: a bug keeps the run from being begun. Raises Unavailable."""
        self._workers.withdraw(run.id)
        with self._database.write() as c:
            now = now_ms()
            targets.skip_waiting(c, run.id, "deployx itself failed to begin it; its log says more", now)
            endings.finish(c, run.id, now)
        self._forget(run)

    def _batch_over(self, run: Run) -> None:
        """Of the results' thread: every target of the run's batch is over and written."""
        if run.batches and not run.is_cancelled and not self._stopping.is_set():
            self._dispatcher.ready(run)
        else:
            self._forget(run)

    def _forget(self, run: Run) -> None:
        self._output.end_run(run.id)
        self._packing.want()
        with self._changed:
            self._runs.pop(run.id, None)
            self._changed.notify_all()

    def _changes_of(self, execution: ExecutionId, device: DeviceId) -> TargetChanges:
        """Of a worker's thread: what a rollback takes back. Raises Unavailable."""
        with self._database.read() as c:
            return changes.load(c, execution, device)

    def _packages_of(self, execution: ExecutionId) -> tuple[JSON, ...]:
        """Of a worker's thread: what the plan of a run that is taken back has of the catalogue. Raises Unavailable."""
        with self._database.read() as c:
            run = executions.load_run(c, execution)
        return () if run is None or run.plan_json is None else pinned_packages(run.plan_json)

    def _fenced(self) -> None:
        self._starts.stop()
        # another engine begins them again at this moment: two that write one file would spoil it for each other
        for run in self._present_runs():
            if how(run.work.payload) is How.REPEATABLE:
                for job in run.jobs():
                    _let_go(job)
        if self._on_fenced is not None:
            self._on_fenced()

    def _target_started(self, job: TargetJob) -> None:
        if not job.run.has_started:
            job.run.has_started = True
            self._lag.add(now_ms() - job.run.due_at_ms)

    def _present_runs(self) -> tuple[Run, ...]:
        with self._changed:
            return tuple(self._runs.values())

    def _wait_for_runs(self) -> bool:
        """Until none is left, or `_drained_by`, which may come nearer meanwhile."""
        with self._changed:
            while self._runs and (left := self._drained_by - time.monotonic()) > 0:
                self._changed.wait(min(left, threading.TIMEOUT_MAX))
            return not self._runs

    def _watch_for_cancels(self) -> None:
        """Cancels that another process wrote down can't call us."""
        is_failing = False
        while not self._stopping.wait(self._settings.poll.total_seconds()):
            if not self._present_runs():
                continue
            try:
                with self._database.read() as c:
                    asked = executions.cancels_asked(c, self.id)
                for execution in asked:
                    self.cancel(execution)
                is_failing = False
            except Unavailable as error:
                if not is_failing:
                    log.warning("cancels of other processes are not seen: %s", error)
                is_failing = True
            except Exception:  # the next look may succeed; a cancel must stay possible
                log.exception("looking for cancels")


def _end_early(job: TargetJob) -> None:
    """At the end of a drain: what the next engine can go on with is let go of, what it can't is cancelled."""
    match how(job.run.work.payload):
        case How.ONCE:
            job.cancel.set()
        case How.DURABLE:
            return
        case How.REPEATABLE:
            _let_go(job)


def _let_go(job: TargetJob) -> None:
    """Of a repeatable target: it stops where it is, and the next engine goes on there."""
    job.leave.set()
    connection = job.connection
    if connection is not None:
        connection.close()
