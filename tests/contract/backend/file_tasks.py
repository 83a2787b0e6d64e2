"""Tasks that put files on their targets: saved, shown, run, taken back, compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from deployx_tui.errors import Conflict, InvalidInput, NotFound
from deployx_tui.model.artifact import ref_of
from deployx_tui.model.files import FileItem, FilePayload
from deployx_tui.model.ids import ArtifactId, ExecutionId, PackageId, TaskId
from deployx_tui.model.payload import TaskType
from deployx_tui.model.software import PackageChoice, SoftwarePayload
from deployx_tui.service.backend import Backend
from tests.contract.backend.site import Site, add_device, draft, fields, finished, line, new_request, run, stream

GONE = FileItem(artifact=ArtifactId(999_999))


async def _conf(backend: Backend, content: bytes = b"one\n") -> FileItem:
    return FileItem(artifact=(await backend.artifacts.add("app.conf", stream(content), "x")).id)


class FileTasksContract:
    async def test_a_task_of_files_is_saved_shown_and_changed(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        item = await _conf(backend)
        payload = FilePayload(
            items=(replace(item, mode=0o600, substitute=True),),
            target_path="/srv/app/",
            platform_paths=(("linux", "/srv/linux/"), ("freebsd", "/usr/srv/")),
            owner="app",
            backups=3,
            post_command="systemctl reload app",
            rollback_on_failure=True,
        )
        made = await backend.tasks.create(draft("conf", payload=payload))
        assert made.draft.payload == payload
        assert made.type is TaskType.FILE_DEPLOYMENT
        assert made.stock.artifacts == {item.artifact: ref_of(await backend.artifacts.get(item.artifact))}
        assert await backend.tasks.get(made.id) == made
        changed = replace(made.draft, payload=replace(payload, owner=None, target_path="/srv/other/"))
        assert (await backend.tasks.update(made.id, changed)).draft == changed
        preview = await backend.tasks.preview(changed, 0)
        assert preview.problems == ()
        assert preview.stock == made.stock

    async def test_what_a_task_of_files_or_software_can_not_mean_is_refused_by_field(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        item = await _conf(backend)
        for payload, field in (
            (FilePayload(items=(GONE, item), target_path="/srv/"), "file_payload.file_ids"),
            (FilePayload(items=(item, item), target_path="/srv/"), "file_payload.items"),
            (FilePayload(items=(item,), target_path="srv"), "file_payload.target_path"),
            (FilePayload(items=(item,), target_path="/srv/", delete_extra=True), "file_payload.delete_extra"),
            (SoftwarePayload(packages=(PackageChoice(package=PackageId(999)),)), "software_payload.software_ids"),
            (SoftwarePayload(), "software_payload.software_ids"),
        ):
            with pytest.raises(InvalidInput) as refused:
                await backend.tasks.create(draft(payload=payload))
            assert fields(refused) == [field]
            with pytest.raises(InvalidInput) as refused:
                await backend.executions.run_ad_hoc(payload, "web*", new_request())
            assert fields(refused) == [field]
        with pytest.raises(InvalidInput) as told:
            await backend.tasks.create(draft(payload=FilePayload(items=(GONE,), target_path="/srv/")))
        assert "999999" in str(told.value)

    async def test_an_artifact_that_was_deleted_is_unknown_to_a_new_task(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        item = await _conf(backend)
        await backend.artifacts.delete(item.artifact)
        with pytest.raises(InvalidInput) as refused:
            await backend.tasks.create(draft(payload=FilePayload(items=(item,), target_path="/srv/")))
        assert fields(refused) == ["file_payload.file_ids"]

    async def test_a_run_of_files_says_in_one_line_what_it_does(self, site: Site, tmp_path: Path) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        payload = FilePayload(items=(await _conf(backend),), target_path=f"{tmp_path}/there/")
        request = new_request()
        started = await backend.executions.run_ad_hoc(payload, "web01", request)
        assert await backend.executions.run_ad_hoc(payload, "web01", request) == started
        with pytest.raises(InvalidInput) as refused:
            await backend.executions.run_ad_hoc(replace(payload, backups=2), "web01", request)
        assert fields(refused) == ["request"]
        shown = await backend.executions.get(started)
        assert shown.summary == f"app.conf to {tmp_path}/there/"
        assert shown.type is TaskType.FILE_DEPLOYMENT
        assert (await finished(backend, started)).targets.changed == 1
        back = await backend.executions.rollback(started, new_request())
        assert (await finished(backend, back)).type is TaskType.FILE_DEPLOYMENT
        with pytest.raises(Conflict, match="rolled back by"):
            await backend.executions.rollback(started, new_request())
        tricky = line("""echo '{"x":1,"software_payload":{}}'""")
        commands = await backend.executions.run_ad_hoc(tricky, "web01", new_request())
        assert (await backend.executions.get(commands)).type is TaskType.COMMAND

    async def test_what_changed_nothing_is_not_rolled_back(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        ended = await run(backend, await backend.tasks.create(draft(payload=line("true"))))
        with pytest.raises(Conflict, match="changed nothing"):
            await backend.executions.rollback(ended.id, new_request())
        with pytest.raises(NotFound):
            await backend.executions.rollback(ExecutionId(999_999), new_request())
        with pytest.raises(InvalidInput) as refused:
            await backend.executions.rollback(ended.id, "once")
        assert fields(refused) == ["request"]

    async def test_what_is_alive_is_not_rolled_back(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        alive = await backend.executions.run_ad_hoc(line("sleep 60"), "web01", new_request())
        with pytest.raises(Conflict, match="wait for its end"):
            await backend.executions.rollback(alive, new_request(), force=True)
        await backend.executions.cancel(alive)

    async def test_only_a_task_of_files_is_checked(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        commands = await backend.tasks.create(draft())
        with pytest.raises(Conflict, match="no files"):
            await backend.tasks.check(commands.id, new_request())
        with pytest.raises(NotFound):
            await backend.tasks.check(TaskId(999_999), new_request())

    async def test_a_check_is_a_run_of_its_own_that_the_same_request_starts_once(
        self, site: Site, tmp_path: Path
    ) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        payload = FilePayload(items=(await _conf(backend),), target_path=f"{tmp_path}/there/")
        task = await backend.tasks.create(draft("conf", payload=payload))
        request = new_request()
        started = await backend.tasks.check(task.id, request)
        assert await backend.tasks.check(task.id, request) == started
        shown = await backend.executions.get(started)
        assert (shown.task_id, shown.task_name) == (None, "check of conf")
        assert shown.summary == f"check app.conf to {tmp_path}/there/"
        assert (await backend.tasks.get(task.id)).last is None
