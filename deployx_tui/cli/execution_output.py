"""`deployx execution output`: what targets said, as lines, as JSON, or as the stored bytes."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from deployx_tui.cli import printing
from deployx_tui.cli.backend import with_backend
from deployx_tui.cli.completion import Name
from deployx_tui.cli.invocation import Command, ExecutionNumber, Invocation, invocation
from deployx_tui.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from deployx_tui.model.execution import OutputSlice, Stream, TargetResult
    from deployx_tui.model.ids import DeviceId, ExecutionId
    from deployx_tui.service.backend import Backend
    from deployx_tui.service.wire.values import Json

#: how long the engine may hold an answer that would be empty
_WAIT = timedelta(seconds=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What is printed, and how."""

    execution: ExecutionId
    #: None: all of them
    target: str | None
    stream: Stream
    #: None: everything
    tail: int | None
    follow: bool
    raw: bool
    timestamps: bool


@click.command(cls=Command, example="deployx execution output 1 --tail 20 --timestamps")
@click.argument("number", metavar="ID", type=ExecutionNumber())
@click.argument("target", metavar="[TARGET]", required=False, type=Name("device"))
@click.option("--stream", type=click.Choice(["stdout", "stderr", "both"]), default="both", show_default=True)
@click.option("--tail", type=click.IntRange(0, 2**53 - 1), metavar="N", help="Only the last N lines of each target.")
@click.option("--timestamps", is_flag=True, help="When each line came, before it.")
@click.option("--follow", is_flag=True, help="Print what is still to come, too.")
@click.option("--raw", is_flag=True, help="Exactly the stored bytes of one target, nothing added.")
def output(
    number: int, target: str | None, stream: str, tail: int | None, timestamps: bool, follow: bool, raw: bool
) -> int:
    """What a target said; without TARGET what all of them said, each line with its host.

    Exit status 1 when a part of it can't be read, because its file is damaged or missing.
    """
    from deployx_tui.model.execution import Stream
    from deployx_tui.model.ids import ExecutionId

    call = invocation()
    if raw and call.json:
        raise InvalidInput.of("--raw", "raw bytes are no JSON", "leave out --raw or --json")
    if raw and target is None:
        raise InvalidInput.of("--raw", "raw bytes are those of one target", "name the target, or leave --raw out")
    if raw and timestamps:
        raise InvalidInput.of("--raw", "nothing is added to raw bytes", "leave out --raw or --timestamps")
    asked = _Asked(
        execution=ExecutionId(number),
        target=target,
        stream=Stream(stream),
        tail=tail,
        follow=follow,
        raw=raw,
        timestamps=timestamps,
    )
    needs_engine = follow and is_alive(call, asked.execution)
    if follow and target is None:
        return with_backend(call, lambda backend: _follow(call, backend, asked), engine=needs_engine)
    return with_backend(call, lambda backend: _put(call, backend, asked), engine=needs_engine)


async def _follow(call: Invocation, backend: Backend, asked: _Asked) -> int:
    from deployx_tui.cli.following import Follower

    follower = Follower(
        call, backend, asked.execution, stream=asked.stream, tail=asked.tail, timestamps=asked.timestamps
    )
    await follower.to_the_end()
    return follower.unreadable.told(call)


def is_alive(call: Invocation, number: ExecutionId) -> bool:
    """Whether it takes an engine to see its end: one that was killed left it running for the next one to judge."""

    async def look(backend: Backend) -> bool:
        return (await backend.executions.get(number)).status.is_alive

    return with_backend(call, look, engine=False, tells=False)


async def _put(call: Invocation, backend: Backend, asked: _Asked) -> int:
    from deployx_tui.cli.following import Unreadable, alone, piece_documents, with_host
    from deployx_tui.cli.said_lines import SaidLine, SaidLines

    found = await _targets(backend, asked)
    width = max((len(one.device) for one in found), default=0)
    documents: list[Json] = []
    unreadable = Unreadable()

    def put_line(one: TargetResult, line: SaidLine) -> None:
        if asked.target is not None:
            printing.put_line(alone(line, timestamps=asked.timestamps))
        else:
            printing.put_line(with_host(line, one.device, width, timestamps=asked.timestamps))

    for one in found:
        said = SaidLines()
        missing = 0
        async for piece in _pieces(backend, asked, one.device_id):
            missing += sum(gap.size for gap in piece.gaps if not gap.reason)
            unreadable.look(one.device, piece.gaps)
            if call.json:
                for document in piece_documents(one.device_id, one.device, piece):
                    if asked.follow:
                        printing.put_json_line(document)
                    else:
                        documents.append(document)
            elif asked.raw:
                sys.stdout.buffer.write(b"".join(chunk.data for chunk in piece.chunks))
                sys.stdout.buffer.flush()
            else:
                for line in said.feed(piece):
                    put_line(one, line)
        for line in said.rest():
            put_line(one, line)
        if asked.raw and missing:
            printing.note(call, f"output cut: {missing} bytes of {one.device} were not kept")
    if call.json and not asked.follow:
        printing.put_json([*documents])
    return unreadable.told(call)


async def _targets(backend: Backend, asked: _Asked) -> list[TargetResult]:
    from deployx_tui.cli.following import all_targets

    found = await all_targets(backend, asked.execution)
    if asked.target is None:
        return found
    named = [one for one in found if asked.target in (one.device, str(one.device_id))]
    if not named:
        await backend.executions.get(asked.execution)
        raise NotFound("target", asked.target)
    return named


async def _pieces(backend: Backend, asked: _Asked, device: DeviceId) -> AsyncIterator[OutputSlice]:
    from deployx_tui.cli.following import first_piece

    wait = _WAIT if asked.follow else None
    piece = await first_piece(backend, asked.execution, device, asked.stream, asked.tail, wait)
    while True:
        yield piece
        if piece.complete or (not asked.follow and not piece.chunks):
            return
        piece = await backend.executions.output(asked.execution, device, asked.stream, piece.next_offset, wait=wait)
