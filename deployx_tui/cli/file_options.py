"""The options that say how files come to lie on targets: for `push`, `task add` and `task edit`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from deployx_tui.cli.completion import Name
from deployx_tui.cli.options import NONE, listed, together
from deployx_tui.errors import InvalidInput

if TYPE_CHECKING:
    from deployx_tui.model.files import FileItem, FilePayload
    from deployx_tui.model.task import TaskDraft

#: they come as they are typed, so that `task edit` sees which were
_FILES = [
    click.option("--to", metavar="PATH", help="Where to: a folder ends in /; ~/ is the account's home."),
    click.option(
        "--to-on", "platforms", multiple=True, metavar="OS=PATH", help="Where to on such a system; again for more."
    ),
    click.option("--mode", metavar="0644", help="Permission bits of files; default: a replaced file's own, or 0644."),
    click.option("--owner", metavar="U:G", help="Owner, group or both; default: a replaced file's own."),
    click.option("--create-folders/--no-create-folders", default=None, help="Make missing folders (the default)."),
    click.option(
        "--existing", type=click.Choice(["replace", "keep", "fail"]), help="A file that has another content there."
    ),
    click.option("--backups", type=int, metavar="N", help="Replaced versions kept on the target; default: 1."),
    click.option("--pre-check", metavar="CMD", help="Must succeed before anything is changed."),
    click.option("--post", metavar="CMD", help="Runs afterwards, when something changed."),
    click.option(
        "--rollback-on-failure/--no-rollback-on-failure", default=None, help="A failing --post takes the files back."
    ),
    click.option(
        "--delete-extra/--keep-extra", default=None, help="Remove what is there and not in the folder that is sent."
    ),
    click.option("--protect", multiple=True, metavar="PATTERN", help="Never removed, such as logs/*; again for more."),
    click.option("--max-deletions", type=int, metavar="10", help="Per cent of what is there that may be removed."),
    click.option("--swap/--no-swap", default=None, help="A folder changes as a whole, by a symbolic link."),
    click.option("--quick/--no-quick", default=None, help="Equal size and time of change count as equal."),
    click.option("--newest/--pinned", default=None, help="The newest version when it runs, or this one."),
    click.option("--substitute/--no-substitute", default=None, help="${NAME} in files stands for a parameter."),
    click.option("--line-endings", type=click.Choice(["as_is", "lf", "crlf"]), help="Of files; default: as they are."),
    click.option("--deployment-name", metavar="TEXT", help="What lists call it."),
    click.option(
        "--artifact", "stored", multiple=True, metavar="NAME", type=Name("artifact"), help="What: a kept one."
    ),
]
file_options = together(*_FILES)

#: of these options, as a command gets them
FILE_FIELDS = (
    "to", "platforms", "mode", "owner", "create_folders", "existing", "backups", "pre_check", "post",
    "rollback_on_failure", "delete_extra", "protect", "max_deletions", "swap", "quick", "newest", "substitute",
    "line_endings", "deployment_name", "stored",
)  # fmt: skip
#: typed name: the payload's own, where a value is taken as it is
_AS_TYPED = {
    "to": "target_path",
    "create_folders": "create_folders",
    "backups": "backups",
    "rollback_on_failure": "rollback_on_failure",
    "delete_extra": "delete_extra",
    "max_deletions": "most_deletions",
    "swap": "swap",
    "quick": "quick",
    "check": "check",
}
#: texts that `none` takes away
_TEXTS = {"pre_check": "pre_check", "post": "post_command", "deployment_name": "deployment_name"}


def typed_files(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """The options of files that were given, by their flags."""
    return tuple(f"--{_flag(name)}" for name in ("push", *FILE_FIELDS, "check") if _is_given(fields.get(name)))


def files_of(
    fields: Mapping[str, Any], items: Sequence[FileItem] | None, base: FilePayload | None = None
) -> FilePayload:
    """What was typed. `items`: what is sent; None: what `base` sends. InvalidInput by wire field or flag."""
    from deployx_tui.model import parse
    from deployx_tui.model.files import Existing, FilePayload

    if base is None and fields["to"] is None:
        raise InvalidInput.of("--to", "it is not said where the files go", "give --to PATH, a folder ends in /")
    payload = FilePayload(items=(), target_path="") if base is None else base
    changes: dict[str, Any] = {own: fields[name] for name, own in _AS_TYPED.items() if fields.get(name) is not None}
    changes |= {
        own: None if fields[name] == NONE else fields[name] for name, own in _TEXTS.items() if fields[name] is not None
    }
    changes["items"] = tuple(_item(item, fields) for item in (payload.items if items is None else items))
    if fields["platforms"]:
        changes["platform_paths"] = tuple(_platform(text) for text in listed(fields["platforms"]))
    if fields["mode"] is not None:
        changes["mode"] = None if fields["mode"] == NONE else parse.parse_mode(fields["mode"], "--mode")
    if fields["owner"] is not None:
        changes["owner"], changes["group"] = _owner(fields["owner"])
    if fields["existing"] is not None:
        changes["existing"] = Existing(fields["existing"])
    if fields["protect"]:
        changes["protected"] = listed(fields["protect"])
    return replace(payload, **changes)


def with_items(draft: TaskDraft, items: Sequence[FileItem], fields: Mapping[str, Any]) -> TaskDraft:
    """The draft, which puts these files somewhere, as they were typed; they replace what it put there."""
    from deployx_tui.model.files import FilePayload

    if not isinstance(draft.payload, FilePayload):
        raise TypeError("the draft sends no files")
    return replace(draft, payload=replace(draft.payload, items=tuple(_item(item, fields) for item in items)))


def _item(item: FileItem, fields: Mapping[str, Any]) -> FileItem:
    from deployx_tui.model.files import LineEndings

    changes: dict[str, Any] = {name: fields[name] for name in ("newest", "substitute") if fields[name] is not None}
    if fields["line_endings"] is not None:
        changes["line_endings"] = LineEndings(fields["line_endings"])
    return replace(item, **changes)


def _platform(text: str) -> tuple[str, str]:
    word, equals, path = text.partition("=")
    if not equals or not path:
        raise InvalidInput.of("--to-on", f"{text[:80]!r} is not OS=PATH", "say freebsd=/usr/local/etc/")
    return word, path


def _owner(text: str) -> tuple[str | None, str | None]:
    """`www-data`, `www-data:adm`, `:adm`."""
    if text == NONE:
        return None, None
    owner, _, group = text.partition(":")
    if not owner and not group:
        return "", None  # no account's name: it is refused
    return owner or None, group or None


def _is_given(value: Any) -> bool:
    return value is not None and value != ()


def _flag(name: str) -> str:
    return {"platforms": "to-on", "stored": "artifact"}.get(name, name.replace("_", "-"))
