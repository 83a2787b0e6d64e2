"""A repeatable target: run, and run again where its connection broke or its engine died, until it has ended.

A break costs what was on its way: whoever runs it again leaves alone what is done and goes on with what is not. So
it is lost only when its target stays away, or a break comes again and again at the same byte.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event

from deployx_tui.engine.attempt import broken, end_of
from deployx_tui.engine.facts import Asking
from deployx_tui.engine.results import Ended, Results
from deployx_tui.engine.resuming import RepeatableRun
from deployx_tui.engine.run import TargetJob
from deployx_tui.engine.settings import EngineSettings
from deployx_tui.engine.way import Way
from deployx_tui.engine.work import NONE, Done, Sources, run_repeatable, wants_facts
from deployx_tui.model.changes import TargetChanges
from deployx_tui.model.device import TransportKind
from deployx_tui.model.execution import Cause, KillReport, KillVerdict, TargetState
from deployx_tui.model.facts import Facts
from deployx_tui.output.store import OutputStore
from deployx_tui.output.writer import OutputWriter
from deployx_tui.runners.command import RunFacts, cancelled_before_start, unreached
from deployx_tui.runners.durable import BACK_OFF
from deployx_tui.store.clock import now_ms
from deployx_tui.transports.base import Connection, Endpoint, Transport, Unreached

log = logging.getLogger(__name__)

#: breaks one after the other without a byte more on the target; with the pauses between them some two minutes
MOST_BREAKS = len(BACK_OFF) + 2
_LOOK = 0.2


class RepeatableTargets:
    """What a worker does with a repeatable target."""

    def __init__(
        self,
        settings: EngineSettings,
        transports: Mapping[TransportKind, Transport],
        output: OutputStore,
        results: Results,
        asking: Asking,
        sources: Sources,
    ) -> None:
        self._settings, self._transports, self._output = settings, transports, output
        self._results, self._asking, self._sources = results, asking, sources

    def first(self, job: TargetJob) -> RepeatableRun:
        """What is written down before the first byte is sent."""
        return RepeatableRun(nonce=job.token)

    def run(self, job: TargetJob, run: RepeatableRun) -> None:
        """Run it to its end, and hand over what is known."""
        way = Way(job, self._transports, self._settings.connect_timeout)
        try:
            writer = self._writer(job)
        except OSError as error:
            # what was kept of it can't be read: it waits for the next engine, which may find the disk better
            log.error("%s of execution %s can't be taken up: %s", job.name, job.run.id, error)
            self._results.put(Ended(job=job, end=None))
            return
        self._results.began(job)
        try:
            found = _Repeating(job, run, way, writer, self._time_left(job), self).to_the_end()
        except Exception as error:  # a bug of ours or of a library ends this target, visibly, and nothing else
            log.exception("target %s (%s) of execution %s", job.id, job.name, job.run.id)
            may_have_run = job.resumes is not None or way.last is not None
            found = broken(error, may_have_run=may_have_run), NONE
        finally:
            job.connection = None
            way.close()
        if found is None:
            # let go of: the next engine begins it again
            self._results.put(Ended(job=job, end=None, unfinished=writer.suspend()))
            return
        facts, changes = found
        at = datetime.now(UTC)
        totals = writer.close(at)
        end = end_of(job, facts, totals, at, changes)
        self._results.put(Ended(job=job, end=end, totals=totals, contact=way.contact))
        is_heard = facts.state is not TargetState.LOST and not job.cancel.is_set()
        if way.last is not None and is_heard and isinstance(job.endpoint, Endpoint):
            self._asking.after_run(job.endpoint, way.last, f"run {job.run.id}")

    def attempt(
        self, job: TargetJob, run: RepeatableRun, connection: Connection, writer: OutputWriter, left: timedelta | None
    ) -> Done:
        """One attempt over one connection."""
        facts = job.facts
        if facts is None and wants_facts(job.run.work.payload):
            facts = self._told(job, connection)
        return run_repeatable(job, run.nonce, connection, writer.write, left, facts, self._sources)

    def _told(self, job: TargetJob, connection: Connection) -> Facts | None:
        if not isinstance(job.endpoint, Endpoint):
            return None
        return self._asking.now(job.endpoint, connection, f"run {job.run.id}", job.cancel)

    def _writer(self, job: TargetJob) -> OutputWriter:
        of_run = job.secrets, self._settings.caps
        if job.resumes is None:
            return self._output.writer(job.id, job.run.id, job.device, *of_run)
        return self._output.reopen(job.id, job.run.id, job.device, *of_run, (0, 0))

    def _time_left(self, job: TargetJob) -> timedelta | None:
        timeout = job.run.work.timeout or self._settings.default_timeout
        if timeout is None or job.started_at_ms is None:
            return timeout
        return timeout - timedelta(milliseconds=now_ms() - job.started_at_ms)


class _Repeating:
    """One target's attempts."""

    def __init__(
        self,
        job: TargetJob,
        run: RepeatableRun,
        way: Way,
        writer: OutputWriter,
        timeout: timedelta | None,
        targets: RepeatableTargets,
    ) -> None:
        self._job, self._run, self._way, self._writer, self._targets = job, run, way, writer, targets
        self._timeout = timeout
        self._deadline = None if timeout is None else time.monotonic() + timeout.total_seconds()
        #: something may have been sent already, by us or by an engine that is no more
        self._may_have_run = job.resumes is not None
        self._changes = NONE
        self._breaks = 0
        self._furthest = 0

    def to_the_end(self) -> Done | None:
        """How it ended; None: it was let go of."""
        if (refusal := self._way.refusal()) is not None:
            if self._may_have_run:
                refusal = replace(refusal, state=TargetState.LOST, cause=Cause.LOST, changed=None)
            return refusal, NONE
        while True:
            if (early := self._before()) is not None:
                return self._cleared_up(early)
            facts, changes = self._attempt(self._job.cancel)
            if not _is_broken(facts):
                # whoever runs it again tells of what was changed before too
                return facts, changes
            self._changes = together(self._changes, changes)
            if self._job.leave.is_set():
                return None
            done = self._job.meter.now()
            if done is not None and done.done > self._furthest:
                self._furthest, self._breaks = done.done, 0
            self._breaks += 1
            if self._breaks >= MOST_BREAKS:
                return self._with_changes(self._given_up(facts))
            log.info("%s of execution %s is begun again: %s", self._job.name, self._job.run.id, facts.message)
            if not self._pause():
                return None

    def _attempt(self, cancel: Event) -> Done:
        """`cancel` ends the search for the target; the job's own ends what is done there."""
        job = self._job
        found = self._way.connect(cancel)
        if isinstance(found, Unreached):
            if job.cancel.is_set():
                return self._cancelled(), NONE
            if not self._may_have_run:
                return unreached(found), NONE
            return RunFacts(state=TargetState.LOST, cause=Cause.LOST, message=found.message), NONE
        self._may_have_run = True
        # whoever lets go of it sets the flag before looking for the connection: one of the two sees the other
        job.connection = found
        if job.leave.is_set():
            return RunFacts(state=TargetState.LOST, cause=Cause.LOST), NONE
        try:
            return self._targets.attempt(job, self._run, found, self._writer, self._left())
        finally:
            job.connection = None

    def _before(self) -> RunFacts | None:
        """What ends it between two attempts; None: go on."""
        if self._job.cancel.is_set():
            return self._cancelled()
        left = self._left()
        if left is not None and left <= timedelta(0):
            message = "the time was over before it was done; a part of a file may lie beside its place on the target"
            return RunFacts(state=TargetState.TIMED_OUT, cause=Cause.TIMEOUT, message=message)
        return None

    def _cleared_up(self, early: RunFacts) -> Done:
        """It ends here; what was begun on the target is cleared up there, if it can be reached once more."""
        if self._may_have_run and not self._job.leave.is_set():
            facts, changes = self._attempt(Event())
            self._changes = together(self._changes, changes)
            if not _is_broken(facts):
                early = facts
        return self._with_changes(early)

    def _with_changes(self, facts: RunFacts) -> Done:
        return replace(facts, changed=True) if self._changes else facts, self._changes

    def _cancelled(self) -> RunFacts:
        if not self._may_have_run:
            return cancelled_before_start()
        message = "cancelled while the target could not be reached; a part of a file may lie beside its place there"
        kill = KillReport(KillVerdict.UNKNOWN)
        return RunFacts(state=TargetState.CANCELLED, cause=Cause.KILLED, kill=kill, message=message)

    def _given_up(self, facts: RunFacts) -> RunFacts:
        message = (
            f"the connection broke {self._breaks} times, and it was begun again each time; at last: {facts.message}"
        )
        return replace(facts, state=TargetState.LOST, cause=Cause.LOST, changed=None, message=message)

    def _left(self) -> timedelta | None:
        # what is over its time is still told so, and clears up
        return None if self._deadline is None else timedelta(seconds=self._deadline - time.monotonic())

    def _pause(self) -> bool:
        """False: it was let go of meanwhile. A cancel and the deadline end it early, and are seen by `_before`."""
        until = time.monotonic() + BACK_OFF[min(self._breaks - 1, len(BACK_OFF) - 1)]
        if self._deadline is not None:
            until = min(until, self._deadline)
        while (left := until - time.monotonic()) > 0:
            if self._job.leave.is_set():
                return False
            if self._job.cancel.wait(min(left, _LOOK)):
                break
        return not self._job.leave.is_set()


def _is_broken(facts: RunFacts) -> bool:
    """Whether a connection ended, or took no command any more, before the work did."""
    return facts.cause is Cause.LOST and facts.state in (TargetState.LOST, TargetState.FAILED)


def together(before: TargetChanges, after: TargetChanges) -> TargetChanges:
    """What two attempts changed: of each thing what was there at first, and what is there at last."""
    files = {each.path: each for each in before.files}
    for each in after.files:
        first = files.get(each.path)
        files[each.path] = each if first is None else replace(first, after=each.after)
    packages = {each.package: each for each in before.packages}
    for package in after.packages:
        known = packages.get(package.package)
        packages[package.package] = package if known is None else replace(known, after=package.after)
    return TargetChanges(files=tuple(files.values()), packages=tuple(packages.values()))
