"""Packages as JSON: on the wire, in the store, in plans and, by way of YAML, in a team's files. Read strictly."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from enum import StrEnum
from typing import TypeVar

from deployx_tui.errors import InvalidInput
from deployx_tui.model.ids import PackageId
from deployx_tui.model.json_reader import JSON, Reader
from deployx_tui.model.package import (
    BY_DATABASE,
    BY_FILE,
    BY_NAME,
    CATALOGUE_NAME,
    LATEST,
    NATIVE_NAME,
    NO_REQUIREMENTS,
    SHA256,
    VERSION,
    Detection,
    DetectionKind,
    InstallerKind,
    Package,
    Requirements,
    Variant,
)

E = TypeVar("E", bound=StrEnum)

#: characters of a script, of a description, of every other text
_MOST_SCRIPT, _MOST_TEXT, _MOST = 100_000, 2_000, 500
#: of each list
_MOST_ITEMS = 50
_MOST_BYTES = 1 << 60
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", re.ASCII)
_PATH = re.compile(r"/[^\0-\x1f\x7f]{1,400}")
#: folders that versions and links are put into and removed from
_FOLDER = re.compile(r"(/[A-Za-z0-9_.+-]+){2,20}", re.ASCII)
_URL = re.compile(r"https://[A-Za-z0-9._~:/?#@!$&()*+,;=%-]{3,900}", re.ASCII)
_ARTIFACT = re.compile(r"[^\0-\x1f\x7f/]{1,200}")


# ---- out


def package_to_json(package: Package) -> dict[str, JSON]:
    """Everything but the id; what says nothing is left out."""
    return _given({
        "name": package.name,
        "version": package.version,
        "description": package.description,
        "category": package.category,
        "publisher": package.publisher,
        "depends": [*package.depends],
        "requirements": _requirements_to_json(package.requirements),
        "variants": [variant_to_json(variant) for variant in package.variants],
        "is_active": None if package.is_active else False,
    })  # fmt: skip


def variant_to_json(variant: Variant) -> dict[str, JSON]:
    limit = variant.time_limit
    return _given({
        "installer": variant.installer.value,
        "os": [*variant.os],
        "arch": [*variant.arch],
        "name": variant.name,
        "version": variant.version,
        "artifact": variant.artifact,
        "url": variant.url,
        "sha256": variant.sha256,
        "folder": variant.folder,
        "strip": variant.strip or None,
        "script": variant.script,
        "uninstall": variant.uninstall,
        "detection": _detection_to_json(variant.detection),
        "pre": variant.pre,
        "post": variant.post,
        "success_codes": None if variant.success_codes == {0} else [*sorted(variant.success_codes)],
        "reboot_codes": [*sorted(variant.reboot_codes)],
        "time_limit_seconds": None if limit is None else limit.total_seconds(),
        "source": variant.source,
        "source_date": None if variant.source_date is None else variant.source_date.isoformat(),
        "is_checked": variant.is_checked or None,
    })  # fmt: skip


def _requirements_to_json(found: Requirements) -> dict[str, JSON]:
    return _given({
        "os": [*found.os],
        "os_version": found.os_version,
        "arch": [*found.arch],
        "free_disk": found.free_disk,
        "free_memory": found.free_memory,
        "not_installed": [*found.not_installed],
    })  # fmt: skip


def _detection_to_json(found: Detection) -> dict[str, JSON]:
    if found == BY_DATABASE:
        return {}
    return _given({"kind": found.kind.value, "path": found.path, "command": found.command, "pattern": found.pattern})


def _given(data: dict[str, JSON]) -> dict[str, JSON]:
    return {name: value for name, value in data.items() if value not in (None, "", [], {})}


def pinned_to_json(package: Package) -> dict[str, JSON]:
    """As a plan has it: what it is on the day of the plan, with its id."""
    return {"id": package.id, **package_to_json(package)}


# ---- in


def pinned_from_json(data: JSON) -> Package:
    """InvalidInput where the plan was not written by this program."""
    if not isinstance(data, dict):
        raise InvalidInput.of("packages", "it is no package", "start the task again")
    rest = {key: value for key, value in data.items() if key != "id"}
    number = data.get("id")
    return package_from_json(rest, "packages", PackageId(number) if isinstance(number, int) else None)


def package_from_json(data: JSON, path: str = "", id_: PackageId | None = None) -> Package:
    """InvalidInput names every field that is wrong, and what helps."""
    reader = Reader(data, path)
    package = read_package(reader)
    reader.finish()
    return replace(package, id=id_)


def read_package(reader: Reader) -> Package:
    reading = _Reading(reader)
    name = reading.matching("name", CATALOGUE_NAME, "use letters, digits, . + _ - and blanks, up to 80", required=True)
    variants = tuple(
        _variant(reader.nested(f"variants.{number}", item))
        for number, item in enumerate(reading.few("variants"))
    )  # fmt: skip
    if not variants:
        reader.problem("variants", "there is none", "say by which installer it gets onto which system")
    depends = reading.names("depends", CATALOGUE_NAME)
    if name in depends:
        reader.problem("depends", "it depends on itself", "leave its own name out")
    requirements = reader.object("requirements")
    is_active = reader.flag("is_active")
    return Package(
        name=name,
        version=reading.version("version"),
        description=reading.text("description", _MOST_TEXT),
        category=reading.text("category"),
        publisher=reading.text("publisher"),
        variants=variants,
        requirements=NO_REQUIREMENTS if requirements is None else _requirements(requirements),
        depends=depends,
        is_active=is_active is not False,
    )


def _requirements(reader: Reader) -> Requirements:
    reading = _Reading(reader)
    found = Requirements(
        os=reading.words("os"),
        os_version=reading.version("os_version"),
        arch=reading.words("arch"),
        free_disk=reading.size("free_disk"),
        free_memory=reading.size("free_memory"),
        not_installed=reading.names("not_installed", NATIVE_NAME),
    )
    reader.close()
    return found


def _variant(reader: Reader) -> Variant:
    reading = _Reading(reader)
    if not reader.has("installer"):
        reader.problem("installer", "it is missing", f"say one of {', '.join(InstallerKind)}")
    kind = reader.word("installer", InstallerKind, InstallerKind.APT)
    detection = reader.object("detection")
    limit = reader.seconds("time_limit_seconds")
    if limit is not None and limit.total_seconds() < 1:
        reader.problem("time_limit_seconds", "it is less than a second", "give seconds, such as 1800")
    success = reading.codes("success_codes")
    folder = reading.matching("folder", _FOLDER, "give an absolute folder below another one, such as /opt/tool")
    if "/." in folder:
        reader.problem("folder", "a part of it begins with a dot", "name a folder without . and ..")
    found = Variant(
        installer=kind,
        os=reading.words("os"),
        arch=reading.words("arch"),
        name=reading.matching("name", NATIVE_NAME, "give the package manager's own name, such as nginx"),
        version=reading.version("version"),
        artifact=reading.matching("artifact", _ARTIFACT, "give NAME or NAME@VERSION of an artifact"),
        url=reading.matching("url", _URL, "give an address that begins with https://"),
        sha256=reading.matching("sha256", SHA256, "give 64 digits of small hex"),
        folder=folder,
        strip=reading.small("strip", 20),
        script=reading.text("script", _MOST_SCRIPT),
        uninstall=reading.text("uninstall", _MOST_SCRIPT),
        detection=BY_DATABASE if detection is None else _detection(detection),
        pre=reading.text("pre", _MOST_SCRIPT),
        post=reading.text("post", _MOST_SCRIPT),
        success_codes=success or frozenset({0}),
        reboot_codes=reading.codes("reboot_codes"),
        time_limit=limit,
        source=reading.text("source"),
        source_date=reading.date("source_date"),
        is_checked=reader.flag("is_checked") is True,
    )
    _consider(reader, found)
    reader.close()
    return found


def _consider(reader: Reader, found: Variant) -> None:
    """What must go together, and what can't."""
    kind = found.installer
    sources = [name for name, value in (("artifact", found.artifact), ("url", found.url)) if value]
    if len(sources) > 1:
        reader.problem("url", "there is an artifact too", "give one of artifact and url")
    if found.url and not found.sha256:
        reader.problem("sha256", "it is missing", "give the SHA-256 of what the address holds: sha256sum FILE")
    if found.sha256 and not sources:
        reader.problem("sha256", "it belongs to an artifact or a url", "leave it out")
    if kind in BY_NAME:
        _consider_name(reader, found, sources)
    if kind in BY_FILE and not sources:
        reader.problem("artifact", "it is missing", f"say which artifact is the {kind.value}, or give url and sha256")
    if kind is InstallerKind.ARCHIVE and not found.folder:
        reader.problem("folder", "it is missing", "say where its versions lie, such as /opt/tool")
    if kind is not InstallerKind.ARCHIVE and (found.folder or found.strip):
        reader.problem("folder", "it belongs to an archive", "leave folder and strip out")
    if kind is InstallerKind.SCRIPT:
        _consider_script(reader, found, sources)
    elif found.script or found.uninstall:
        reader.problem("script", "it belongs to the kind script", "use pre and post for steps around an installer")


