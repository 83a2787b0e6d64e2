"""Answers: JSON with the wire's version, refusals as problem details."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Mapping

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from deployx_tui.errors import Conflict, DeployxError, InvalidInput, Problem
from deployx_tui.model.json_reader import JSON
from deployx_tui.service.wire import WIRE_VERSION, problems

log = logging.getLogger(__name__)

WIRE_HEADER = "Deployx-Wire"

#: the original answers an act that the state forbids with 400 here
_STATE_FORBIDS_IS_400 = "/api/schedule/"


_BY_STATUS = {
    404: ("unknown-path", "No such path"),
    405: ("method", "Not with this method"),
    408: ("too-slow", "The body did not come"),
    413: ("too-long", "The body is too long"),
}


class Json(JSONResponse):
    """JSON, compact; says which wire it speaks."""

    def __init__(self, content: JSON, status_code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(content, status_code, {WIRE_HEADER: str(WIRE_VERSION), **(headers or {})})

    def render(self, content: object) -> bytes:
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")


class Refused(Exception):
    """A refusal with the status that the original's clients know for it."""

    def __init__(self, error: DeployxError, status: int) -> None:
        self.error, self.status = error, status
        super().__init__(str(error))


def etag(version: int) -> dict[str, str]:
    return {"ETag": f'"{version}"'}


def problem_answer(request: Request, status: int, body: dict[str, JSON]) -> Response:
    accepted = {part.partition(";")[0].strip() for part in request.headers.get("accept", "*/*").split(",")}
    # the original's fetch client reads `detail` only when the type contains this text
    media = "application/json" if accepted == {"application/json"} else "application/problem+json"
    answer = Json(body, status)
    answer.headers["content-type"] = media
    given = request.headers.get("content-type")
    if given is not None and given.partition(";")[0].strip().lower() != "application/json":
        # of an upload the rest is on its way: its sender is to stop, and hears of this only when it does
        answer.headers["connection"] = "close"
    return answer


def install(app: FastAPI) -> None:
    """Every way in which a request can fail ends in a problem."""

    async def ours(request: Request, error: Exception) -> Response:
        status: int | None = None
        if isinstance(error, Refused):
            status = error.status
            error = error.error
        elif (
            isinstance(error, Conflict) and not error.stale and request.scope["path"].startswith(_STATE_FORBIDS_IS_400)
        ):
            status = 400
        if not isinstance(error, DeployxError):
            raise error
        code, body = problems.problem_to_json(
            error, instance=request.scope["path"], status=status, has_body=request.method not in ("GET", "HEAD")
        )
        return problem_answer(request, code, body)

    async def shape(request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        found = [
            Problem(
                field=str(item["loc"][-1]) if item["loc"] else "",
                message=str(item["msg"]).removeprefix("Value error, "),
                remedy="give a positive whole number",
            )
            for item in error.errors()
        ]
        return await ours(request, InvalidInput(found))

    async def routing(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        name, title = _BY_STATUS.get(error.status_code, ("http", "Refused"))
        detail = f"{title}: {request.method} {request.scope['path']}"
        return problem_answer(
            request,
            error.status_code,
            problems.problem(name, title, error.status_code, detail, request.scope["path"]),
        )

    async def broken(request: Request, error: Exception) -> Response:
        request_id = uuid.uuid4().hex
        log.error("request %s: %s %s failed", request_id, request.method, request.scope["path"], exc_info=error)
        body = problems.problem(
            "internal", "It failed inside", 500, f"An error of deployx itself; its log says more under {request_id}",
            request.scope["path"],
        )  # fmt: skip
        body["request_id"] = request_id
        return problem_answer(request, 500, body)

    app.add_exception_handler(DeployxError, ours)
    app.add_exception_handler(Refused, ours)
    app.add_exception_handler(RequestValidationError, shape)
    app.add_exception_handler(HTTPException, routing)
    app.add_exception_handler(Exception, broken)


async def refuse(scope: Scope, receive: Receive, send: Send, status: int, name: str, detail: str) -> None:
    """A refusal from outside the routes."""
    request = Request(scope)
    body = problems.problem(name, detail, status, detail, request.scope["path"])
    answer = problem_answer(request, status, body)
    if status in (408, 413, 431):
        answer.headers["connection"] = "close"
    await answer(scope, receive, send)


async def refuse_stranger(scope: Scope, receive: Receive, send: Send) -> None:
    """What an account that is not welcome gets for every request."""
    if scope["type"] == "http":
        await refuse(scope, receive, send, 403, "not-permitted", "This engine serves its owner's account only")
