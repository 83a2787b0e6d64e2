"""The door beside its engine: `LocalBackend` serves one actor out of the engine's own process."""

from __future__ import annotations

from deployx_tui.service.local.backend import LocalBackend, ensure_personal_user
from deployx_tui.service.local.door import Premises

__all__ = ["LocalBackend", "Premises", "ensure_personal_user"]