def _consider_name(reader: Reader, found: Variant, sources: list[str]) -> None:
    kind = found.installer
    if not found.name:
        reader.problem("name", "it is missing", f"give the name that {kind.value} knows")
    if sources:
        reader.problem(sources[0], f"{kind.value} installs by name", "choose deb, rpm, archive or script for a file")
    if "/" in found.name and kind is not InstallerKind.BREW:
        reader.problem("name", f"{kind.value} takes a / for something else", "give the bare name")


def _consider_script(reader: Reader, found: Variant, sources: list[str]) -> None:
    if bool(found.script) == bool(sources):
        reader.problem("script", "one text is needed", "give script, or an artifact, or url and sha256")
    if found.detection.kind is DetectionKind.DATABASE:
        remedy = 'give {"kind": "command", "command": "tool --version", "pattern": "([0-9.]+)"}'
        reader.problem("detection", "no database knows what a script installs", remedy)


def _detection(reader: Reader) -> Detection:
    reading = _Reading(reader)
    found = Detection(
        kind=reader.word("kind", DetectionKind, DetectionKind.DATABASE),
        path=reading.matching("path", _PATH, "give an absolute path"),
        command=reading.text("command"),
        pattern=reading.text("pattern", 200),
    )
    if found.kind is DetectionKind.FILE and not found.path:
        reader.problem("path", "it is missing", "say which file names the version")
    if found.kind is DetectionKind.COMMAND and not found.command:
        reader.problem("command", "it is missing", "give a line that says the version, such as tool --version")
    if "\n" in found.command:
        reader.problem("command", "it has several lines", "give one line")
    if found.pattern:
        try:
            groups = re.compile(found.pattern).groups
        except (re.error, RecursionError, OverflowError):
            groups = -1
        if groups != 1 or not found.pattern.isprintable() or "(?" in found.pattern:
            reader.problem("pattern", "it is no expression with one group", "write for example version ([0-9.]+)")
    reader.close()
    return found


