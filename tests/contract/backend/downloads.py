"""A run as one file: what it holds, whoever the Backend is."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC
from pathlib import Path

import pytest

from deployx_tui.errors import NotFound
from deployx_tui.model.ids import ExecutionId
from deployx_tui.model.user import Role
from deployx_tui.service.backend import Backend
from deployx_tui.service.download import Format, download, file_name, form_of, write
from tests.contract.backend.site import Site, add_device, finished, line, new_request

#: no newline at its end, and bytes that are no text
SAYS = "printf 'out \\377'; echo err >&2; exit 3"


async def _whole(backend: Backend, execution: ExecutionId, form: Format) -> bytes:
    return b"".join([piece async for piece in download(backend, execution, form)])


async def _ran(backend: Backend) -> ExecutionId:
    for name in ("web01", "web/02", "WEB-02"):
        await add_device(backend, name)
    execution = await backend.executions.run_ad_hoc(line(SAYS), "*", new_request())
    await finished(backend, execution)
    return execution


class DownloadsContract:
    async def test_a_run_is_one_text(self, site: Site) -> None:
        backend = await site.backend()
        text = await _whole(backend, await _ran(backend), Format.TEXT)
        assert text.count(b"\n=== ") == 3
        assert b"\n=== web01: failed, exit 3" in text
        assert text.count(b"out \xff") == text.count(b"err\n") == 3
        assert text.endswith(b"\n")

    async def test_a_run_is_one_archive_with_a_file_for_each_target_and_stream(self, site: Site) -> None:
        backend = await site.backend()
        execution = await _ran(backend)
        with zipfile.ZipFile(io.BytesIO(await _whole(backend, execution, Format.ARCHIVE))) as archive:
            assert archive.testzip() is None
            names = archive.namelist()
            # two devices whose names are one on some systems have a file each
            assert len({name.lower() for name in names}) == len(names) == 7
            assert all("/" not in name and not name.startswith(".") for name in names)
            assert archive.read("web01.stdout") == b"out \xff"
            assert archive.read("web01.stderr") == b"err\n"
            facts = json.loads(archive.read("execution.json"))
        assert facts["id"] == execution
        assert [target["exit_code"] for target in facts["targets"]] == [3, 3, 3]

    async def test_a_file_is_its_owners_alone_and_never_overwritten(self, site: Site, tmp_path: Path) -> None:
        backend = await site.backend()
        execution = await _ran(backend)
        path = tmp_path / file_name(await backend.executions.get(execution), Format.ARCHIVE)
        assert form_of(path) is Format.ARCHIVE
        size = await write(backend, execution, path, Format.ARCHIVE, UTC)
        assert path.stat().st_size == size
        assert path.stat().st_mode & 0o777 == 0o600
        assert zipfile.is_zipfile(path)
        with pytest.raises(FileExistsError):
            await write(backend, execution, path, Format.TEXT, UTC)
        with pytest.raises(NotFound):
            await write(backend, ExecutionId(999_999), tmp_path / "none", Format.TEXT, UTC)
        assert not (tmp_path / "none").exists()

    async def test_who_may_not_see_a_run_gets_no_file_of_it(self, site: Site) -> None:
        backend = await site.backend()
        execution = await _ran(backend)
        stranger = await site.backend(Role.OPERATOR, "bob")
        with pytest.raises(NotFound):
            await _whole(stranger, execution, Format.TEXT)
