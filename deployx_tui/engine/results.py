"""One thread writes what came of targets: results of one moment share a commit, and so do the events of growth.

1,000 results take 5 ms in one transaction and 153 ms in one each. The execution ends in the transaction of its
last target, so it ends exactly once.

A database that does not serve (full, locked, gone) makes results wait; nothing is lost while the engine lives, and a
stop waits for it for a bounded time. A result that can't be written because of a bug is written with less: first
without its texts and output, then as lost, and that is tried until it stands. So no row says "running" of something
that is over.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Condition, Event, Thread

from sqlalchemy import Connection

from deployx_tui.engine.attempt import NOT_KEPT
from deployx_tui.engine.run import Run, TargetJob
from deployx_tui.engine.settings import EngineSettings
from deployx_tui.errors import Unavailable
from deployx_tui.model.changes import RollbackPayload
from deployx_tui.model.device import Contact
from deployx_tui.model.execution import TargetState
from deployx_tui.model.ids import DeviceId, TargetId
from deployx_tui.output.store import OutputStore
from deployx_tui.output.writer import OutputTotals
from deployx_tui.store import changes, devices, endings, events, installed, outputs, targets
from deployx_tui.store.clock import now_ms
from deployx_tui.store.database import Database
from deployx_tui.store.events import NewEvent
from deployx_tui.store.installed import Seen
from deployx_tui.store.targets import Progress, TargetEnd

log = logging.getLogger(__name__)

_RETRY_SECONDS = 0.5
#: after a bug: until growth is told, or a result that can't be written is tried, again
_AFTER_A_BUG_SECONDS = 5.0
#: beyond the end of a stop's patience: for the attempt that is under way
_JOIN_SECONDS = 10.0
#: results that may wait while the database does not serve, each with at most 32 KiB of output: 64 MiB
_MOST_WAITING = 2_000
#: results in one transaction
_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A target that is over for this engine."""

    job: TargetJob
    #: None: it was not ours to start (cancelled meanwhile, or taken by another engine)
    end: TargetEnd | None
    #: why starting it failed for good; then what still waits of its run is skipped. "": it did not
    trouble: str = ""
    totals: OutputTotals | None = None
    #: what the attempt to reach the device found; None: none was made
    contact: Contact | None = None
    #: with `end` None: a durable target that goes on without us; frames of it that belong into the database
    unfinished: bytes | None = None
    #: it must not be lost by a power loss, for its traces on the target are removed then
    is_durable: bool = False
    #: packages that it was seen to have, or not to have
    installed: tuple[Seen, ...] = ()
    #: set when all this is written, and nothing less
    kept: Event = field(default_factory=Event)


