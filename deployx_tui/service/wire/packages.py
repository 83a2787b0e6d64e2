"""Packages as JSON, and back; and as the original's clients know software."""

from __future__ import annotations

from dataclasses import replace

from deployx_tui.model.ids import DeviceId, PackageId
from deployx_tui.model.json_reader import JSON
from deployx_tui.model.package import ON_WINDOWS, InstalledPackage, InstallerKind, Package, Taken, Variant
from deployx_tui.model.package_json import package_from_json, package_to_json
from deployx_tui.service.wire import values
from deployx_tui.service.wire.values import Json

_MANAGES = ("id", "revision", "updated_at")


def stored_to_json(package: Package) -> Json:
    return {
        "id": package.id,
        "revision": package.revision,
        "updated_at": values.instant(package.updated_at),
        **package_to_json(package),
    }


def stored_from_json(data: JSON) -> Package:
    row = values.fields(data)
    rest = {key: value for key, value in row.items() if key not in _MANAGES}
    found = values.theirs("package", lambda: package_from_json(rest))
    number = values.number_or_none(row, "id")
    return replace(
        found,
        id=None if number is None else PackageId(number),
        revision=values.number(row, "revision"),
        updated_at=values.when_or_none(row, "updated_at"),
    )


def installed_to_json(found: InstalledPackage) -> Json:
    return {
        "device_id": found.device,
        "device": found.device_name,
        "package": found.package,
        "installer": found.installer.value,
        "version": found.version,
        "wanted": found.wanted,
        "is_behind": found.is_behind,
        "seen_at": values.instant(found.seen_at),
        "seen_by": found.seen_by,
    }


def installed_from_json(data: JSON) -> InstalledPackage:
    row = values.fields(data)
    return InstalledPackage(
        device=DeviceId(values.number(row, "device_id")),
        device_name=values.text(row, "device"),
        package=values.text(row, "package"),
        installer=values.word(row, "installer", InstallerKind),
        version=values.text(row, "version"),
        wanted=values.text_or_none(row, "wanted"),
        seen_at=values.when(row, "seen_at"),
        seen_by=values.text(row, "seen_by"),
    )


def taken_to_json(taken: Taken) -> Json:
    return {
        "created": values.items(taken.created),
        "changed": values.items(taken.changed),
        "same": values.items(taken.same),
    }


def taken_from_json(data: JSON) -> Taken:
    row = values.fields(data)
    return Taken(values.texts(row, "created"), values.texts(row, "changed"), values.texts(row, "same"))


# ---- the original's

_DARWIN = frozenset({"darwin", "macos"})


def software_to_json(package: Package) -> Json:
    """A row of the original's list."""
    systems = dict.fromkeys(_system(variant) for variant in package.variants)
    return {
        "id": package.id,
        "name": package.name,
        "version": package.version,
        "description": package.description,
        "category": package.category,
        "publisher": package.publisher,
        "supported_os": values.items(systems),
        "is_active": package.is_active,
    }


def software_detail_to_json(package: Package) -> Json:
    """What the original tells of one. A field without a meaning here is null."""
    needs = package.requirements
    by_url = next((variant for variant in package.variants if variant.url), None)
    at = values.instant(package.updated_at)
    return {
        **software_to_json(package),
        "download_url": None if by_url is None else by_url.url,
        "file_size": None,
        **{f"install_command_{system}": _command(package, system) for system in ("windows", "linux", "macos")},
        "uninstall_command": next((each.uninstall for each in package.variants if each.uninstall), None),
        "min_ram_mb": None if needs.free_memory is None else needs.free_memory >> 20,
        "min_disk_mb": None if needs.free_disk is None else needs.free_disk >> 20,
        "icon_url": None,
        "dependencies": values.items(package.depends),
        "checksum": None if by_url is None else by_url.sha256,
        "created_at": at,
        "updated_at": at,
    }


def _system(variant: Variant) -> str:
    if variant.installer in ON_WINDOWS:
        return "windows"
    return "macos" if variant.installer is InstallerKind.BREW or set(variant.os) & _DARWIN else "linux"


def _command(package: Package, system: str) -> str | None:
    """In words: a variant is more than a command line."""
    for variant in package.variants:
        if _system(variant) == system:
            return variant.script or f"{variant.installer.value} {variant.name or variant.artifact or variant.url}"
    return None
