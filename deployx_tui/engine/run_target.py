"""One target from its start to its result, in a worker's thread. Whatever happens, a result is handed over."""

from __future__ import annotations

import json
import logging
import secrets as random_source
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from deployx_tui.engine.facts import Asking
from deployx_tui.engine.results import Ended, Results
from deployx_tui.engine.run import TargetJob
from deployx_tui.engine.settings import EngineSettings
from deployx_tui.engine.starts import EngineEnds, StartRefused, Starts
from deployx_tui.model.device import Contact, TransportKind
from deployx_tui.model.execution import Cause, TargetState
from deployx_tui.output.store import OutputStore
from deployx_tui.output.writer import OutputTotals, OutputWriter
from deployx_tui.runners.command import RunFacts, cancelled_before_start, run_command, unreached
from deployx_tui.store.clock import to_ms
from deployx_tui.store.targets import TargetEnd
from deployx_tui.transports.base import Connection, Endpoint, Transport, Unreached

log = logging.getLogger(__name__)

#: characters of a target's message
_MOST_MESSAGE = 4_000


@dataclass(frozen=True, slots=True)
class _Attempt:
    facts: RunFacts
    #: None: no attempt to reach the device was made
    contact: Contact | None
    #: over which it was reached; given back already
    connection: Connection | None = None


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
    ) -> None:
        """`started` is told of each target once it is written down as started, `asking` of each that was reached."""
        self._settings, self._transports, self._output = settings, transports, output
        self._starts, self._results, self._started = starts, results, started
        self._asking = asking

    def run(self, job: TargetJob) -> None:
        """Start it, run it, hand over what is known."""
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
            ended, reached = self._ran(job)
        except Exception as error:  # it is written down as started: somebody must write down that it is over
            log.exception("target %s (%s) of execution %s", job.id, job.name, job.run.id)
            ended = Ended(job=job, end=_unkept(error))
        self._results.put(ended)
        if reached is not None and isinstance(job.endpoint, Endpoint):
            self._asking.after_run(job.endpoint, reached, f"run {job.run.id}")

    def _ran(self, job: TargetJob) -> tuple[Ended, Connection | None]:
        """What came of it, and the connection over which its end was heard."""
        writer = self._output.writer(job.id, job.run.id, job.device, job.secrets, self._settings.caps)
        self._results.began(job)
        self._started(job)
        attempt = self._attempt(job, writer)
        at = datetime.now(UTC)
        totals = writer.close(at)
        ended = Ended(job=job, end=_end(job, attempt.facts, totals, at), totals=totals, contact=attempt.contact)
        return ended, None if attempt.facts.state is TargetState.LOST else attempt.connection

    def _may_start(self, job: TargetJob) -> bool:
        # the token is the nonce too: what finds the command on the target again is stored before the first byte
        job.token = random_source.token_hex(16)
        handle = json.dumps({"nonce": job.token}, separators=(",", ":"))
        return self._starts.start(job.id, job.token, handle)

    def _attempt(self, job: TargetJob, writer: OutputWriter) -> _Attempt:
        """Connect and run. A bug of ours or of a library ends this target, visibly, and nothing else."""
        connection: Connection | None = None
        transport: Transport | None = None
        try:
            if job.endpoint is None:
                return _Attempt(_not_tried(TargetState.SKIPPED, "the device was deleted"), None)
            if isinstance(job.endpoint, Unreached):
                return _Attempt(unreached(job.endpoint), None)
            transport = self._transports.get(job.endpoint.transport)
            if transport is None:
                message = f"this engine has no transport {job.endpoint.transport}"
                return _Attempt(_not_tried(TargetState.FAILED, message), None)
            found = transport.connect(job.endpoint, self._settings.connect_timeout, job.cancel)
            if isinstance(found, Unreached):
                return _unreached(job, found)
            connection = found
            return _Attempt(self._command(job, connection, writer), Contact.OK, connection)
        except Exception as error:  # said in the docstring; the traceback goes to the log
            log.exception("target %s (%s) of execution %s", job.id, job.name, job.run.id)
            return _Attempt(_broken(error, may_have_run=connection is not None), None)
        finally:
            if transport is not None and connection is not None:
                _release(transport, connection, job)

    def _command(self, job: TargetJob, connection: Connection, writer: OutputWriter) -> RunFacts:
        timeout = job.run.work.timeout or self._settings.default_timeout
        return run_command(
            job.run.work.payload,
            connection,
            writer.write,
            job.cancel,
            parameters=job.parameters,
            timeout=timeout,
            nonce=job.token,
        )


def _unreached(job: TargetJob, outcome: Unreached) -> _Attempt:
    if job.cancel.is_set():
        return _Attempt(cancelled_before_start(), None)
    return _Attempt(unreached(outcome), _contact(outcome.cause))


def _contact(cause: Cause) -> Contact:
    match cause:
        case Cause.HOST_KEY:
            return Contact.HOST_KEY
        case Cause.AUTH:
            return Contact.AUTH
        case _:
            return Contact.UNREACHABLE


def _not_tried(state: TargetState, message: str) -> RunFacts:
    return RunFacts(state=state, changed=False, message=message)


def _broken(error: Exception, *, may_have_run: bool) -> RunFacts:
    what = f"deployx itself failed: {type(error).__name__}: {error}"
    if may_have_run:
        return RunFacts(state=TargetState.LOST, cause=Cause.LOST, message=f"{what}; the command may have run")
    return RunFacts(state=TargetState.FAILED, changed=False, message=f"{what}; nothing was sent")


def _unkept(error: Exception) -> TargetEnd:
    facts = _broken(error, may_have_run=True)
    at = to_ms(datetime.now(UTC))
    return TargetEnd(
        state=facts.state,
        at_ms=at,
        cause=facts.cause,
        changed=None,
        output_cut=True,
        error_message=_kept(facts.message),
    )


def _release(transport: Transport, connection: Connection, job: TargetJob) -> None:
    try:
        transport.release(connection)
    except Exception:  # the result is known and must be kept; a leaked connection is the smaller harm
        log.exception("giving back the connection to %s", job.name)


def _end(job: TargetJob, facts: RunFacts, totals: OutputTotals, at: datetime) -> TargetEnd:
    message = "; ".join(part for part in (facts.message, totals.trouble) if part)
    return TargetEnd(
        state=facts.state,
        at_ms=to_ms(at),
        exit_code=facts.exit_code,
        signal=None if facts.signal is None else _kept(facts.signal),
        cause=facts.cause,
        changed=facts.changed,
        kill=facts.kill,
        stdout_bytes=totals.stdout_bytes,
        stderr_bytes=totals.stderr_bytes,
        output_cut=totals.cut,
        output_sha256=totals.sha256,
        error_message=_kept(job.secrets.mask_text(message)),
        head=totals.head,
        tail=totals.tail,
    )


def _kept(text: str) -> str:
    """A text that a target may have written, as both databases take it: no NUL, no half characters, not endless."""
    whole = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{SYMBOL FOR NULL}")
    return whole if len(whole) <= _MOST_MESSAGE else whole[: _MOST_MESSAGE - 1] + "\N{HORIZONTAL ELLIPSIS}"
