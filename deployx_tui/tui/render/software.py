"""Software as it was seen on devices: a row for each package, and which version is where. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from deployx_tui.model.package import InstalledPackage, Package
from deployx_tui.model.words import counted
from deployx_tui.tui.render.line import Line, line, span
from deployx_tui.tui.render.names import in_room
from deployx_tui.tui.render.when import ago


@dataclass(frozen=True, slots=True)
class SoftwareRow:
    """One package, of the catalogue or only seen somewhere."""

    name: str
    #: None: the catalogue does not have it
    package: Package | None
    #: where it was seen, by device
    seen: tuple[InstalledPackage, ...]
    now: datetime

    @property
    def key(self) -> object:
        return self.name

    @property
    def behind(self) -> int:
        """Devices that have another version than the catalogue's."""
        return sum(each.is_behind for each in self.seen)


def rows_of(
    packages: Iterable[Package], installed: Iterable[InstalledPackage], now: datetime, *, behind: bool, text: str
) -> list[SoftwareRow]:
    """Those that are behind first, then by name. `text`: words that the name holds."""
    known = {package.name: package for package in packages}
    seen: dict[str, list[InstalledPackage]] = {name: [] for name in known}
    for each in installed:
        seen.setdefault(each.package, []).append(each)
    rows = [SoftwareRow(name, known.get(name), tuple(found), now) for name, found in seen.items()]
    words = text.lower().split()
    rows = [row for row in rows if all(word in row.name.lower() for word in words) and (row.behind or not behind)]
    return sorted(rows, key=lambda row: (row.behind == 0, row.name))


def glyph_cell(row: SoftwareRow) -> Line:
    if not row.seen or row.package is None:
        return (span("·", "dim"),)
    return (span("!", "warn"),) if row.behind else (span("✓", "good"),)


def name_cell(row: SoftwareRow) -> Line:
    return (span(row.name),)


def wanted_cell(row: SoftwareRow) -> Line:
    if row.package is None:
        return (span("no entry", "dim"),)
    return (span(row.package.version),) if row.package.version else (span("any", "dim"),)


def devices_cell(row: SoftwareRow) -> Line:
    return (span(str(len(row.seen))) if row.seen else span("none", "dim"),)


def behind_cell(row: SoftwareRow) -> Line:
    return (span(str(row.behind), "warn"),) if row.behind else ()


def versions_cell(row: SoftwareRow) -> Line:
    """`1.24.0-1 ×18  1.22.1-9 ×4`, the most frequent first."""
    parts = [
        span(f"{version} ×{len(found)}  ", "warn" if found[0].is_behind else "")
        for version, found in by_version(row.seen)
    ]
    return tuple(parts)


def seen_cell(row: SoftwareRow) -> Line:
    """How old the oldest look is: nothing younger is known of all of them."""
    return (span(ago(min(each.seen_at for each in row.seen), row.now)),) if row.seen else ()


def by_version(seen: Sequence[InstalledPackage]) -> list[tuple[str, list[InstalledPackage]]]:
    """The most frequent version first."""
    found: dict[str, list[InstalledPackage]] = {}
    for each in seen:
        found.setdefault(each.version, []).append(each)
    return sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))


def where_lines(row: SoftwareRow, width: int) -> tuple[Line, ...]:
    """Which version is on which devices, by what it was installed, and when that was seen."""
    made: list[Line] = []
    wide = min(24, max((len(each.version) for each in row.seen), default=0))
    for version, found in by_version(row.seen):
        mark = span("! ", "warn") if found[0].is_behind else span("✓ " if found[0].wanted else "  ", "good")
        oldest = min(each.seen_at for each in found)
        told = f"  {found[0].installer.value}, seen {ago(oldest, row.now)}"
        room = max(12, width - wide - len(told) - 8)
        names = in_room([each.device_name for each in found], room)
        made.append(line(span(" "), mark, span(f"{version:<{wide}}  "), span(names), span(told, "dim")))
    return tuple(made) or (line(span(" no device was seen to have it", "dim")),)


def title_words(rows: Sequence[SoftwareRow]) -> tuple[str, ...]:
    behind = {each.device for row in rows for each in row.seen if each.is_behind}
    words = [counted(len(rows), "package")]
    if behind:
        words.append(f"{counted(len(behind), 'device')} behind")
    return tuple(words)
