"""Files and folders of devices, as any Backend gives them."""

from __future__ import annotations

import asyncio
import io
import os
import tarfile
from contextlib import suppress
from pathlib import Path

import pytest

from deployx_tui.errors import InvalidInput, NotFound
from deployx_tui.model.device import DeviceDraft
from deployx_tui.model.execution import Cause
from deployx_tui.model.fetch import FetchBegun, FetchEnded, FetchKind
from deployx_tui.model.ids import DeviceId
from tests.contract.backend.site import Site, add_device, fields
from tests.contract.transport.site import await_end

GONE = DeviceId(999_999)


class FetchingContract:
    async def test_a_file_and_a_folder_of_a_device_are_read(self, site: Site, tmp_path: Path) -> None:
        backend = await site.backend()
        device = await add_device(backend, "web01")
        content = os.urandom(3_000_001)
        (tmp_path / "a line\nand ' more").write_bytes(content)
        pieces = [piece async for piece in backend.devices.fetch(device.id, f"{tmp_path}/a line\nand ' more")]
        assert pieces[0] == FetchBegun(FetchKind.FILE)
        assert pieces[-1] == FetchEnded()
        assert b"".join(piece for piece in pieces if isinstance(piece, bytes)) == content
        pieces = [piece async for piece in backend.devices.fetch(device.id, str(tmp_path))]
        assert pieces[0] == FetchBegun(FetchKind.TREE)
        tar = b"".join(piece for piece in pieces if isinstance(piece, bytes))
        with tarfile.open(fileobj=io.BytesIO(tar)) as found:
            assert "./a line\nand ' more" in found.getnames()
        (ended,) = [piece async for piece in backend.devices.fetch(device.id, f"{tmp_path}/none")]
        assert isinstance(ended, FetchEnded)
        assert ended.cause is Cause.EXIT
        assert "No such file" in ended.message
        assert ended.remedy

    async def test_what_cannot_be_read_is_refused_before_anybody_is_asked(self, site: Site) -> None:
        backend = await site.backend()
        device = await add_device(backend, "web01")
        for wrong in ("", "etc", "/", "/etc/..", "/a\0b"):
            with pytest.raises(InvalidInput) as refused:
                await anext(backend.devices.fetch(device.id, wrong))
            assert fields(refused) == ["path"]
        with pytest.raises(NotFound):
            await anext(backend.devices.fetch(GONE, "/etc/hostname"))

    async def test_a_device_that_is_not_reached_is_told_at_the_end_of_a_fetch(self, site: Site) -> None:
        backend = await site.backend()
        device = await backend.devices.create(DeviceDraft(name="dead", address="127.0.0.1", port=1))
        (ended,) = [piece async for piece in backend.devices.fetch(device.id, "/etc/hostname")]
        assert isinstance(ended, FetchEnded)
        assert ended.cause is Cause.REFUSED
        assert ended.remedy

    async def test_who_goes_away_stops_the_device_from_sending(self, site: Site, tmp_path: Path) -> None:
        backend = await site.backend()
        device = await add_device(backend, "web01")
        with (tmp_path / "endless").open("wb") as made:
            made.truncate(1 << 40)
        pieces = backend.devices.fetch(device.id, f"{tmp_path}/endless")
        assert await anext(pieces) == FetchBegun(FetchKind.FILE)
        assert isinstance(await anext(pieces), bytes)
        (reader,) = _readers(tmp_path / "endless")
        await pieces.aclose()
        await asyncio.to_thread(await_end, reader)


def _readers(file: Path) -> list[int]:
    """Processes that read this file as their standard input."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "fd" / "0").readlink() == file:
                found.append(int(process.name))
    return found
