"""A durable target: started, or taken up from a dead engine. Its traces are removed when its end is kept."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from deployx_tui.engine.attempt import NO_CHANGES, broken, end_of
from deployx_tui.engine.facts import Asking
from deployx_tui.engine.results import Ended, Results
from deployx_tui.engine.run import TargetJob
from deployx_tui.engine.settings import EngineSettings
from deployx_tui.engine.software import (
    Prepared,
    WithoutNotes,
    places,
    prepared,
    read_off,
    send,
    steps_of,
    under_way,
    wanted,
)
from deployx_tui.engine.starts import EngineEnds, Starts
from deployx_tui.engine.way import Way
from deployx_tui.engine.work import Sources
from deployx_tui.model.device import TransportKind
from deployx_tui.model.execution import Cause, Stream, TargetState
from deployx_tui.model.payload import CommandPayload
from deployx_tui.model.software import SoftwarePayload
from deployx_tui.output.store import OutputStore
from deployx_tui.output.writer import OutputWriter
from deployx_tui.runners.command import RunFacts, cancelled_before_start, unreached
from deployx_tui.runners.durable import DurableRun, Left, Over, Ways, run_durable
from deployx_tui.store.clock import now_ms
from deployx_tui.store.installed import Seen
from deployx_tui.transports.base import Endpoint, Transport, Unreached

log = logging.getLogger(__name__)

#: how long a worker waits until a result is kept, before it leaves the traces on the target to the sweep there
_KEPT_SECONDS = 60.0
_NOTHING: tuple[Seen, ...] = ()


class DurableTargets:
    """What a worker does with a durable target."""

    def __init__(
        self,
        settings: EngineSettings,
        transports: Mapping[TransportKind, Transport],
        output: OutputStore,
        starts: Starts,
        results: Results,
        asking: Asking,
        sources: Sources,
    ) -> None:
        self._settings, self._transports, self._output = settings, transports, output
        self._starts, self._results, self._asking, self._sources = starts, results, asking, sources

    def first(self, job: TargetJob) -> DurableRun:
        """What is written down before the first byte is sent."""
        return DurableRun(nonce=job.token, spool_bases=self._settings.spool_bases)

    def run(self, job: TargetJob, run: DurableRun) -> None:
        """Run it to its end, hand over what is known, and have its traces removed when that is kept."""
        way = Way(job, self._transports, self._settings.connect_timeout)
        try:
            writer = self._writer(job, run)
        except OSError as error:
            # what was kept of it can't be read: the target goes on, and the next engine may find the disk better
            log.error("%s of execution %s can't be taken up: %s", job.name, job.run.id, error)
            self._results.put(Ended(job=job, end=None))
            return
        self._results.began(job)
        try:
            done = self._made_ready(job, run, way)
            output = WithoutNotes(writer, run.mark) if isinstance(done, Prepared) else None
            found = self._attempt(job, run, way, writer, output, done) if not isinstance(done, Over | Left) else done
            if isinstance(found, Left):
                self._results.put(Ended(job=job, end=None, unfinished=writer.suspend()))
                return
            at = datetime.now(UTC)
            facts, changes, seen = found.facts, NO_CHANGES, _NOTHING
            if isinstance(done, Prepared) and output is not None:
                facts, changes, seen = read_off(job.secrets.mask(output.lines(at)), done, run.mark, facts)
            totals = writer.close(at, durable=True)
            end = end_of(job, facts, totals, at, changes)
            ended = Ended(job=job, end=end, totals=totals, contact=way.contact, is_durable=True, installed=seen)
            self._results.put(ended)
            if found.acknowledge is not None and ended.kept.wait(_KEPT_SECONDS):
                self._acknowledge(job, found)
        finally:
            way.close()
        if way.last is not None and isinstance(job.endpoint, Endpoint) and not job.cancel.is_set():
            self._asking.after_run(job.endpoint, way.last, f"run {job.run.id}")

    def _acknowledge(self, job: TargetJob, over: Over) -> None:
        try:
            is_removed = over.acknowledge is None or over.acknowledge()
        except Exception:  # its end is kept; what lies on the target is swept there after a week
            log.exception("removing the spool of %s", job.name)
            return
        if not is_removed:
            log.info("the spool folder of execution %s stays on %s for a week", job.run.id, job.name)

    def _writer(self, job: TargetJob, run: DurableRun) -> OutputWriter:
        of_run = job.secrets, self._settings.caps
        if job.resumes is None:
            return self._output.writer(job.id, job.run.id, job.device, *of_run)
        return self._output.reopen(job.id, job.run.id, job.device, *of_run, run.bases)

    def _made_ready(self, job: TargetJob, run: DurableRun, way: Way) -> CommandPayload | Prepared | Over | Left:
        """What is run; of software, once its files are there. A bug of ours ends this target, visibly."""
        payload = job.run.work.payload
        if isinstance(payload, CommandPayload):
            return payload
        if not isinstance(payload, SoftwarePayload):
            raise TypeError(f"{type(payload).__name__} is not durable")
        try:
            return self._software(job, payload, run, way)
        except EngineEnds:
            return Left()
        except Exception as error:  # said in the docstring; the traceback goes to the log
            log.exception("target %s (%s) of execution %s", job.id, job.name, job.run.id)
            return Over(broken(error, may_have_run=job.resumes is not None and not run.is_due))

    def _software(self, job: TargetJob, payload: SoftwarePayload, run: DurableRun, way: Way) -> Prepared | Over:
        if job.resumes is not None and not run.is_due:
            return under_way(job, payload)
        if (refusal := way.refusal()) is not None:
            return Over(refusal)
        facts, connection = job.facts, None
        if facts is None and payload.packages:
            connection = way.connect()
            if isinstance(connection, Unreached):
                return Over(unreached(connection))
            if isinstance(job.endpoint, Endpoint):
                facts = self._asking.now(job.endpoint, connection, f"run {job.run.id}", job.cancel)
        steps = steps_of(job, payload, facts)
        if isinstance(steps, RunFacts):
            return Over(steps)
        contents = wanted(steps)
        made = prepared(payload, steps, (run.nonce, run.mark), places(run.nonce, contents))
        if isinstance(made, RunFacts):
            return Over(made)
        if contents:
            connection = connection or way.connect()
            if isinstance(connection, Unreached):
                return Over(unreached(connection))
            account = None if payload.run_as is None else payload.run_as.user
            refused = send(connection, contents, run.nonce, self._sources.artifacts, job.cancel, account)
            if refused is not None:
                return Over(refused)
        return made

    def _attempt(
        self,
        job: TargetJob,
        run: DurableRun,
        way: Way,
        writer: OutputWriter,
        output: WithoutNotes | None,
        done: CommandPayload | Prepared,
    ) -> Over | Left:
        """Run it; `output` stands before the writer, None: nothing does.

        A bug of ours or of a library ends this target, visibly, and nothing else.
        """
        is_taken_up = job.resumes is not None
        may_run = is_taken_up and not run.is_due
        if (refusal := way.refusal()) is not None:
            if may_run:
                refusal = replace(refusal, state=TargetState.LOST, cause=Cause.LOST, changed=None)
            return Over(refusal)

        def keep(reached: DurableRun) -> DurableRun:
            frames = writer.settle(datetime.now(UTC))
            bases = writer.raw_offset(Stream.STDOUT), writer.raw_offset(Stream.STDERR)
            reached = replace(reached, bases=bases)
            self._starts.keep(job.id, job.token, reached.to_json(), frames)
            return reached

        ways = Ways(connect=way.connect, output=output or writer, keep=keep, cancel=job.cancel, leave=job.leave)
        try:
            found = run_durable(
                done.command if isinstance(done, Prepared) else done,
                run,
                ways,
                parameters=job.parameters,
                password=job.password,
                timeout=self._time_left(job),
                is_taken_up=is_taken_up,
            )
        except EngineEnds:
            return Left()
        except Exception as error:  # said in the docstring; the traceback goes to the log
            log.exception("target %s (%s) of execution %s", job.id, job.name, job.run.id)
            return Over(broken(error, may_have_run=may_run or way.last is not None))
        if isinstance(found, Over) and found.facts.state is TargetState.UNREACHABLE and job.cancel.is_set():
            return Over(cancelled_before_start())
        return found

    def _time_left(self, job: TargetJob) -> timedelta | None:
        timeout = job.run.work.timeout or self._settings.default_timeout
        if timeout is None or job.started_at_ms is None:
            return timeout
        return timeout - timedelta(milliseconds=now_ms() - job.started_at_ms)
