"""The few places where the two databases differ: one small function per dialect, side by side, a topic a file."""

from __future__ import annotations

from typing import Literal

Dialect = Literal["sqlite", "postgresql"]
