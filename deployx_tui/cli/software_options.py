"""Packages as they are typed: `nginx`, `nginx=1.24.0-1`, and names that no catalogue has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from deployx_tui.cli.options import together
from deployx_tui.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from deployx_tui.model.software import SoftwareAction, SoftwarePayload
    from deployx_tui.model.task import TaskDraft
    from deployx_tui.service.backend import Backend

#: but for what is installed
software_options = together(
    click.option("--all-or-nothing/--one-by-one", default=None, help="A failing package takes the others back."),
    click.option(
        "--restart",
        type=click.Choice(["never", "if_needed", "always"]),
        metavar="never",
        help="Afterwards; `never` is all that this release does.",
    ),
    click.option("--repair/--no-repair", default=None, help="Mend a half-configured package database first."),
)


async def named(backend: Backend, words: Sequence[str], flag: str, *, action: SoftwareAction) -> SoftwarePayload:
    """What was typed, looked up in the catalogue. One name that it does not have is the devices' own.

    InvalidInput by flag; NotFound names what may have been meant.
    """
    from deployx_tui.model.software import PackageChoice, SoftwarePayload

    choices: list[PackageChoice] = []
    custom: str | None = None
    for word in dict.fromkeys(words):
        name, equals, version = word.partition("=")
        if equals and not version:
            raise InvalidInput.of(flag, f"{word[:80]!r} has no version", "say nginx=1.24.0-1, or nginx")
        try:
            found = await backend.packages.find(name)
        except NotFound as missing:
            if custom is not None or equals or missing.near:
                raise
            custom = name
            continue
        if found.id is None:
            raise TypeError("the catalogue gave a package without an id")
        choices.append(PackageChoice(package=found.id, version=version or None))
    return SoftwarePayload(packages=tuple(choices), custom=custom, action=action)


def typed_software(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """The options of packages that were given, by their flags."""
    names = ("install", "uninstall", "all_or_nothing", "restart", "repair")
    return tuple(f"--{name.replace('_', '-')}" for name in names if fields[name] is not None and fields[name] != ())


async def with_named(backend: Backend, draft: TaskDraft, fields: Mapping[str, Any]) -> TaskDraft:
    """The draft, which installs or takes away what was typed; as it is when nothing was."""
    from deployx_tui.model.software import SoftwarePayload

    words = fields["install"] or fields["uninstall"]
    if not words:
        return draft
    if not isinstance(draft.payload, SoftwarePayload):
        raise TypeError("the draft installs nothing")
    found = await named(backend, words, f"--{draft.payload.action}", action=draft.payload.action)
    return replace(draft, payload=replace(draft.payload, packages=found.packages, custom=found.custom))


def with_software_options(payload: SoftwarePayload, fields: Mapping[str, Any]) -> SoftwarePayload:
    """With what was typed of how, and of whether they come or go. InvalidInput by flag."""
    from deployx_tui.model.software import RebootPolicy, SoftwareAction

    changes: dict[str, Any] = {name: fields[name] for name in ("all_or_nothing", "repair") if fields[name] is not None}
    if fields["restart"] is not None:
        changes["reboot"] = RebootPolicy(fields["restart"])
    if fields.get("install") and fields.get("uninstall"):
        raise InvalidInput.of("--uninstall", "--install is there too", "make a task of each")
    for action in SoftwareAction:
        if fields.get(action.value):
            changes["action"] = action
    return replace(payload, **changes)
