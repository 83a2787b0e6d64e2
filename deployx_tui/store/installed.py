"""What devices were seen to have, in the database: the last answer for each package."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, and_, delete, select

from deployx_tui.model.changes import PackageChange
from deployx_tui.model.ids import DeviceId
from deployx_tui.model.package import InstalledPackage, InstallerKind
from deployx_tui.store.clock import from_ms
from deployx_tui.store.dialects import sets
from deployx_tui.store.dialects.insert import insert_or_replace
from deployx_tui.store.schema import devices, installed_packages, packages

_i = installed_packages.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One package on one device."""

    package: str
    installer: InstallerKind
    #: "": it is not there
    version: str


def keep(c: Connection, device: DeviceId, seen: Iterable[Seen], by: str, now_ms: int) -> None:
    """In the place of what was known of these packages on this device. Nothing is kept of a deleted device."""
    found = {each.package: each for each in seen}
    if (
        not found
        or c.scalar(select(devices.c.id).where(devices.c.id == device, devices.c.deleted_at.is_(None))) is None
    ):
        return
    gone = [name for name, each in found.items() if not each.version]
    if gone:
        c.execute(delete(installed_packages).where(_i.device_id == device, _i.package_name.in_(sets.texts(c, gone))))
    rows = [
        {
            "device_id": device,
            "package_name": each.package,
            "installer": each.installer.value,
            "version": each.version,
            "seen_at": now_ms,
            "seen_by": by,
        }
        for each in found.values()
        if each.version
    ]
    if rows:
        c.execute(insert_or_replace(c, installed_packages, ["device_id", "package_name"]), rows)


def follow(c: Connection, device: DeviceId, changed: Iterable[PackageChange], by: str, now_ms: int) -> None:
    """What is known of packages follows what a run changed; of those that nobody asked for nothing is begun."""
    after = {each.package: each for each in changed}
    known = c.scalars(
        select(_i.package_name).where(_i.device_id == device, _i.package_name.in_(sets.texts(c, after)))
    ).all()
    seen = [
        Seen(package=name, installer=InstallerKind(after[name].installer), version=after[name].after) for name in known
    ]
    keep(c, device, seen, by, now_ms)


def where(c: Connection, package: str | None = None) -> tuple[InstalledPackage, ...]:
    """What is where, by package and device; of one package, or of all."""
    query = (
        select(installed_packages, devices.c.device_name, packages.c.version.label("wanted"))
        .join(devices, and_(devices.c.id == _i.device_id, devices.c.deleted_at.is_(None)))
        .outerjoin(
            packages,
            and_(packages.c.package_name == _i.package_name, packages.c.deleted_at.is_(None)),
        )
        .order_by(_i.package_name, devices.c.device_name)
    )
    if package is not None:
        query = query.where(_i.package_name == package)
    return tuple(
        InstalledPackage(
            device=DeviceId(row.device_id),
            device_name=row.device_name,
            package=row.package_name,
            installer=InstallerKind(row.installer),
            version=row.version,
            wanted=row.wanted,
            seen_at=from_ms(row.seen_at),
            seen_by=row.seen_by,
        )
        for row in c.execute(query)
    )