class Results:
    """The writer thread. `over` is called in it, outside the transaction, with runs whose batch has ended."""

    def __init__(
        self,
        database: Database,
        output: OutputStore,
        settings: EngineSettings,
        over: Callable[[Run], None],
    ) -> None:
        self._database, self._output, self._settings, self._over = database, output, settings, over
        self._changed = Condition()
        self._waiting: list[Ended] = []
        self._running: dict[TargetId, TargetJob] = {}
        self._is_stopping = False
        #: of the monotonic clock; what can't be written by then is left to the next engine
        self._given_up_at = math.inf
        #: why results wait; "": they do not
        self.trouble = ""
        self._thread = Thread(target=self._live, name="deployx-results", daemon=True)
        # of the thread alone
        #: over, but a bug keeps even that from being written
        self._stuck: list[Ended] = []
        self._told: dict[TargetId, tuple[int, int | None]] = {}
        self._next_growth = 0.0
        self._next_save = 0.0
        self._next_try = 0.0

    def start(self) -> None:
        self._thread.start()

    def began(self, job: TargetJob) -> None:
        """Its output grows from now on."""
        with self._changed:
            self._running[job.id] = job
            self._changed.notify()

    def put(self, ended: Ended) -> None:
        """Hand over a result. One with output blocks while too many wait: a database that is away slows the lanes.

        One of a target that never started costs nothing and never blocks: cancels and the end of an engine hand
        over thousands of those, from threads that must go on.
        """
        with self._changed:
            if ended.totals is not None:
                self._changed.wait_for(lambda: len(self._waiting) < _MOST_WAITING or self._is_stopping)
            self._waiting.append(ended)
            self._changed.notify_all()

    @property
    def is_any_running(self) -> bool:
        """Whether a target runs: one that began here and whose result was not handed over."""
        with self._changed:
            return bool(self._running.keys() - {each.job.id for each in self._waiting})

    def stop(self, timeout: float) -> None:
        """Write what waits, then end. While the database does not serve it is asked for `timeout` seconds more;
        then targets that are over stay "running" in their rows, and the next engine calls them lost."""
        with self._changed:
            self._is_stopping = True
            self._given_up_at = time.monotonic() + timeout
            if self.trouble:
                log.warning("%s; asking for %g s more before they count as lost", self.trouble, timeout)
            self._changed.notify_all()
        # beyond the deadline: one attempt that is under way
        self._thread.join(timeout + _JOIN_SECONDS)

    def _live(self) -> None:
        last = 0.0
        while True:
            with self._changed:
                if not self._waiting and not self._is_stopping:
                    self._changed.wait(self._pause())
                if self._is_stopping and not self._waiting:
                    break
            # a lone result goes at once; in a crowd they gather for one flush interval
            early = last + self._settings.flush.total_seconds() - time.monotonic()
            if early > 0:
                with self._changed:
                    self._changed.wait_for(lambda: len(self._waiting) >= _AT_ONCE or self._is_stopping, early)
            with self._changed:
                ended, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
                for each in ended:
                    self._running.pop(each.job.id, None)
                running = dict(self._running)
                self._changed.notify_all()
            self._write_until_done(ended, running)
            self._unstick()
            last = time.monotonic()
        self._unstick(at_once=True)

    def _pause(self) -> float | None:
        """How long to sleep when no result comes: outputs that grow want to be told of."""
        if self._stuck:
            return _AFTER_A_BUG_SECONDS
        return self._settings.growth.total_seconds() if self._running else None

    def _write_until_done(self, ended: Sequence[Ended], running: Mapping[TargetId, TargetJob]) -> None:
        try:
            self._serving(lambda: self._write(ended, running), ended)
        except Exception as error:  # one result that can't be written must not take the others with it
            log.exception("writing %d results", len(ended))
            self._next_growth = self._next_save = time.monotonic() + _AFTER_A_BUG_SECONDS
            if len(ended) == 1:
                self._write_less(ended[0], error)
                return
            for each in ended:
                self._write_until_done([each], {})

    def _serving(self, write: Callable[[], None], ended: Sequence[Ended]) -> None:
        """Call `write`, which writes `ended`, until the database serves, or until the end of a stop."""
        while True:
            try:
                write()
            except Unavailable as error:
                if not self.trouble:
                    log.warning("results wait: %s", error)
                self.trouble = f"results wait: {error}"
                with self._changed:
                    if self._is_hopeless():
                        self._give_up(ended)
                        return
                    self._changed.wait_for(self._is_hopeless, _RETRY_SECONDS)
                continue
            if self.trouble and not self._stuck:
                log.info("results are written again")
                self.trouble = ""
            return

    def _is_hopeless(self) -> bool:
        return self._is_stopping and (time.monotonic() >= self._given_up_at or self._database.has_moved)

    def _give_up(self, ended: Sequence[Ended]) -> None:
        """The log is the last place where it can be read how they ended."""
        if ended:
            log.error("%d results are lost: the database does not serve", len(ended))
        for each in ended:
            if each.end is not None:
                end = each.end
                exit_code = "" if end.exit_code is None else f", exit {end.exit_code}"
                log.error("execution %s on %s: %s%s", each.job.run.id, each.job.name, end.state.value, exit_code)

    def _write_less(self, ended: Ended, error: Exception) -> None:
        """What is known of the target, without its texts, its output and what else may be at fault."""
        for plain, without in _lesser(ended, error):
            try:
                self._serving(lambda less=plain: self._write([less], {}), [plain])  # type: ignore[misc]  # bound now
                return
            except Exception:  # less can still be said
                log.exception(
                    "writing the result of %s of execution %s without its %s",
                    ended.job.name,
                    ended.job.run.id,
                    without,
                )
        self._lose(ended)

    def _lose(self, ended: Ended) -> None:
        """The least: its outcome is unknown. What can't even be called that is tried again, and said meanwhile."""
        try:
            self._serving(lambda: self._write_lost(ended), [ended])
        except Exception as error:  # the row is wrong until this succeeds, so it is never given up
            log.exception("calling %s of execution %s lost", ended.job.name, ended.job.run.id)
            self._stuck.append(ended)
            self._next_try = time.monotonic() + _AFTER_A_BUG_SECONDS
            self.trouble = f"a result can't be written: {type(error).__name__}; the log says more"

    def _unstick(self, *, at_once: bool = False) -> None:
        if self._stuck and (at_once or time.monotonic() >= self._next_try):
            stuck, self._stuck = self._stuck, []
            for each in stuck:
                self._lose(each)

    def _write_lost(self, ended: Ended) -> None:
        job = ended.job
        over = _batches_over([ended])
        with self._database.write() as c:
            now = now_ms()
            if ended.end is not None:
                why = "deployx itself failed to write its result, which is unknown; its log says more"
                targets.lose(c, job.id, job.token, why, now)
            self._finish(c, [ended], over, now)
        self._written([ended], [], over, time.monotonic(), is_saving=False)

    def _finish(self, c: Connection, ended: Sequence[Ended], over: Sequence[Run], now: int) -> None:
        for each in ended:
            if each.trouble:
                targets.skip_waiting(c, each.job.run.id, each.trouble, now)
        for run in over:
            if not run.batches or run.is_cancelled:
                endings.finish(c, run.id, now)

    def _write(self, ended: Sequence[Ended], running: Mapping[TargetId, TargetJob]) -> None:
        moment = time.monotonic()
        growth = self._growth(running) if moment >= self._next_growth else []
        is_saving = bool(running) and moment >= self._next_save
        if not ended and not growth and not is_saving:
            return
        over = _batches_over(ended)
        with self._database.write(durable=any(each.is_durable for each in ended)) as c:
            now = now_ms()
            ours = targets.finish_many(c, [(e.job.id, e.job.token, e.end) for e in ended if e.end is not None])
            _note_taken_back(c, [each for each in ended if each.job.id in ours])
            for each in ended:
                if each.totals is not None and each.totals.inline:
                    self._output.keep(c, each.job.id, each.totals)
                if each.unfinished is not None:
                    outputs.save(c, each.job.id, each.unfinished)
            _note_contacts(c, ended, now)
            _note_packages(c, [each for each in ended if each.job.id in ours], now)
            targets.progress(c, growth, now)
            if is_saving:
                self._output.save_unfinished(c, self._settings.output_saved.total_seconds())
            self._finish(c, ended, over, now)
        self._written(ended, growth, over, moment, is_saving=is_saving)
        for each in ended:
            each.kept.set()

    def _written(
        self, ended: Sequence[Ended], growth: Sequence[Progress], over: Sequence[Run], moment: float, *, is_saving: bool
    ) -> None:
        """The transaction stands: memory follows."""
        for each in ended:
            self._output.forget(each.job.id)
            self._told.pop(each.job.id, None)
            each.job.run.end(each.job.id)
        self._told.update({grown.target_id: _size_of(grown) for grown in growth})
        if growth:
            self._next_growth = moment + self._settings.growth.total_seconds()
        if is_saving:
            self._next_save = moment + self._settings.output_saved.total_seconds()
        for run in over:
            self._over(run)

    def _growth(self, running: Mapping[TargetId, TargetJob]) -> list[Progress]:
        """Running targets that said or moved more since it was last told."""
        sizes = self._output.sizes()
        now = [
            Progress(target, job.run.id, job.token, *sizes[target], job.meter.now())
            for target, job in running.items()
            if target in sizes
        ]
        return [each for each in now if _size_of(each) != self._told.get(each.target_id, (0, None))]


