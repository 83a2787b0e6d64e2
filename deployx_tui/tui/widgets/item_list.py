"""What a task puts on devices, a line each, and two last lines that add one."""

from __future__ import annotations

from typing import ClassVar

from deployx_tui.model.files import LineEndings
from deployx_tui.model.parse import format_mode
from deployx_tui.model.words import size_words
from deployx_tui.tui.file_forms import ShownItem
from deployx_tui.tui.render.line import Line, line, span
from deployx_tui.tui.software_forms import ShownPackage
from deployx_tui.tui.widgets.value_list import ValueList

#: which of the adding lines of an ItemList it was
OF_ARTIFACTS, OF_DISK = 0, 1


class ItemList(ValueList[ShownItem]):
    adds: ClassVar[tuple[tuple[str, str], ...]] = (
        ("enter chooses of the artifacts", "one more of the artifacts"),
        ("enter adds one of this machine", "one more of this machine"),
    )

    def spans_of(self, value: ShownItem) -> Line:
        return item_line(value)


class PackageList(ValueList[ShownPackage]):
    adds: ClassVar[tuple[tuple[str, str], ...]] = (("enter chooses of the catalogue", "one more of the catalogue"),)

    def spans_of(self, value: ShownPackage) -> Line:
        version = value.choice.version
        return line(span(value.name, "bold"), span(f"  {version}" if version else "  the catalogue's version", "dim"))


def item_line(shown: ShownItem) -> Line:
    """`nginx.conf v3  1.2 kB  as site.conf  0640  LF  ${}`: what is not as usual stands behind the size."""
    item = shown.item
    if shown.version is None:
        return line(span(shown.name, "bold"), span("  is not there any more", "bad"))
    version = f" v{shown.version}, then the newest" if item.newest else f" v{shown.version}"
    words = [] if item.name is None else [f"as {item.name}"]
    words += [] if item.mode is None else [format_mode(item.mode)]
    words += [] if item.line_endings is LineEndings.AS_IS else [item.line_endings.value.upper()]
    words += ["${}"] if item.substitute else []
    kind = "folder, " if shown.is_tree else ""
    return line(
        span(shown.name, "bold"),
        span(version),
        span(f"  {kind}{size_words(shown.size)}", "dim"),
        *(f"  {each}" for each in words),
    )
