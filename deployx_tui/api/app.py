"""The application: every route over one door, nothing of the engine below it."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.types import ASGIApp

from deployx_tui import __version__
from deployx_tui.api import answers
from deployx_tui.api.context import Serving
from deployx_tui.api.limits import Gate
from deployx_tui.api.routes import (
    artifacts,
    credentials,
    devices,
    executions,
    groups,
    imports,
    packages,
    questions,
    rest,
    software,
    tasks,
)


def create_app(serving: Serving) -> ASGIApp:
    """The ASGI app of one engine. Whoever reaches it has been let in by `peer.py`."""
    app = FastAPI(
        title="deployx",
        version=__version__,
        openapi_url="/openapi.json",
        # their pages load scripts from elsewhere
        docs_url=None,
        redoc_url=None,
        # the gate makes one path of both spellings
        redirect_slashes=False,
    )
    app.state.serving = serving
    answers.install(app)
    # the calendar's paths stand beside the tasks' own
    nouns = (executions, devices, groups, imports, questions, credentials, artifacts, packages, software)
    for routes in (rest, tasks, *nouns):
        app.include_router(routes.router)
    return Gate(app)