def _size_of(grown: Progress) -> tuple[int, int | None]:
    """What grows: bytes that were said, and bytes that are over."""
    return grown.stdout_bytes + grown.stderr_bytes, None if grown.transfer is None else grown.transfer.done


def _lesser(ended: Ended, error: Exception) -> Iterator[tuple[Ended, str]]:
    """The result without what may be at fault, less each time, and what is left out."""
    plain = replace(ended, contact=None, totals=None, installed=(), kept=Event())
    if ended.end is None:
        yield plain, "output"
        return
    said = f"deployx itself failed to keep what it said: {type(error).__name__}; its log says more"
    end = replace(ended.end, error_message=said, output_cut=True, output_sha256=None, head=b"", tail=b"")
    # a bug that output brought out must not cost the rollback
    yield replace(plain, end=end), "output"
    if end.changes is not None:
        said = NOT_KEPT.format(type(error).__name__)
        yield replace(plain, end=replace(end, error_message=said, changes=None)), "changes"


def _batches_over(ended: Iterable[Ended]) -> list[Run]:
    """Runs whose present batch ends with these."""
    ends: dict[Run, set[TargetId]] = {}
    for each in ended:
        ends.setdefault(each.job.run, set()).add(each.job.id)
    return [run for run, ids in ends.items() if run.is_over_without(ids)]


def _note_taken_back(c: Connection, ended: Sequence[Ended]) -> None:
    """Where a rollback succeeded, what it took back is so no more."""
    restored: dict[Run, list[DeviceId]] = {}
    for each in ended:
        is_rollback = isinstance(each.job.run.work.payload, RollbackPayload)
        if is_rollback and each.end is not None and each.end.state is TargetState.SUCCEEDED:
            restored.setdefault(each.job.run, []).append(each.job.device)
    for run, devices_ in restored.items():
        if isinstance(run.work.payload, RollbackPayload):
            changes.taken_back(c, run.work.payload.execution, devices_, run.id)


def _note_packages(c: Connection, ended: Sequence[Ended], now: int) -> None:
    """What is where, by what runs found and changed."""
    for each in ended:
        by = f"run {each.job.run.id}"
        installed.keep(c, each.job.device, each.installed, by, now)
        if each.end is not None and each.end.changes is not None and each.end.changes.packages:
            installed.follow(c, each.job.device, each.end.changes.packages, by, now)


def _note_contacts(c: Connection, ended: Sequence[Ended], now: int) -> None:
    found = {each.job.device: each.contact for each in ended if each.contact is not None}
    changed = devices.contacted_many(c, found, now)
    events.append_many(
        c,
        [
            NewEvent(type="device.changed", at_ms=now, facts=(("device_id", device), ("contact", found[device].value)))
            for device in sorted(changed)
        ],
    )
