"""Whether a start was one: the same request again starts nothing, and its answer is the first one's."""

from __future__ import annotations

from contextvars import ContextVar

#: of the last start that was awaited in this context, where the engine is of this process
was_replayed: ContextVar[bool] = ContextVar("was_replayed", default=False)
