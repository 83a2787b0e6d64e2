"""A person at the terminal answers what servers ask of whoever logs in, such as a one-time code.

Only where somebody can be asked at all; elsewhere the run is unattended, and says so where a server asks.
"""

from __future__ import annotations

import asyncio
import os
import select
import sys
import threading
from collections import deque
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

import click

from deployx_tui.cli import printing
from deployx_tui.cli.invocation import Invocation
from deployx_tui.cli.secrets import without_echo
from deployx_tui.errors import DeployxError, NotFound
from deployx_tui.tui.render.safe import show

if TYPE_CHECKING:
    from deployx_tui.model.question import Question
    from deployx_tui.model.secret import Secret
    from deployx_tui.service.backend import Backend

#: how late it is noticed that a question needs no answer any more, in seconds
_LOOK = 0.2
#: bytes of a line that is typed; a terminal gives no more at once
_LINE = 4096


@asynccontextmanager
async def answering(call: Invocation, backend: Backend) -> AsyncIterator[None]:
    """Inside, the person at the terminal is asked, one question after the other."""
    if not call.can_ask:
        yield
        return
    person = _Person(call, backend)
    listening = asyncio.create_task(person.listen())
    try:
        await person.is_ready.wait()
        yield
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening


class _Person:
    def __init__(self, call: Invocation, backend: Backend) -> None:
        self._call, self._backend = call, backend
        self.is_ready = asyncio.Event()
        self._waiting: deque[Question] = deque()
        #: set: the question that is asked needs no answer any more
        self._gone = threading.Event()
        self._asked: Question | None = None
        self._asking: asyncio.Task[None] | None = None

    async def listen(self) -> None:
        """Until cancelled. Where questions can't be heard, nobody is there, and the person is told."""
        from deployx_tui.model.question import Listening, Question

        try:
            async with aclosing(self._backend.questions.follow()) as heard:  # type: ignore[type-var]  # it is a generator
                async for each in heard:
                    if isinstance(each, Listening):
                        self.is_ready.set()
                    elif isinstance(each, Question):
                        self._waiting.append(each)
                        if self._asking is None or self._asking.done():
                            self._asking = asyncio.create_task(self._ask_all())
                    elif self._asked is not None and self._asked.id == each.id:
                        self._gone.set()
                    else:
                        self._waiting = deque(other for other in self._waiting if other.id != each.id)
        except DeployxError as error:
            printing.note(self._call, f"! what servers ask can't be heard here: {error}")
        finally:
            self.is_ready.set()
            self._gone.set()
            if self._asking is not None:
                await self._asking

    async def _ask_all(self) -> None:
        while self._waiting:
            question = self._asked = self._waiting.popleft()
            self._gone.clear()
            answers = await asyncio.to_thread(self._read, question)
            self._asked = None
            try:
                if answers is not None:
                    await self._backend.questions.answer(question.id, answers)
                elif not self._gone.is_set():
                    await self._backend.questions.decline(question.id)
            except NotFound:
                printing.say("! that came too late: the question does not wait any more")
            except DeployxError as error:
                printing.say(f"! the answer did not arrive: {error}")

    def _read(self, question: Question) -> tuple[Secret, ...] | None:
        """In a thread. None: declined (ctrl-d), or the question is gone."""
        from deployx_tui.model.secret import Secret

        asked = question.asked
        on_the_way = "" if asked.host == asked.device else f", on the way to {asked.device}"
        printing.say(f"{asked.host} asks {asked.user}{on_the_way} (ctrl-d declines):")
        if asked.again:
            printing.say("! what was answered before was refused")
        for words in filter(None, (asked.title.strip(), asked.instructions.strip())):
            printing.say(f"  {words}")
        answers: list[Secret] = []
        for prompt in asked.prompts:
            click.echo(f"  {show(prompt.text)}", err=True, nl=False)
            line = _read_line(echo=prompt.echo, stop=self._gone)
            if not prompt.echo or line is None:
                click.echo(err=True)
            if line is None:
                if self._gone.is_set():
                    printing.say("the question does not wait any more")
                return None
            answers.append(Secret.of(line))
        return tuple(answers)


def _read_line(*, echo: bool, stop: threading.Event) -> str | None:
    """A line of the terminal. None: its end (ctrl-d), or `stop`."""
    descriptor = sys.stdin.fileno()
    with nullcontext() if echo else without_echo():
        while not stop.is_set():
            if select.select([descriptor], [], [], _LOOK)[0]:
                line = os.read(descriptor, _LINE)
                return line.decode("utf-8", "replace").rstrip("\r\n") if line else None
    return None
