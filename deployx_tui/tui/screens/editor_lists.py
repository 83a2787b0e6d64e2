"""What a list of the editor asks for: one of its things edited, or another one chosen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from deployx_tui.model.software import PackageChoice
from deployx_tui.tui.file_forms import shown_of
from deployx_tui.tui.render.line import line, span
from deployx_tui.tui.screens import artifact_acts
from deployx_tui.tui.screens.artifact_picker import ArtifactPicker
from deployx_tui.tui.screens.ask import Ask
from deployx_tui.tui.screens.item_form import ItemForm
from deployx_tui.tui.screens.package_picker import PackagePicker
from deployx_tui.tui.screens.parameter_form import ParameterForm
from deployx_tui.tui.software_forms import ShownPackage
from deployx_tui.tui.widgets.item_list import OF_DISK, ItemList, PackageList
from deployx_tui.tui.widgets.parameter_list import ParameterList
from deployx_tui.tui.widgets.value_list import Wanted

if TYPE_CHECKING:
    from deployx_tui.tui.screens.place import Place


async def edit_value(place: Place, wanted: Wanted) -> None:
    """Ask for it in a card, and put it in the list."""
    match wanted.shown:
        case ParameterList():
            await _parameter(place, wanted.shown, wanted.index)
        case ItemList():
            await _item(place, wanted.shown, wanted.index, wanted.add)
        case PackageList():
            await _package(place, wanted.shown, wanted.index)


async def _parameter(place: Place, shown: ParameterList, index: int | None) -> None:
    others = [each.name for number, each in enumerate(shown.value) if number != index]
    typed = await place.app.push_screen_wait(ParameterForm(None if index is None else shown.value[index], others))
    if typed is not None:
        shown.put(index, typed)


async def _item(place: Place, shown: ItemList, index: int | None, add: int) -> None:
    if index is not None:
        changed = await place.app.push_screen_wait(ItemForm(shown.value[index]))
        if changed is not None:
            shown.put(index, changed)
        return
    if add == OF_DISK:
        chosen = await artifact_acts.add(place, ())
    else:
        chosen = await place.app.push_screen_wait(ArtifactPicker(place.bridge))
    if chosen is not None:
        shown.put(None, shown_of(chosen))


async def _package(place: Place, shown: PackageList, index: int | None) -> None:
    if index is None:
        chosen = await place.app.push_screen_wait(PackagePicker(place.bridge))
        if chosen is not None and chosen.id is not None:
            shown.put(None, ShownPackage(choice=PackageChoice(package=chosen.id), name=chosen.name))
        return
    here = shown.value[index]
    typed = await place.app.push_screen_wait(
        Ask(
            f"Which version of {here.name}",
            (line(span("  empty: the catalogue's, whatever it is then", "dim")),),
            value=here.choice.version or "",
            prompt="  version  ",
            word="takes it",
            may_be_empty=True,
        )
    )
    if typed is not None:
        shown.put(index, replace(here, choice=replace(here.choice, version=typed or None)))
