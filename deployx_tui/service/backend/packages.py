"""Packages: the catalogue of what software tasks install, and what is where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from deployx_tui.model.ids import PackageId
from deployx_tui.model.package import InstalledPackage, Package, Taken
from deployx_tui.model.page import Page
from deployx_tui.model.user import Permission
from deployx_tui.service.backend.permission import needs


class Packages(Protocol):
    @needs(Permission.SOFTWARE_READ)
    async def list(self) -> Page[Package]:
        """By name, inactive ones too."""
        ...

    @needs(Permission.SOFTWARE_READ)
    async def get(self, package: PackageId) -> Package: ...

    @needs(Permission.SOFTWARE_READ)
    async def find(self, name_or_id: str) -> Package: ...

    @needs(Permission.SOFTWARE_READ)
    async def where(self, package: str | None = None, *, behind: bool = False) -> tuple[InstalledPackage, ...]:
        """What is where, as it was last seen: of one package by its name (also one that no catalogue has), or of all.

        `behind`: only where it is another version than the catalogue's. NotFound for a name that was never seen and
        that the catalogue does not have.
        """
        ...

    @needs(Permission.SOFTWARE_WRITE)
    async def create(self, package: Package) -> Package:
        """InvalidInput: the name is taken, or it depends on what is not there, or on itself by way of others."""
        ...

    @needs(Permission.SOFTWARE_WRITE)
    async def update(self, package: PackageId, new: Package, revision: int | None = None) -> Package:
        """Replace all of it. Conflict (stale) when `revision` is given and old."""
        ...

    @needs(Permission.SOFTWARE_WRITE)
    async def delete(self, package: PackageId, revision: int | None = None) -> None:
        """Conflict when a task or another package needs it. What is where stays known."""
        ...

    @needs(Permission.SOFTWARE_WRITE)
    async def take(self, packages: Sequence[Package], *, dry_run: bool = False) -> Taken:
        """All of them into the catalogue by name, or none: new ones made, others replaced. InvalidInput as `create`."""
        ...
