"""One target from its start to its result, in a worker's thread. Whatever happens, a result is handed over."""

from __future__ import annotations

import json
import logging
import secrets as random_source
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from deployx_tui.engine.attempt import Attempt, broken, end_of, not_tried, release, unkept, unreached
from deployx_tui.engine.facts import Asking
from deployx_tui.engine.results import Ended, Results
from deployx_tui.engine.resuming import RepeatableRun, Resumption
from deployx_tui.engine.run import TargetJob
from deployx_tui.engine.run_durable import DurableTargets
from deployx_tui.engine.run_repeatable import RepeatableTargets
from deployx_tui.engine.settings import EngineSettings
from deployx_tui.engine.starts import EngineEnds, StartRefused, Starts
from deployx_tui.engine.work import How, Sources, how
from deployx_tui.model.device import Contact, TransportKind
from deployx_tui.model.execution import TargetState
from deployx_tui.model.payload import CommandPayload
from deployx_tui.output.store import OutputStore
from deployx_tui.output.writer import OutputWriter
from deployx_tui.runners.command import RunFacts, run_command
from deployx_tui.runners.command import unreached as unreached_facts
from deployx_tui.runners.durable import DurableRun
from deployx_tui.transports.base import Connection, Endpoint, Transport, Unreached

log = logging.getLogger(__name__)


class TargetRunner:
    """What a worker does with a target."""

    def __init__(
        self,
        settings: EngineSettings,
        transports: Mapping[TransportKind, Transport],
        output: OutputStore,
        starts: Starts,
        results: Results,
        started: Callable[[TargetJob], None],
        asking: Asking,
        sources: Sources,
    ) -> None:
        """`started` is told of each target once it is written down as started, `asking` of each that was reached."""
        self._settings, self._transports, self._output = settings, transports, output
        self._starts, self._results, self._started = starts, results, started
        self._asking = asking
        self._durable = DurableTargets(settings, transports, output, starts, results, asking, sources)
        self._repeatable = RepeatableTargets(settings, transports, output, results, asking, sources)

    def run(self, job: TargetJob) -> None:
        """Start it, run it, hand over what is known."""
        if job.resumes is not None:
            self._go_on(job, job.resumes)
            return
        try:
            is_ours = not job.cancel.is_set() and self._may_start(job)
        except EngineEnds:
            is_ours = False
        except StartRefused as refused:
            log.error("%s of execution %s was not started: %s", job.name, job.run.id, refused)
            self._results.put(Ended(job=job, end=None, trouble=f"deployx itself failed to start it: {refused}"))
            return
        if not is_ours:
            self._results.put(Ended(job=job, end=None))
            return
        reached: Connection | None = None
        try:
            resumption = self._first(job)
            if resumption is not None:
                self._started(job)
                self._go_on(job, resumption)
                return
            ended, reached = self._ran(job)
        except Exception as error:  # it is written down as started: somebody must write down that it is over
            log.exception("target %s (%s) of execution %s", job.id, job.name, job.run.id)
            ended = Ended(job=job, end=unkept(error))
        self._results.put(ended)
        # not of one that was stopped: what stops many has the processors for itself
        if reached is not None and isinstance(job.endpoint, Endpoint) and not job.cancel.is_set():
            self._asking.after_run(job.endpoint, reached, f"run {job.run.id}")

    def _first(self, job: TargetJob) -> Resumption | None:
        """What is written down with its start, so that another engine can go on with it. None: it is lost with us."""
        match how(job.run.work.payload):
            case How.ONCE:
                return None
            case How.DURABLE:
                return self._durable.first(job)
            case How.REPEATABLE:
                return self._repeatable.first(job)

    def _go_on(self, job: TargetJob, resumption: Resumption) -> None:
        match resumption:
            case DurableRun():
                self._durable.run(job, resumption)
            case RepeatableRun():
                self._repeatable.run(job, resumption)

    def _ran(self, job: TargetJob) -> tuple[Ended, Connection | None]:
        """What came of it, and the connection over which its end was heard."""
        writer = self._output.writer(job.id, job.run.id, job.device, job.secrets, self._settings.caps)
        self._results.began(job)
        self._started(job)
        attempt = self._attempt(job, writer)
        at = datetime.now(UTC)
        totals = writer.close(at)
        ended = Ended(job=job, end=end_of(job, attempt.facts, totals, at), totals=totals, contact=attempt.contact)
        return ended, None if attempt.facts.state is TargetState.LOST else attempt.connection

    def _may_start(self, job: TargetJob) -> bool:
        # the token is the nonce too: what finds the command on the target again is stored before the first byte
        job.token = random_source.token_hex(16)
        resumption = self._first(job)
        handle = json.dumps({"nonce": job.token}, separators=(",", ":")) if resumption is None else resumption.to_json()
        return self._starts.start(job.id, job.token, handle)

    def _attempt(self, job: TargetJob, writer: OutputWriter) -> Attempt:
        """Connect and run. A bug of ours or of a library ends this target, visibly, and nothing else."""
        connection: Connection | None = None
        transport: Transport | None = None
        try:
            if job.endpoint is None:
                return Attempt(not_tried(TargetState.SKIPPED, "the device was deleted"), None)
            if isinstance(job.endpoint, Unreached):
                return Attempt(unreached_facts(job.endpoint), None)
            transport = self._transports.get(job.endpoint.transport)
            if transport is None:
                message = f"this engine has no transport {job.endpoint.transport}"
                return Attempt(not_tried(TargetState.FAILED, message), None)
            found = transport.connect(job.endpoint, self._settings.connect_timeout, job.cancel)
            if isinstance(found, Unreached):
                return unreached(job, found)
            connection = found
            return Attempt(self._command(job, connection, writer), Contact.OK, connection)
        except Exception as error:  # said in the docstring; the traceback goes to the log
            log.exception("target %s (%s) of execution %s", job.id, job.name, job.run.id)
            return Attempt(broken(error, may_have_run=connection is not None), None)
        finally:
            if transport is not None and connection is not None:
                release(transport, connection, job)

    def _command(self, job: TargetJob, connection: Connection, writer: OutputWriter) -> RunFacts:
        payload = job.run.work.payload
        if not isinstance(payload, CommandPayload):
            raise TypeError(f"{type(payload).__name__} is not run once")
        timeout = job.run.work.timeout or self._settings.default_timeout
        return run_command(
            payload,
            connection,
            writer.write,
            job.cancel,
            parameters=job.parameters,
            timeout=timeout,
            nonce=job.token,
            password=job.password,
        )
