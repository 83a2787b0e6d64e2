"""The catalogue of packages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployx_tui.errors import Conflict, InvalidInput, NotFound
from deployx_tui.model.ids import PackageId
from deployx_tui.model.package import Detection, DetectionKind, InstallerKind, Package, Requirements, Variant
from tests.contract.backend.site import Site, fields

GONE = PackageId(999_999)


def package(name: str, *depends: str, version: str | None = None) -> Package:
    detection = Detection(kind=DetectionKind.COMMAND, command=f"{name} --version", pattern="([0-9.]+)")
    return Package(
        name=name,
        version=version,
        category="tools",
        requirements=Requirements(os=("linux",), free_disk=1 << 20),
        variants=(
            Variant(installer=InstallerKind.APT, os=("debian",), name=name, detection=detection),
            Variant(installer=InstallerKind.WINGET, name=f"Some.{name}"),
        ),
        depends=depends,
    )


class PackagesContract:
    async def test_a_package_is_read_back_as_it_was_given(self, site: Site) -> None:
        backend = await site.backend()
        await backend.packages.create(package("openssl"))
        given = package("nginx", "openssl", version="1.24.0")
        made = await backend.packages.create(given)
        assert made.id is not None
        assert replace(made, id=None, revision=0, updated_at=None) == given
        assert made.revision == 1
        assert made == await backend.packages.get(made.id) == await backend.packages.find("nginx")
        assert [each.name for each in (await backend.packages.list()).items] == ["nginx", "openssl"]
        with pytest.raises(NotFound, match="did you mean nginx"):
            await backend.packages.find("ngnix")

    async def test_a_package_that_can_not_be_installed_is_refused(self, site: Site) -> None:
        backend = await site.backend()
        first = await backend.packages.create(package("a"))
        for wrong, field in ((package("a"), "name"), (package("b", "nowhere"), "depends")):
            with pytest.raises(InvalidInput) as refused:
                await backend.packages.create(wrong)
            assert fields(refused) == [field]
        await backend.packages.create(package("b", "a"))
        assert first.id is not None
        with pytest.raises(InvalidInput, match="a -> b -> a"):
            await backend.packages.update(first.id, package("a", "b"))
        assert (await backend.packages.get(first.id)).depends == ()

    async def test_an_old_revision_is_stale(self, site: Site) -> None:
        backend = await site.backend()
        made = await backend.packages.create(package("a"))
        assert made.id is not None
        changed = await backend.packages.update(made.id, package("a", version="2"), 1)
        assert (changed.revision, changed.version) == (2, "2")
        for act in (
            backend.packages.update(made.id, package("a"), 1),
            backend.packages.delete(made.id, 1),
        ):
            with pytest.raises(Conflict) as stale:
                await act
            assert stale.value.stale

    async def test_what_another_package_needs_stays(self, site: Site) -> None:
        backend = await site.backend()
        base = await backend.packages.create(package("base"))
        top = await backend.packages.create(package("top", "base"))
        assert base.id is not None
        assert top.id is not None
        with pytest.raises(Conflict, match="needed by the packages top"):
            await backend.packages.delete(base.id)
        with pytest.raises(Conflict, match="needed by the packages top"):
            await backend.packages.update(base.id, package("other"))
        await backend.packages.delete(top.id)
        await backend.packages.delete(base.id)
        assert (await backend.packages.list()).items == ()
        for look in (backend.packages.get, backend.packages.delete):
            with pytest.raises(NotFound):
                await look(GONE)

    async def test_a_file_is_taken_whole_or_not_at_all(self, site: Site) -> None:
        backend = await site.backend()
        await backend.packages.create(package("same"))
        await backend.packages.create(package("old", version="1"))
        given = (package("same"), package("old", version="2"), package("new", "old"))
        would = await backend.packages.take(given, dry_run=True)
        assert (would.created, would.changed, would.same) == (("new",), ("old",), ("same",))
        assert (await backend.packages.find("old")).version == "1"
        assert await backend.packages.take(given) == would
        assert (await backend.packages.find("old")).version == "2"
        assert (await backend.packages.find("same")).revision == 1
        for dry_run in (True, False):
            with pytest.raises(InvalidInput, match="needs nowhere"):
                await backend.packages.take((package("fine"), package("bad", "nowhere")), dry_run=dry_run)
            with pytest.raises(InvalidInput, match="need each other: one -> two -> one"):
                await backend.packages.take((package("one", "two"), package("two", "one")), dry_run=dry_run)
            with pytest.raises(InvalidInput, match="need each other"):
                await backend.packages.take((package("old", "new", version="2"),), dry_run=dry_run)
        assert [each.name for each in (await backend.packages.list()).items] == ["new", "old", "same"]
        with pytest.raises(InvalidInput, match="there twice"):
            await backend.packages.take((package("x"), package("x")))

    async def test_nothing_is_known_of_what_no_run_has_seen(self, site: Site) -> None:
        backend = await site.backend()
        await backend.packages.create(package("a"))
        assert await backend.packages.where("a") == ()
        with pytest.raises(NotFound):
            await backend.packages.where("b")
        assert await backend.packages.where(behind=True) == ()
