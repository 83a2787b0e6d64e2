"""The exception tree as problem details (RFC 9457) and back."""

from __future__ import annotations

from deployx_tui.errors import (
    Ambiguous,
    Conflict,
    DatabaseMoved,
    DatabaseRefused,
    DeployxError,
    EngineUnreachable,
    InvalidInput,
    NotFound,
    NotPermitted,
    Problem,
    TooLarge,
    Unavailable,
    VaultClosed,
    VersionMismatch,
)
from deployx_tui.model.json_reader import JSON
from deployx_tui.service.wire import values
from deployx_tui.service.wire.values import Json

_PREFIX = "urn:deployx:problem:"

#: by kind: the type's name, its title, its status. The first that an error is an instance of, so deepest first
_KINDS: tuple[tuple[type[DeployxError], str, str, int], ...] = (
    (TooLarge, "too-large", "More than a setting allows", 413),
    (InvalidInput, "invalid-input", "Invalid input", 422),
    (Ambiguous, "ambiguous", "The name fits several", 409),
    (NotFound, "not-found", "Not found", 404),
    (NotPermitted, "not-permitted", "Not permitted", 403),
    (Conflict, "conflict", "Conflict", 409),
    (DatabaseRefused, "database-refused", "The database can't be used", 503),
    (DatabaseMoved, "database-moved", "The database is not where it was", 503),
    (VaultClosed, "vault-closed", "The vault is closed", 503),
    (VersionMismatch, "version-mismatch", "Another version", 503),
    (EngineUnreachable, "engine-unreachable", "The engine does not answer", 503),
    (Unavailable, "unavailable", "Not available now", 503),
    (DeployxError, "error", "It did not work", 500),
)


def problem_to_json(
    error: DeployxError, *, instance: str, status: int | None = None, has_body: bool = True
) -> tuple[int, Json]:
    """The status and the body of a refusal; `status` replaces the kind's own (the original's codes are kept).

    `has_body`: whether the request may have one; every field of another is one of its query.
    """
    _, name, title, usual = next(kind for kind in _KINDS if isinstance(error, kind[0]))
    body = problem(name, title, status or usual, str(error), instance)
    match error:
        case InvalidInput(problems=problems):
            body["detail"] = "; ".join(f"{found.field or 'input'}: {found.message}" for found in problems)
            body["errors"] = [_entry(found, has_body=has_body) for found in problems]
        case Ambiguous(candidates=candidates):
            body["noun"], body["name"], body["candidates"] = error.noun, error.name, values.items(candidates)
        case NotFound(noun=noun, name=wanted, near=near):
            body["noun"], body["name"], body["near"] = noun, wanted, values.items(near)
        case Conflict(stale=True):
            body["type"], body["title"] = _PREFIX + "stale", "It changed meanwhile"
            body["status"] = status or 412
        case _:
            pass
    return values.number(body, "status"), body


def problem(name: str, title: str, status: int, detail: str, instance: str) -> Json:
    """A refusal that is none of the tree's: a wrong method, a body that is too long."""
    return {"type": _PREFIX + name, "title": title, "status": status, "detail": detail, "instance": instance}


def _entry(found: Problem, *, has_body: bool) -> Json:
    # no body has a cursor; the store, which refuses it, knows nothing of queries
    if not has_body or found.field.startswith("?") or found.field == "cursor":
        name = found.field.removeprefix("?")
        pointer, loc = f"?{name}", ["query", name]
    else:
        parts = found.field.split(".") if found.field else []
        pointer = "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in parts)
        loc = ["body", *parts]
    return {
        "pointer": pointer,
        "loc": values.items(loc),
        "msg": found.message,
        "remedy": found.remedy,
        "field": found.field,
    }


def error_from_json(status: int, data: JSON) -> DeployxError:
    """What the engine refused with, as the same exception."""
    if not isinstance(data, dict):
        return Unavailable(f"the engine answered {status} without a reason")
    detail = data.get("detail")
    text = detail if isinstance(detail, str) else f"the engine answered {status}"
    name = str(data.get("type", "")).removeprefix(_PREFIX)
    match name:
        case "invalid-input":
            return InvalidInput(values.each(data, "errors", _problem))
        case "too-large":
            return TooLarge(values.each(data, "errors", _problem))
        case "ambiguous":
            return Ambiguous(values.text(data, "noun"), values.text(data, "name"), values.texts(data, "candidates"))
        case "not-found":
            return NotFound(values.text(data, "noun"), values.text(data, "name"), values.texts(data, "near"))
        case "stale":
            return Conflict(text, stale=True)
    for kind, known, _, _ in _KINDS:
        if name == known:
            return kind(text)
    return Unavailable(f"{text} (status {status})")


def _problem(data: JSON) -> Problem:
    row = values.fields(data)
    return Problem(field=values.text(row, "field"), message=values.text(row, "msg"), remedy=values.text(row, "remedy"))
