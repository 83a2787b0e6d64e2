"""The threads that run targets, and the order in which they take them: one of each run in turn.

So a run on a thousand devices does not hold up one on three that fires a minute later.
"""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from threading import Condition, Thread, current_thread

from deployx_tui.engine.run import TargetJob
from deployx_tui.model.ids import ExecutionId

log = logging.getLogger(__name__)


class Workers:
    """At most `count` threads, made as work comes. `work` is called in them and must not raise."""

    def __init__(self, count: int, work: Callable[[TargetJob], None]) -> None:
        self._count, self._work = count, work
        self._changed = Condition()
        self._waiting: OrderedDict[ExecutionId, deque[TargetJob]] = OrderedDict()
        self._threads: list[Thread] = []
        self._idle = 0
        self._is_closed = False

    def submit(self, jobs: Iterable[TargetJob]) -> None:
        """Queue them. RuntimeError when the system gives not even one thread; they are queued all the same."""
        with self._changed:
            for job in jobs:
                self._waiting.setdefault(job.run.id, deque()).append(job)
            waiting = sum(map(len, self._waiting.values()))
            self._changed.notify(waiting)
            # those who were woken a moment ago and have not come yet still count as idle: so count all that wait
            for _ in range(min(waiting - self._idle, self._count - len(self._threads))):
                thread = Thread(target=self._live, name=f"deployx-worker-{len(self._threads) + 1}", daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:  # the system gives no more threads
                    if not self._threads:
                        raise
                    log.warning("%d targets wait for %d workers: %s", waiting, len(self._threads), error)
                    return
                self._threads.append(thread)

    def withdraw(self, run: ExecutionId) -> tuple[TargetJob, ...]:
        """Take back what no thread has begun of a run."""
        with self._changed:
            return tuple(self._waiting.pop(run, ()))

    def withdraw_all(self) -> tuple[TargetJob, ...]:
        with self._changed:
            jobs = tuple(job for waiting in self._waiting.values() for job in waiting)
            self._waiting.clear()
            return jobs

    def close(self, timeout: float) -> bool:
        """End the threads after what they are at. False: some still run after `timeout` seconds."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._threads, timeout)
            return not self._threads

    def _live(self) -> None:
        while (job := self._take()) is not None:
            try:
                self._work(job)
            except Exception:  # a worker outlives a bug; `work` promises to have told of it
                log.exception("target %s (%s) of execution %s", job.id, job.name, job.run.id)
        with self._changed:
            self._threads.remove(current_thread())
            self._changed.notify_all()

    def _take(self) -> TargetJob | None:
        with self._changed:
            while not self._waiting:
                if self._is_closed:
                    return None
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
            run, jobs = self._waiting.popitem(last=False)
            job = jobs.popleft()
            if jobs:
                self._waiting[run] = jobs  # to the end of the line
            return job
