"""The editor's rows for files and for software, which of them are wanted, and what stands in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

from textual.widget import Widget

from deployx_tui.model.files import Existing
from deployx_tui.model.software import RebootPolicy, SoftwareAction
from deployx_tui.tui.file_forms import FilesForm
from deployx_tui.tui.software_forms import SoftwareForm
from deployx_tui.tui.widgets.choices import Choices
from deployx_tui.tui.widgets.field import Field
from deployx_tui.tui.widgets.form_row import FormRow
from deployx_tui.tui.widgets.item_list import ItemList, PackageList

_FILES = frozenset(field.name for field in fields(FilesForm))
_SOFTWARE = frozenset(field.name for field in fields(SoftwareForm))
#: seldom wanted: folded away unless they are not as usual
_FOLDED = ("pre", "platforms", "folders", "backups", "quick", "extra", "swap", "check")
#: of folders alone
_OF_TREES = frozenset({"extra", "protected", "most", "swap"})
_USUAL = FilesForm()


def _yes(value: bool, no: str, yes: str, name: str) -> Choices:
    return Choices(("no", "yes"), "yes" if value else "no", words=(no, yes), id=name)


def file_rows(form: FilesForm) -> Iterable[FormRow]:
    """What is put where, and how."""
    kinds = Choices(
        [each.value for each in Existing], form.existing.value, words=("replace it", "keep it", "fail"), id="existing"
    )
    yield FormRow("files", ItemList(form.items, id="items"), auto=True, required=True)
    yield FormRow("to", Field(form.to, framed=True, hint="/etc/nginx/", id="to"), required=True)
    yield FormRow("mode", Field(form.mode, framed=True, hint="as it is; a new file 0644", id="mode"))
    yield FormRow("owner", Field(form.owner, framed=True, hint="as it is; root:www-data", id="owner"))
    yield FormRow("if it differs", kinds)
    yield FormRow("afterwards", Field(form.post, framed=True, hint="systemctl reload nginx", id="post"))
    yield FormRow("if that fails", _yes(form.takeback, "leave the files", "take them back", "takeback"))
    yield FormRow("more", Choices(("fold", "open"), "fold", words=("folded", "open"), id="more"))
    yield FormRow("before", Field(form.pre, framed=True, hint="a command that must succeed first", id="pre"))
    yield FormRow("to, by system", Field(form.platforms, framed=True, hint="alpine=/etc/nginx/", id="platforms"))
    yield FormRow("new folders", _yes(form.folders, "not made", "made", "folders"))
    yield FormRow("backups", Field(form.backups, framed=True, id="backups"), "  kept there; 0: no rollback")
    yield FormRow("equal is", _yes(form.quick, "equal content", "equal size and time", "quick"))
    yield FormRow("what is extra", _yes(form.extra, "stays", "is deleted", "extra"))
    yield FormRow("never delete", Field(form.protected, framed=True, hint="*.local uploads/*", id="protected"))
    yield FormRow("at most", Field(form.most, framed=True, id="most"), "  % of what is there")
    yield FormRow("a folder goes", _yes(form.swap, "file by file", "whole, by a link", "swap"))
    yield FormRow("does it", _yes(form.check, "put them there", "only look", "check"))


_RESTARTS = {RebootPolicy.NEVER: "never", RebootPolicy.IF_NEEDED: "if needed", RebootPolicy.ALWAYS: "always"}


def software_rows(form: SoftwareForm) -> Iterable[FormRow]:
    """What is installed, and how."""
    yield FormRow("packages", PackageList(form.packages, id="packages"), auto=True)
    yield FormRow("own name", Field(form.custom, framed=True, hint="as apt, dnf or apk call it", id="custom"))
    yield FormRow("action", Choices([each.value for each in SoftwareAction], form.action.value, id="action"))
    yield FormRow("one fails", _yes(form.together, "go on with the rest", "take all back", "together"))
    # what works, and what an older task may have: that is refused with words when it is saved
    restarts = dict.fromkeys((RebootPolicy.NEVER, form.restart))
    yield FormRow(
        "restart",
        Choices(
            [each.value for each in restarts], form.restart.value, words=tuple(_RESTARTS[each] for each in restarts),
            id="restart",
        ),
        "  all that this release does" if len(restarts) == 1 else "",
    )  # fmt: skip
    yield FormRow("half-done", _yes(form.repair, "is a failure", "is repaired", "repair"))


def _text(form: Widget, name: str) -> str:
    return form.query_one(f"#{name}", Field).value


def _chosen(form: Widget, name: str) -> str:
    return form.query_one(f"#{name}", Choices).value


def files_in(form: Widget) -> FilesForm:
    """What stands in the fields of files now."""
    return FilesForm(
        items=form.query_one("#items", ItemList).value,
        to=_text(form, "to"),
        mode=_text(form, "mode"),
        owner=_text(form, "owner"),
        existing=Existing(_chosen(form, "existing")),
        post=_text(form, "post"),
        takeback=_chosen(form, "takeback") == "yes",
        pre=_text(form, "pre"),
        platforms=_text(form, "platforms"),
        folders=_chosen(form, "folders") == "yes",
        backups=_text(form, "backups"),
        extra=_chosen(form, "extra") == "yes",
        protected=_text(form, "protected"),
        most=_text(form, "most"),
        swap=_chosen(form, "swap") == "yes",
        quick=_chosen(form, "quick") == "yes",
        check=_chosen(form, "check") == "yes",
    )


def software_in(form: Widget) -> SoftwareForm:
    """What stands in the fields of software now."""
    return SoftwareForm(
        packages=form.query_one("#packages", PackageList).value,
        custom=_text(form, "custom"),
        action=SoftwareAction(_chosen(form, "action")),
        together=_chosen(form, "together") == "yes",
        restart=RebootPolicy(_chosen(form, "restart")),
        repair=_chosen(form, "repair") == "yes",
    )


def wanted_rows(form: Widget, does: str) -> dict[str, bool]:
    """Which of these rows are seen, by the first of their fields."""
    files = files_in(form)
    is_files = does == "files"
    rows = dict.fromkeys((*_FILES, "more"), is_files) | dict.fromkeys(_SOFTWARE, does == "software")
    if not is_files:
        return rows
    is_open = _chosen(form, "more") == "open"
    for name in _FOLDED:
        rows[name] = is_open or getattr(files, name) != getattr(_USUAL, name)
    rows["takeback"] = bool(files.post.strip()) or files.takeback
    has_tree = any(each.is_tree for each in files.items)
    rows["protected"] = rows["most"] = files.extra
    for name in _OF_TREES:
        rows[name] = rows[name] and (has_tree or getattr(files, name) != getattr(_USUAL, name))
    return rows
