"""The door from afar: a Backend over HTTP. Imports httpx, so it is imported after the first paint.

Gives back the same nouns and raises the same errors as the engine's own Backend. When the engine goes away, calls
raise EngineUnreachable; nothing is answered out of memory.
"""

from __future__ import annotations

from deployx_tui.service.remote.backend import RemoteBackend

__all__ = ["RemoteBackend"]
