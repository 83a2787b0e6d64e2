"""Durable runs on this machine, with each POSIX shell that is installed as `sh`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.durable import DurableContract
from tests.contract.transport.site import Site
from tests.integration.test_local_transport import here


class TestDurableHere(DurableContract):
    @pytest.fixture
    def site(self) -> Site:
        return here()


class _OtherShell(DurableContract):
    program: str

    @pytest.fixture
    def site(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
        found = shutil.which(self.program)
        if found is None:
            pytest.skip(f"{self.program} is not installed")
        folder = tmp_path / "shells"
        folder.mkdir()
        (folder / "sh").symlink_to(found)
        monkeypatch.setenv("PATH", str(folder), prepend=":")
        yield here()


@pytest.mark.long
class TestDurableBash(_OtherShell):
    program = "bash"


@pytest.mark.long
class TestDurableBusybox(_OtherShell):
    program = "busybox"


@pytest.mark.long
class TestDurableDash(_OtherShell):
    program = "dash"
