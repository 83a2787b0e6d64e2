"""Packages in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from deployx_tui.errors import NotFound
from deployx_tui.model.ids import PackageId
from deployx_tui.model.package import InstalledPackage, InstallerKind, Package, Taken, Variant
from deployx_tui.model.page import Page
from tests.support import world

if TYPE_CHECKING:
    from tests.support.fake_backend import FakeBackend

_SEEN = world.local(2026, 2, 20, 11, 5)


def packages() -> dict[PackageId, Package]:
    rows = (("nginx", "1.24.0", "web"), ("postgresql", "16.4", "database"), ("curl", None, "tools"))
    return {
        PackageId(number): Package(
            id=PackageId(number),
            name=name,
            version=version,
            category=category,
            variants=(Variant(installer=InstallerKind.APT, os=("debian",), name=name),),
            revision=1,
            updated_at=_SEEN,
        )
        for number, (name, version, category) in enumerate(rows, start=1)
    }


class FakePackages:
    def __init__(self, world_: FakeBackend) -> None:
        self.w = world_
        self.rows = packages()
        self.installed: list[InstalledPackage] = [
            InstalledPackage(
                device=device.id,
                device_name=device.name,
                package="nginx",
                installer=InstallerKind.APT,
                version=version,
                wanted="1.24.0",
                seen_at=_SEEN,
                seen_by="run 8841",
            )
            for device, version in zip(world_.device_rows.values(), ("1.24.0-1", "1.22.1-9"), strict=False)
        ]

    async def list(self) -> Page[Package]:
        await self.w.door("packages.list")
        rows = sorted(self.rows.values(), key=lambda each: each.name)
        return Page(tuple(rows), None, len(rows))

    async def get(self, package: PackageId) -> Package:
        await self.w.door("packages.get")
        if package not in self.rows:
            raise NotFound("package", str(package))
        return self.rows[package]

    async def find(self, name_or_id: str) -> Package:
        await self.w.door("packages.find")
        for package in self.rows.values():
            if name_or_id in (package.name, str(package.id)):
                return package
        raise NotFound("package", name_or_id)

    async def where(self, package: str | None = None, *, behind: bool = False) -> tuple[InstalledPackage, ...]:
        await self.w.door("packages.where")
        found = [each for each in self.installed if package in (None, each.package)]
        if package is not None and not found:
            await self.find(package)
        return tuple(each for each in found if each.is_behind or not behind)

    async def create(self, package: Package) -> Package:
        await self.w.door("packages.create")
        return self._keep(PackageId(max(self.rows, default=0) + 1), package, 1)

    async def update(self, package: PackageId, new: Package, revision: int | None = None) -> Package:
        await self.w.door("packages.update")
        return self._keep(package, new, (await self.get(package)).revision + 1)

    async def delete(self, package: PackageId, revision: int | None = None) -> None:
        await self.w.door("packages.delete")
        del self.rows[package]
        self.w.emit("package.changed")

    async def take(self, packages: Sequence[Package], *, dry_run: bool = False) -> Taken:
        await self.w.door("packages.take")
        present = {each.name: each for each in self.rows.values()}
        new = tuple(each.name for each in packages if each.name not in present)
        if not dry_run:
            for each in packages:
                old = present.get(each.name)
                number = PackageId(max(self.rows, default=0) + 1) if old is None or old.id is None else old.id
                self._keep(number, each, 1)
        return Taken(new, tuple(each.name for each in packages if each.name in present), ())

    def _keep(self, number: PackageId, package: Package, revision: int) -> Package:
        self.rows[number] = replace(package, id=number, revision=revision, updated_at=self.w.now())
        self.w.emit("package.changed")
        return self.rows[number]
