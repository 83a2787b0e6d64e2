"""Who did what. An entry is written in the transaction of its change: no audit, no change."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy import Connection, insert, select

from deployx_tui.model.codec import JSON, canonical, sha256_of
from deployx_tui.model.ids import EngineId
from deployx_tui.model.user import Actor
from deployx_tui.output.veil import veil
from deployx_tui.store.schema import audit


def write(
    c: Connection,
    *,
    at_ms: int,
    engine_id: EngineId,
    actor: Actor,
    action: str,
    noun: str,
    object_id: int | None,
    request_id: str,
    before: Mapping[str, JSON] | None = None,
    after: Mapping[str, JSON] | None = None,
) -> None:
    """One entry. `before` and `after` are kept as detail (it can be pruned; its SHA-256 stays), and the names of
    the fields that differ stand in the entry itself. No value shows a secret that this process has met."""
    detail = veil.value(_detail(before, after))
    c.execute(
        insert(audit).values(
            at=at_ms,
            engine_id=engine_id,
            actor_id=actor.user_id,
            actor=actor.name,
            origin=actor.origin,
            action=action,
            noun=noun,
            object_id=object_id,
            outcome="done",
            changed=json.dumps(_changed(before or {}, after or {})),
            detail=canonical(detail) if detail is not None else None,
            detail_sha256=sha256_of(detail) if detail is not None else None,
            request_id=request_id,
        )
    )


def may_say(c: Connection, action: str, object_id: int, *, after: Mapping[str, JSON]) -> bool:
    """Whether the first such entry of an object has this detail. True too when there is no entry any more."""
    noun, _, _ = action.partition(".")
    written = c.scalar(
        select(audit.c.detail_sha256)
        .where(audit.c.noun == noun, audit.c.object_id == object_id, audit.c.action == action)
        .order_by(audit.c.sequence)
        .limit(1)
    )
    detail = _detail(None, after)
    # masked as it was written; or written before a secret in it was known as one
    return written is None or written in (sha256_of(veil.value(detail)), sha256_of(detail))


def _detail(before: Mapping[str, JSON] | None, after: Mapping[str, JSON] | None) -> JSON:
    if before is None and after is None:
        return None
    return {"before": dict(before) if before is not None else None, "after": dict(after) if after else None}


def _changed(before: Mapping[str, JSON], after: Mapping[str, JSON]) -> list[str]:
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
