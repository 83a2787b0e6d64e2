"""A thread that waits for the event loop never outlives it."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError

import pytest

from deployx_tui.service.local import pulling
from deployx_tui.service.local.pulling import in_loop


async def _answer() -> int:
    return 7


def test_a_loop_answers_a_thread() -> None:
    async def ask() -> int:
        return await asyncio.to_thread(in_loop, asyncio.get_running_loop(), _answer())

    assert asyncio.run(ask()) == 7


def test_an_error_of_the_loop_is_the_threads_also_one_of_time() -> None:
    async def late() -> None:
        raise TimeoutError("of the coroutine")

    async def ask() -> None:
        await asyncio.to_thread(in_loop, asyncio.get_running_loop(), late())

    with pytest.raises(TimeoutError, match="of the coroutine"):
        asyncio.run(ask())


def test_a_loop_that_has_stopped_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "_LOOK", 0.01)
    loop = asyncio.new_event_loop()
    found: list[BaseException] = []
    coroutine = _answer()

    def wait() -> None:
        try:
            in_loop(loop, coroutine)
        except CancelledError as error:
            found.append(error)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    thread.join(30)
    assert len(found) == 1
    coroutine.close()
    loop.close()


def test_a_loop_that_is_closed_is_not_asked() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    with pytest.raises(CancelledError):
        in_loop(loop, _answer())
