"""The contract, on this machine, with each POSIX shell that is installed as `sh`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployx_tui.model.device import HostKeyPolicy, TransportKind
from deployx_tui.model.ids import DeviceId
from deployx_tui.transports.base import Endpoint
from deployx_tui.transports.local import LocalTransport
from tests.contract.transport import TransportContract
from tests.contract.transport.site import Site


def here() -> Site:
    endpoint = Endpoint(
        device_id=DeviceId(1),
        name="here",
        address="localhost",
        port=None,
        user=None,
        transport=TransportKind.LOCAL,
        key_file=None,
        host_key_policy=HostKeyPolicy.STRICT,
    )
    return Site(LocalTransport(), endpoint)


class TestLocal(TransportContract):
    @pytest.fixture
    def site(self) -> Site:
        return here()


class _OtherShell(TransportContract):
    """`sh` is another shell than this system's: a folder with that `sh` stands first in the PATH."""

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
class TestLocalBash(_OtherShell):
    program = "bash"


@pytest.mark.long
class TestLocalBusybox(_OtherShell):
    program = "busybox"


@pytest.mark.long
class TestLocalDash(_OtherShell):
    program = "dash"
