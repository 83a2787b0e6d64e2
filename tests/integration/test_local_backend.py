"""The Backend contract over the engine's own process, on both databases."""

from __future__ import annotations

from tests.contract.backend import BackendContract
from tests.support.local_site import site

__all__ = ["site"]


class TestLocalBackend(BackendContract):
    pass