class _Reading:
    """Values of one object with their patterns."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def text(self, key: str, most: int = _MOST) -> str:
        found = self._reader.text(key) or ""
        if len(found) > most:
            self._reader.problem(key, f"it has {len(found)} characters", f"give at most {most}")
        return found

    def matching(self, key: str, pattern: re.Pattern[str], remedy: str, *, required: bool = False) -> str:
        found = self._reader.text(key, required=required) or ""
        if found and not pattern.fullmatch(found):
            self._reader.problem(key, f"{found[:60]!r} can't be it", remedy)
            return ""
        if required and not found and self._reader.has(key):
            self._reader.problem(key, "it is empty", remedy)
        return found

    def version(self, key: str) -> str | None:
        """A number, as YAML has 12, counts too."""
        found = self._reader.plain(key)
        if found is None:
            return None
        if not VERSION.fullmatch(found) or found == LATEST:
            self._reader.problem(key, f"{found[:60]!r} is no version", "give for example 1.22.1-9+deb12u1")
            return None
        return found

    def few(self, key: str) -> list[JSON]:
        found = self._reader.items(key)
        if len(found) > _MOST_ITEMS:
            self._reader.problem(key, f"it has {len(found)} items", f"give at most {_MOST_ITEMS}")
        return found[:_MOST_ITEMS]

    def names(self, key: str, pattern: re.Pattern[str]) -> tuple[str, ...]:
        found = self._reader.texts(key)
        for name in found:
            if not pattern.fullmatch(name):
                self._reader.problem(key, f"{name[:60]!r} is no name of a package", "give names such as nginx")
        if len(found) > _MOST_ITEMS:
            self._reader.problem(key, f"it has {len(found)} items", f"give at most {_MOST_ITEMS}")
        return tuple(dict.fromkeys(found))

    def words(self, key: str) -> tuple[str, ...]:
        found = self._reader.texts(key)
        for word in found:
            if not _WORD.fullmatch(word):
                self._reader.problem(key, f"{word[:60]!r} is no such word", "give words such as debian or x86_64")
        return tuple(dict.fromkeys(word.lower() for word in found))

    def size(self, key: str) -> int | None:
        found = self._reader.number(key)
        if found is not None and not 0 < found <= _MOST_BYTES:
            self._reader.problem(key, f"{found} is no size", "give bytes, such as 1073741824")
            return None
        return found

    def small(self, key: str, most: int) -> int:
        found = self._reader.number(key) or 0
        if not 0 <= found <= most:
            self._reader.problem(key, f"{found} is out of range", f"give 0 to {most}")
            return 0
        return found

    def codes(self, key: str) -> frozenset[int]:
        found = self._reader.numbers(key)
        for code in found:
            if not 0 <= code < 1 << 32:
                self._reader.problem(key, f"{code} is no exit code", "give 0 to 255; installers of Windows have 3010")
        return frozenset(found)

    def date(self, key: str) -> date | None:
        found = self._reader.text(key)
        if found is None:
            return None
        try:
            return date.fromisoformat(found)
        except ValueError:
            self._reader.problem(key, f"{found[:60]!r} is no date", "give for example 2026-11-29")
            return None
