"""/api/questions: what servers ask of whoever started something by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi import APIRouter
from starlette.responses import StreamingResponse

from deployx_tui.api.answers import WIRE_HEADER, Json
from deployx_tui.api.context import Asked, Body, NoParams
from deployx_tui.api.routes.devices import NDJSON
from deployx_tui.model.question import Listening, QuestionId
from deployx_tui.service.wire import WIRE_VERSION
from deployx_tui.service.wire.questions import Heard, answers_from_json, heard_to_json

router = APIRouter(prefix="/api/questions")

#: seconds after which a silent stream says that it is alive; finds out that a client is gone, too
_BEAT = 20.0


@router.get("", dependencies=[NoParams])
async def follow(backend: Asked) -> StreamingResponse:
    """A JSON line each; as long as this is read, the caller counts as there."""
    heard = backend.questions.follow()
    # awaited, so that a refusal is a status
    first = await anext(aiter(heard))
    return StreamingResponse(_lines(first, heard), media_type=NDJSON, headers={WIRE_HEADER: str(WIRE_VERSION)})


async def _lines(first: Heard, heard: AsyncIterator[Heard]) -> AsyncIterator[bytes]:
    yield _line(first)
    coming = asyncio.ensure_future(anext(heard))
    try:
        while True:
            done, _ = await asyncio.wait({coming}, timeout=_BEAT)
            if not done:
                yield _line(Listening())
                continue
            yield _line(coming.result())
            coming = asyncio.ensure_future(anext(heard))
    finally:
        # ends the iteration where it waits: from now on nobody is there
        coming.cancel()


def _line(heard: Heard) -> bytes:
    return json.dumps(heard_to_json(heard)).encode("ascii") + b"\n"


@router.post("/{question}/answer", dependencies=[NoParams])
async def answer(backend: Asked, question: str, body: Body) -> Json:
    """`{answers}`, one for each prompt; they are given to the server and to nobody else."""
    await backend.questions.answer(QuestionId(question), answers_from_json(body))
    return Json({"message": "The answer was given"})


@router.post("/{question}/decline", dependencies=[NoParams])
async def decline(backend: Asked, question: str) -> Json:
    await backend.questions.decline(QuestionId(question))
    return Json({"message": "The question was declined"})
