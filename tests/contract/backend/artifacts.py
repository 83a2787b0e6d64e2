"""Artifacts: what is added, under which name and version, and when it goes."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from deployx_tui.errors import Conflict, InvalidInput, NotFound
from deployx_tui.model.artifact import ArtifactKind, EntryKind
from deployx_tui.model.ids import ArtifactId
from deployx_tui.model.user import Role
from deployx_tui.store.schema import audit, packages, scheduled_tasks
from tests.contract.backend.site import Site, add_device, add_task, fields, following, stream


def tar_of(*members: tuple[str, bytes | None, str]) -> bytes:
    """(name, content, "") for a file, (name, None, "") for a folder, (name, None, target) for a link."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content, target in members:
            entry = tarfile.TarInfo(name)
            entry.mode = 0o640
            if content is not None:
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
                continue
            entry.type = tarfile.SYMTYPE if target else tarfile.DIRTYPE
            entry.linkname = target
            tar.addfile(entry)
    return made.getvalue()


class ArtifactsContract:
    async def test_a_file_is_kept_by_its_sha256_with_who_when_and_where_from(self, site: Site) -> None:
        backend = await site.backend()
        content = bytes(range(256)) * 9000  # more than two pieces of the disk
        made = await backend.artifacts.add("app.conf", stream(content[:70_000], content[70_000:]), "/srv/app.conf")
        assert (made.name, made.version, made.kind, made.size, made.files) == (
            "app.conf", 1, ArtifactKind.FILE, len(content), 1
        )  # fmt: skip
        assert made.sha256 == hashlib.sha256(content).hexdigest()
        assert (made.origin, made.added_by) == ("/srv/app.conf", "ada")
        assert await backend.artifacts.get(made.id) == made
        assert await backend.artifacts.tree(made.id) == ()
        assert await backend.artifacts.read(made.id, 1_000_000, 10) == content[1_000_000:1_000_010]
        assert await backend.artifacts.read(made.id, len(content) - 3) == content[-3:]
        assert await backend.artifacts.read(made.id, len(content)) == b""
        with site.database.read() as c:
            actions = c.execute(select(audit.c.action, audit.c.object_id).order_by(audit.c.sequence)).all()
        assert ("artifact.create", made.id) in [(row.action, row.object_id) for row in actions]

    async def test_what_is_added_under_a_name_that_is_there_is_its_next_version(self, site: Site) -> None:
        backend = await site.backend()
        one = await backend.artifacts.add("a", stream(b"one"), "x")
        two = await backend.artifacts.add("a", stream(b"two"), "x")
        again = await backend.artifacts.add("a", stream(b"one"), "y")
        assert (one.version, two.version, again) == (1, 2, one)
        other = await backend.artifacts.add("b", stream(b"one"), "x")
        assert (other.version, other.sha256) == (1, one.sha256)
        assert await backend.artifacts.versions("a") == (two, one)
        assert [await backend.artifacts.find(word) for word in ("a", "a@1", str(two.id))] == [two, one, two]
        with pytest.raises(NotFound):
            await backend.artifacts.find("a@3")
        with pytest.raises(NotFound) as refused:
            await backend.artifacts.find("aa")
        assert refused.value.noun == "artifact"

    async def test_a_list_goes_by_name_with_the_newest_version_first_in_pages(self, site: Site) -> None:
        backend = await site.backend()
        for name, content in (("b", b"1"), ("a", b"2"), ("a", b"3"), ("c", b"4")):
            await backend.artifacts.add(name, stream(content), "x")
        whole = await backend.artifacts.list()
        assert [(one.name, one.version) for one in whole.items] == [("a", 2), ("a", 1), ("b", 1), ("c", 1)]
        assert (whole.total, whole.next_cursor) == (4, None)
        first = await backend.artifacts.list(limit=1)
        second = await backend.artifacts.list(limit=2, cursor=first.next_cursor)
        rest = await backend.artifacts.list(limit=5, cursor=second.next_cursor)
        assert (*first.items, *second.items, *rest.items) == whole.items
        assert [one.name for one in (await backend.artifacts.list("B")).items] == ["b"]

    async def test_a_folder_is_a_manifest_and_its_files(self, site: Site) -> None:
        backend = await site.backend()
        big = b"x" * (3 << 20)
        tar = tar_of(("bin/run", b"#!/bin/sh\n", ""), ("big", big, ""), ("empty", b"", ""), ("latest", None, "bin/run"))
        made = await backend.artifacts.add_tree("app", stream(tar), "/srv/app")
        assert (made.kind, made.files, made.size) == (ArtifactKind.TREE, 3, 10 + len(big))
        found = await backend.artifacts.tree(made.id)
        assert [(entry.path, entry.kind, entry.mode) for entry in found] == [
            ("big", EntryKind.FILE, 0o640),
            ("bin", EntryKind.FOLDER, 0o755),
            ("bin/run", EntryKind.FILE, 0o640),
            ("empty", EntryKind.FILE, 0o640),
            ("latest", EntryKind.LINK, 0),
        ]
        assert found[0].sha256 == hashlib.sha256(big).hexdigest()
        assert found[4].target == "bin/run"
        again = await backend.artifacts.add_tree("app", stream(tar), "elsewhere")
        assert again == made
        with pytest.raises(InvalidInput):
            await backend.artifacts.read(made.id)

    @pytest.mark.parametrize(
        ("members", "said"),
        [
            ((("../x", b"1", ""),), ".."),
            ((("/etc/x", b"1", ""),), "absolute"),
            ((("a", b"1", ""), ("out", None, "../x")), "'out' points out"),
            ((("a", b"1", ""), ("out", None, "/etc")), "'out' points out"),
            # each stays by its words, and both together do not
            ((("d/a", b"1", ""), ("d/up", None, ".."), ("out", None, "d/up/../x")), "'out' points out"),
            ((("a", b"1", ""), ("a", b"2", "")), "twice"),
            ((("a", b"1", ""), ("a/b", b"2", "")), "no folder"),
            ((("d", None, ""),), "no files"),
        ],
    )
    async def test_a_folder_with_what_no_artifact_holds_is_refused_and_nothing_is_kept(
        self, site: Site, members: tuple[tuple[str, bytes | None, str], ...], said: str
    ) -> None:
        backend = await site.backend()
        with pytest.raises(InvalidInput) as refused:
            await backend.artifacts.add_tree("app", stream(tar_of(*members)), "x")
        assert said in refused.value.problems[0].message
        assert refused.value.problems[0].remedy
        assert (await backend.artifacts.list()).items == ()
        found = await backend.artifacts.collect(dry_run=True)
        assert (found.freed, found.kept) == (0, 0)

    @pytest.mark.parametrize("name", ["", " ", "a/b", "a\\b", "..", "a\nb", "x" * 121])
    async def test_a_name_is_a_label_and_no_path(self, site: Site, name: str) -> None:
        backend = await site.backend()
        with pytest.raises(InvalidInput) as refused:
            await backend.artifacts.add(name, stream(b"1"), "x")
        assert fields(refused) == ["name"]

    async def test_an_empty_file_is_refused_with_its_name(self, site: Site) -> None:
        backend = await site.backend()
        with pytest.raises(InvalidInput) as refused:
            await backend.artifacts.add("nothing.conf", stream(), "x")
        assert "nothing.conf is empty" in str(refused.value)

    async def test_a_sender_that_breaks_off_leaves_nothing(self, site: Site) -> None:
        backend = await site.backend()

        async def breaks() -> AsyncIterator[bytes]:
            yield b"x" * 100_000
            raise InvalidInput.of("artifact", "it can't be read", "look at it")

        with pytest.raises(InvalidInput):
            await backend.artifacts.add("a", breaks(), "x")
        assert (await backend.artifacts.list()).items == ()
        found = await backend.artifacts.collect(dry_run=True)
        assert (found.freed, found.kept) == (0, 0)

    async def test_deleted_content_goes_with_a_collection_that_tells_first(self, site: Site) -> None:
        backend = await site.backend()
        one = await backend.artifacts.add("a", stream(b"one"), "x")
        await backend.artifacts.add("b", stream(b"seven.."), "x")
        same = await backend.artifacts.add("c", stream(b"seven.."), "x")
        tree = await backend.artifacts.add_tree("t", stream(tar_of(("f", b"seven..", ""), ("g", b"in t", ""))), "x")
        nothing = await backend.artifacts.collect()
        assert (nothing.artifacts, nothing.freed) == ((), 0)
        for each in (one, same, tree):
            await backend.artifacts.delete(each.id)
        would = await backend.artifacts.collect(dry_run=True)
        assert [each.id for each in would.artifacts] == [one.id, tree.id]
        assert would.kept == 7
        assert await backend.artifacts.collect(dry_run=False) == would
        rest = await backend.artifacts.collect()
        assert (rest.artifacts, rest.freed, rest.kept) == ((), 0, 7)
        with pytest.raises(NotFound):
            await backend.artifacts.get(one.id)
        # its number is not given again
        assert (await backend.artifacts.add("a", stream(b"one"), "x")).version == 2

    async def test_one_that_a_task_needs_is_not_deleted(self, site: Site) -> None:
        backend = await site.backend()
        await add_device(backend, "web01")
        task = await add_task(backend, "nightly files")
        made = await backend.artifacts.add("a", stream(b"one"), "x")
        with site.database.write() as c:
            payload = f'{{"file_payload":{{"items":[{{"artifact_id":{made.id}}}]}}}}'
            c.execute(scheduled_tasks.update().where(scheduled_tasks.c.id == task.id).values(payload=payload))
        assert (await backend.artifacts.uses(made.id)).tasks == ("nightly files",)
        with pytest.raises(Conflict) as refused:
            await backend.artifacts.delete(made.id)
        assert "nightly files" in str(refused.value)
        assert (await backend.artifacts.collect()).freed == 0

    async def test_one_that_a_package_installs_from_is_not_deleted(self, site: Site) -> None:
        backend = await site.backend()
        one = await backend.artifacts.add("tool.deb", stream(b"one"), "x")
        two = await backend.artifacts.add("tool.deb", stream(b"two"), "x")
        with site.database.write() as c:
            for name, artifact in (("tool", "tool.deb"), ("old-tool", "tool.deb@1")):
                body = f'{{"variants":[{{"artifact":"{artifact}"}}]}}'
                c.execute(
                    packages.insert().values(
                        package_name=name, body=body, owner_id=backend.actor.user_id, created_at=1, updated_at=1
                    )
                )
        with pytest.raises(Conflict, match="old-tool"):
            await backend.artifacts.delete(one.id)
        await backend.artifacts.delete(two.id)  # the name means version 1 from here on
        with pytest.raises(Conflict, match="old-tool, tool"):
            await backend.artifacts.delete(one.id)

    async def test_adding_and_deleting_are_told(self, site: Site) -> None:
        backend = await site.backend()
        told = []
        stream_ = following(backend)
        first = await anext(stream_)
        assert first
        made = await backend.artifacts.add("a", stream(b"one"), "x")
        await backend.artifacts.delete(made.id)
        async for item in stream_:
            told.append((getattr(item, "type", ""), dict(getattr(item, "facts", ()))))
            if len(told) == 2:
                break
        await stream_.aclose()
        assert told == [("artifact.created", {"artifact_id": made.id}), ("artifact.deleted", {"artifact_id": made.id})]

    async def test_a_viewer_reads_and_an_operator_adds(self, site: Site) -> None:
        admin = await site.backend()
        operator = await site.backend(Role.OPERATOR, "olga")
        viewer = await site.backend(Role.VIEWER, "vera")
        made = await operator.artifacts.add("a", stream(b"one"), "x")
        assert made.added_by == "olga"
        assert await viewer.artifacts.read(made.id) == b"one"
        assert await admin.artifacts.find("a") == made

    async def test_what_is_not_there_is_not_found(self, site: Site) -> None:
        backend = await site.backend()
        nobody = ArtifactId(99)
        for call in (backend.artifacts.get, backend.artifacts.tree, backend.artifacts.uses, backend.artifacts.delete):
            with pytest.raises(NotFound):
                await call(nobody)
        assert await backend.artifacts.versions("nothing") == ()
