"""What a test needs of the machine: on a person's machine a missing part skips, in CI it fails."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest


def require(present: bool, what: str) -> None:
    """Go on if `present`; else skip, or fail where the environment says CI=true."""
    if present:
        return
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing, and in CI nothing may be")
    pytest.skip(f"{what} is missing; `sh tests/run` as root installs it")


def require_program(name: str, *places: str) -> str:
    """Path of a program on PATH or at one of the absolute `places`."""
    found = shutil.which(name) or next((p for p in places if Path(p).exists()), None)
    require(found is not None, name)
    assert found is not None
    return found
