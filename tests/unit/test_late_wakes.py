"""Exceptions that nobody awaits, in the loop of a command."""

from __future__ import annotations

import asyncio
import logging
import os

import pytest

from deployx_tui.cli.backend import without_late_wakes


async def test_a_socket_that_is_readable_as_its_wait_is_cancelled_says_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(without_late_wakes)
    reader, writer = os.pipe()
    try:
        wait: asyncio.Future[None] = loop.create_future()
        loop.add_reader(reader, wait.set_result, None)
        wait.cancel()
        os.write(writer, b"x")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        loop.remove_reader(reader)
    finally:
        os.close(reader)
        os.close(writer)
    assert not caplog.records


async def test_any_other_exception_of_a_callback_is_told(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(without_late_wakes)
    with caplog.at_level(logging.ERROR):
        loop.call_soon(lambda: 1 // 0)
        await asyncio.sleep(0)
    assert "ZeroDivisionError" in caplog.text
