"""Packages behind the door."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from deployx_tui.errors import Conflict, InvalidInput
from deployx_tui.model.ids import PackageId
from deployx_tui.model.package import InstalledPackage, Package, Taken
from deployx_tui.model.package_json import package_to_json
from deployx_tui.model.page import Page
from deployx_tui.model.software import PackageChoice
from deployx_tui.model.user import Actor
from deployx_tui.model.words import first_of
from deployx_tui.planning.software import ordered
from deployx_tui.service.backend.packages import Packages
from deployx_tui.service.local.door import Change, Door
from deployx_tui.service.local.guard import serves
from deployx_tui.store import installed, packages
from deployx_tui.store.identity import refuse_stale

#: of one import
_MOST = 2_000


@serves(Packages)
class LocalPackages:
    def __init__(self, door: Door) -> None:
        self._door = door

    @property
    def actor(self) -> Actor:
        return self._door.actor

    # ---- reading

    async def list(self) -> Page[Package]:
        def work(c: Connection) -> Page[Package]:
            found = packages.every(c)
            return Page(found, None, len(found))

        return await self._door.read(work)

    async def get(self, package: PackageId) -> Package:
        return await self._door.read(lambda c: packages.get(c, package))

    async def find(self, name_or_id: str) -> Package:
        return await self._door.read(lambda c: packages.find(c, name_or_id))

    async def where(self, package: str | None = None, *, behind: bool = False) -> tuple[InstalledPackage, ...]:
        def work(c: Connection) -> tuple[InstalledPackage, ...]:
            found = installed.where(c, package)
            if found or package is None:
                return found
            # a name that was never seen is one of the catalogue, or none
            return installed.where(c, packages.find(c, package).name)

        found = await self._door.read(work)
        return tuple(each for each in found if each.is_behind) if behind else found

    # ---- changing

    async def create(self, package: Package) -> Package:
        def work(change: Change) -> Package:
            made = packages.add(change.c, package, self.actor.user_id, change.now_ms)
            _refuse_loose_ends(packages.every(change.c), made)
            change.record("package.create", made, after=package_to_json(package))
            return self._changed(change, made)

        return await self._door.write(work)

    async def update(self, package: PackageId, new: Package, revision: int | None = None) -> Package:
        def work(change: Change) -> Package:
            old = packages.get(change.c, package)
            refuse_stale("package", old.revision, revision)
            _refuse_orphans(change.c, old, new.name)
            packages.change(change.c, package, new, revision, change.now_ms)
            _refuse_loose_ends(packages.every(change.c), package)
            change.record("package.update", package, before=package_to_json(old), after=package_to_json(new))
            return self._changed(change, package)

        return await self._door.write(work)

    async def delete(self, package: PackageId, revision: int | None = None) -> None:
        def work(change: Change) -> None:
            old = packages.get(change.c, package)
            refuse_stale("package", old.revision, revision)
            _refuse_orphans(change.c, old, "")
            if tasks := packages.tasks_using(change.c, package):
                raise Conflict(f"{old.name} is needed by the tasks {first_of(tasks)}; give those another one first")
            packages.remove(change.c, package, revision, change.now_ms)
            change.record("package.delete", package, before=package_to_json(old))
            change.tell("package.changed", package_id=package, deleted=1)

        await self._door.write(work)

    async def take(self, packages: Sequence[Package], *, dry_run: bool = False) -> Taken:
        if len(packages) > _MOST:
            raise InvalidInput.of("packages", f"there are {len(packages)}", f"give at most {_MOST} at once")
        names = [package.name for package in packages]
        if len(set(names)) < len(names):
            twice = sorted({name for name in names if names.count(name) > 1})
            raise InvalidInput.of("packages", f"{first_of(twice)} is there twice", "leave one of them out")
        if dry_run:
            return await self._door.read(lambda c: _would_take(c, packages))
        return await self._door.write(lambda change: self._taken(change, packages))

    # ---- parts

    def _taken(self, change: Change, given: Sequence[Package]) -> Taken:
        taken, new, changed = _sorted_out(change.c, given)
        ids = []
        for package in new:
            ids.append(packages.add(change.c, package, self.actor.user_id, change.now_ms))
            change.record("package.create", ids[-1], after=package_to_json(package))
        for id_, package in changed:
            before = packages.get(change.c, id_)
            packages.change(change.c, id_, package, None, change.now_ms)
            change.record("package.update", id_, before=package_to_json(before), after=package_to_json(package))
            ids.append(id_)
        catalogue = packages.every(change.c) if ids else ()
        for id_ in ids:
            _refuse_loose_ends(catalogue, id_)
        if ids:
            change.tell("package.changed")
        else:
            change.nothing_changed()
        return taken

    def _changed(self, change: Change, package: PackageId) -> Package:
        change.tell("package.changed", package_id=package)
        return packages.get(change.c, package)


def _sorted_out(
    c: Connection, given: Sequence[Package]
) -> tuple[Taken, tuple[Package, ...], tuple[tuple[PackageId, Package], ...]]:
    """What is new, and what differs from what is there."""
    present = {package.name: package for package in packages.every(c)}
    new = tuple(package for package in given if package.name not in present)
    changed, same = [], []
    for package in given:
        old = present.get(package.name)
        if old is None or old.id is None:
            continue
        if package_to_json(old) == package_to_json(package):
            same.append(package.name)
        else:
            changed.append((old.id, package))
    taken = Taken(tuple(package.name for package in new), tuple(package.name for _, package in changed), tuple(same))
    return taken, new, tuple(changed)


def _would_take(c: Connection, given: Sequence[Package]) -> Taken:
    """What taking them would do. InvalidInput: it would be refused."""
    taken, new, changed = _sorted_out(c, given)
    becomes = {package.name: package for package in packages.every(c)}
    becomes |= {package.name: replace(package, id=becomes[package.name].id) for _, package in changed}
    # numbers that no package has yet
    becomes |= {package.name: replace(package, id=PackageId(-number)) for number, package in enumerate(new, 1)}
    for name in (*taken.created, *taken.changed):
        if (id_ := becomes[name].id) is not None:
            _refuse_loose_ends(becomes.values(), id_)
    return taken


def _refuse_loose_ends(catalogue: Iterable[Package], package: PackageId) -> None:
    """InvalidInput: it depends on what is not there, or on itself by way of others."""
    try:
        ordered([PackageChoice(package=package)], catalogue)
    except InvalidInput as error:
        raise InvalidInput(replace(problem, field="depends") for problem in error.problems) from error


def _refuse_orphans(c: Connection, old: Package, name: str) -> None:
    """Conflict: others depend on it by a name that it loses."""
    if name == old.name:
        return
    needing = [package.name for package in packages.every(c) if old.name in package.depends]
    if needing:
        raise Conflict(f"{old.name} is needed by the packages {first_of(needing)}; change those first")
